"""An ordinary upload in a worker beside one in process: seconds of both, in turns, as one JSON document.

`python tests/benchmarks/measure_decoding.py`, on a quiet machine. Exits with 1 where a worker takes more than the
larger of 1.1 times and 50 ms more.
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))

from scan_files import dicom, jpeg, png

from meddef_core.scans import Scan, read_scan, read_scan_isolated, warm_decoders

ROUNDS = 15
MOST_RATIO, MOST_MORE = 1.1, 0.05


def uploads() -> dict[str, bytes]:
    """Files as people upload them: a B-scan, a small film, a film of a detector."""
    rng = np.random.default_rng(0)
    film = rng.normal(1000, 300, (2500, 2000)).clip(0, 4095).astype(np.uint16)
    return {
        "B-scan, JPEG 768 x 496": jpeg(rng.integers(0, 256, (496, 768), dtype=np.uint8)),
        "film, PNG 1024 x 1024": png(rng.integers(0, 256, (1024, 1024), dtype=np.uint8)),
        "film, DICOM 2000 x 2500, 12 bits": dicom(film, bits=12, WindowCenter=1000, WindowWidth=2000),
    }


def seconds(read: Callable[[bytes], Scan], data: bytes) -> float:
    """Time by the clock of one read."""
    began = time.perf_counter()
    read(data)
    return time.perf_counter() - began


def compared(data: bytes) -> dict[str, float]:
    """Medians over rounds in which both take turns."""
    pairs = [(seconds(read_scan, data), seconds(read_scan_isolated, data)) for _ in range(ROUNDS)]
    alone, worker = (statistics.median(times) for times in zip(*pairs, strict=True))
    return {"in_process_s": round(alone, 4), "in_a_worker_s": round(worker, 4), "ratio": round(worker / alone, 2)}


def main() -> None:
    """Print the document; exit with 1 where a bound is broken."""
    warm_decoders(2)
    files = uploads()
    for data in files.values():
        read_scan_isolated(data)
    document = {name: compared(data) for name, data in files.items()}
    print(json.dumps(document, indent=2))
    broken = [
        name
        for name, found in document.items()
        if found["in_a_worker_s"] > max(MOST_RATIO * found["in_process_s"], MOST_MORE + found["in_process_s"])
    ]
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
