"""Ten readers attack at once on two cores, one more looks around: seconds, memory and cross-talk as one JSON document.

`python tests/benchmarks/measure_shared_use.py`, on a quiet machine: it starts the app with the shipped models, runs
every attack alone, then all at once, and compares what each reader was shown. Exits with 1 where a bound is broken.
"""

import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from app_session import Session

ROOT = Path(__file__).resolve().parents[2]
READERS = 10
CORES = 2
START = ""
"""Path of the page that the app opens with."""

SAMPLES = ("CNV", "DME", "DRUSEN", "NORMAL")

MOST_ANSWER_SECONDS = 2.0
MOST_MEMORY_GB = 2.5
LEFT_SECONDS = 130.0
"""Streamlit keeps a session two minutes for one who comes back."""


@contextmanager
def app() -> Iterator[tuple[str, int]]:
    """Address and process number of the app on `CORES` cores."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    cores = sorted(os.sched_getaffinity(0))[:CORES]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=log, preexec_fn=lambda: os.sched_setaffinity(0, cores)
        )
        address = f"http://127.0.0.1:{port}"
        try:
            while not _is_up(address):
                time.sleep(0.2)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=20)


def _is_up(address: str) -> bool:
    try:
        urllib.request.urlopen(f"{address}/_stcore/health", timeout=2).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True


def memory_gb(pid: int, field: str = "VmRSS") -> float:
    """Resident memory of a process now, or at most so far (field VmHWM)."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024**2, 3)


def attacked(session: Session, number: int) -> dict[str, Any]:
    """One reader's attack: its sample and seed, seconds, and every sentence of the result."""
    session.go(START)
    session.press(f"sample_synthetic-{SAMPLES[number % len(SAMPLES)]}")
    session.go("attack-lab")
    seconds = session.press("run_attack", seed=number)
    shown = [text for text in session.screen.texts if "attack" in text.casefold() or "%" in text]
    return {
        "seconds": seconds,
        "first_bar": session.first_bar,
        "shown": shown,
        "exceptions": session.screen.exceptions,
    }


def alone(address: str, number: int) -> dict[str, Any]:
    """The same attack by a reader who has the app to himself."""
    session = Session(address)
    found = attacked(session, number)
    session.close()
    return found


def look_around(address: str, stop: threading.Event) -> list[float]:
    """Seconds of every answer that one more reader gets: a page of text, then a scan read with its maps."""
    session, seconds, turn = Session(address), [], 0
    while not stop.is_set():
        seconds.append(session.go("about"))
        seconds.append(session.go(START))
        seconds.append(session.press(f"sample_synthetic-{SAMPLES[turn % len(SAMPLES)]}"))
        turn += 1
    session.close()
    return seconds


def measured() -> dict[str, Any]:
    """Everything, in the order it happens."""
    with app() as (address, pid):
        reference = [alone(address, number) for number in range(READERS)]
        idle = memory_gb(pid)
        readers = [Session(address) for _ in range(READERS)]
        stop = threading.Event()
        with ThreadPoolExecutor(READERS + 1) as pool:
            visits = pool.submit(look_around, address, stop)
            began = time.monotonic()
            found = list(pool.map(attacked, readers, range(READERS)))
            seconds = time.monotonic() - began
            stop.set()
            answers = visits.result()
        full = memory_gb(pid)
        for reader in readers:
            reader.close()
        time.sleep(LEFT_SECONDS)
        Session(address).close()
        return {
            "readers": READERS,
            "cores": len(sorted(os.sched_getaffinity(0))[:CORES]),
            "errors": [text for each in (*reference, *found) for text in each["exceptions"]],
            "cross_talk": sum(
                one["shown"] != other["shown"] or not one["shown"] for one, other in zip(reference, found, strict=True)
            ),
            "attack_alone_s": round(statistics.median(each["seconds"] for each in reference), 2),
            "all_attacks_s": round(seconds, 2),
            "slowest_attack_s": round(max(each["seconds"] for each in found), 2),
            "slowest_first_bar_s": round(max(each["first_bar"] for each in found), 2),
            "answers": len(answers),
            "answer_median_s": round(statistics.median(answers), 2),
            "answer_slowest_s": round(max(answers), 2),
            "memory_idle_gb": idle,
            "memory_full_gb": full,
            "memory_peak_gb": memory_gb(pid, "VmHWM"),
            "memory_left_gb": memory_gb(pid),
        }


def main() -> None:
    """Print the document; exit with 1 where a bound is broken."""
    document = measured()
    print(json.dumps(document, indent=2))
    broken = (
        document["errors"]
        or document["cross_talk"]
        or document["memory_peak_gb"] > MOST_MEMORY_GB
        or max(document["answer_slowest_s"], document["slowest_first_bar_s"]) > MOST_ANSWER_SECONDS
    )
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
