"""A process that reads the files named on its standard input as a server does, and says what each cost it and others.

Prints the seconds that an honest file takes, then one JSON object a file: `outcome` (a sentence, or the size of a
scan), `seconds`, `grown` (bytes of resident memory of this process at most, beyond what it had before) and
`others`, the slowest read of an honest file meanwhile.
"""

import json
import sys
import threading
import time
from pathlib import Path
from typing import Any

from meddef_core.errors import ScanError
from meddef_core.scans import read_scan_isolated, warm_decoders

HONEST = Path(sys.argv[1])


def resident(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(f"{field}:")).split()[1])


def read(path: Path, found: dict[str, Any]) -> None:
    began = time.monotonic()
    try:
        found["outcome"] = str(read_scan_isolated(path.read_bytes()).size)
    except ScanError as error:
        found["outcome"] = str(error)
    found["seconds"] = time.monotonic() - began


def main() -> None:
    warm_decoders(2)
    honest = HONEST.read_bytes()
    for _ in range(4):
        read_scan_isolated(honest)
    before, began = resident("VmRSS"), time.monotonic()
    for _ in range(5):
        read_scan_isolated(honest)
    print((time.monotonic() - began) / 5, flush=True)
    for line in sys.stdin:
        Path("/proc/self/clear_refs").write_text("5")  # the peak starts over
        found: dict[str, Any] = {}
        other = threading.Thread(target=read, args=(Path(line.strip()), found))
        other.start()
        times = []
        while True:
            began = time.monotonic()
            read_scan_isolated(honest)
            times.append(time.monotonic() - began)
            if not other.is_alive():
                break
            time.sleep(0.1)
        print(json.dumps(found | {"grown": resident("VmHWM") - before, "others": max(times)}), flush=True)


if __name__ == "__main__":
    main()
