"""A class of thirty opens the page at once and attacks at once, then 200 sessions come and go: one JSON document.

`python tests/benchmarks/measure_class.py`, on a quiet machine with two cores: it starts the app with the shipped
models. Exits with 1 where a bound is broken.
"""

import json
import os
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from app_session import Session
from measure_shared_use import LEFT_SECONDS, START, app, attacked, memory_gb

PUPILS = 30
VISITORS = 200
AT_ONCE = 10

MOST_PAGE_SECONDS = 10.0
MOST_ATTACK_SECONDS = 40.0
MOST_MEMORY_GB = 1.2


def cpu_seconds(pid: int) -> float:
    """Processor time of the server so far, without its decoders: what a busy machine does not stretch."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def opened(address: str) -> tuple[Session, float]:
    """One pupil's session, and the seconds until the first page stood."""
    began = time.monotonic()
    session = Session(address)
    return session, time.monotonic() - began


def visited(address: str) -> list[str]:
    """One who opens the page, looks at another scan and leaves; what went wrong."""
    session = Session(address)
    session.press("sample_synthetic-NORMAL")
    wrong = session.screen.exceptions
    session.go(START)
    session.close()
    return wrong


def measured() -> dict[str, Any]:
    """Everything, in the order it happens."""
    with app() as (address, pid), ThreadPoolExecutor(PUPILS) as pool:
        began, cpu = time.monotonic(), [cpu_seconds(pid)]
        first = list(pool.map(opened, [address] * PUPILS))
        all_open = time.monotonic() - began
        pupils, pages = [session for session, _ in first], [seconds for _, seconds in first]
        open_now = memory_gb(pid)
        cpu.append(cpu_seconds(pid))
        began = time.monotonic()
        found = list(pool.map(attacked, pupils, range(PUPILS)))
        all_attacked = time.monotonic() - began
        full = memory_gb(pid)
        cpu.append(cpu_seconds(pid))
        for pupil in pupils:
            pupil.close()
        with ThreadPoolExecutor(AT_ONCE) as visits:
            wrong = [text for each in visits.map(visited, [address] * VISITORS) for text in each]
        time.sleep(LEFT_SECONDS)
        Session(address).close()
        attacks = [each["seconds"] for each in found]
        return {
            "sessions": PUPILS,
            "load_before": round(os.getloadavg()[2], 2),
            "refused": sum(not each["shown"] for each in found),
            "errors": [text for each in found for text in each["exceptions"]] + wrong,
            "first_page_median_s": round(statistics.median(pages), 2),
            "first_page_slowest_s": round(max(pages), 2),
            "all_pages_s": round(all_open, 2),
            "attack_median_s": round(statistics.median(attacks), 2),
            "attack_slowest_s": round(max(attacks), 2),
            "all_attacks_s": round(all_attacked, 2),
            "cpu_pages_s": round(cpu[1] - cpu[0], 1),
            "cpu_attacks_s": round(cpu[2] - cpu[1], 1),
            "memory_open_gb": open_now,
            "memory_full_gb": full,
            "memory_peak_gb": memory_gb(pid, "VmHWM"),
            "visitors": VISITORS,
            "memory_left_gb": memory_gb(pid),
        }


def main() -> None:
    """Print the document; exit with 1 where a bound is broken."""
    document = measured()
    print(json.dumps(document, indent=2))
    broken = (
        document["errors"]
        or document["refused"]
        or document["first_page_median_s"] > MOST_PAGE_SECONDS
        or document["attack_median_s"] > MOST_ATTACK_SECONDS
        or document["memory_left_gb"] > MOST_MEMORY_GB
    )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
