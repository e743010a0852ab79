"""The hostile files, uploaded to a running app one after another: what the server and everybody else feel, as JSON.

`python tests/benchmarks/measure_hostile.py`, on a quiet machine. Exits with 1 where the server grows by MOST_MB or
more, somebody else's upload takes MOST_UPLOAD seconds or more, or the 95th percentile of the health answers is
MOST_HEALTH seconds or more.
"""

import json
import os
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from driving import settled
from hostile_files import HOSTILE
from hostile_more import MORE
from measure_volume import resident
from scan_files import jpeg
from served import running_app

MOST_MB, MOST_UPLOAD, MOST_HEALTH = 300.0, 2.0, 1.0
EVERY_SECONDS = 0.05
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")


def health(address: str, found: list[float], done: threading.Event) -> None:
    """Ask for the health again and again; seconds of each answer."""
    while not done.wait(EVERY_SECONDS):
        began = time.monotonic()
        with urllib.request.urlopen(f"{address}/_stcore/health", timeout=60) as answer:
            answer.read()
        found.append(time.monotonic() - began)


def upload(page: Page, path: Path) -> None:
    """Give the page a file, and do not wait."""
    page.locator('input[type="file"]').set_input_files(path)


def honest(page: Page, path: Path) -> float:
    """Upload an ordinary scan; seconds until its result stands."""
    noise = np.random.default_rng().integers(0, 256, (496, 768), dtype=np.uint8)  # another one each time
    path.write_bytes(jpeg(noise))
    before = page.locator(".stMarkdownBadge").first.inner_text()
    began = time.monotonic()
    upload(page, path)
    page.wait_for_function(
        "before => document.querySelector('.stMarkdownBadge')?.innerText !== before", arg=before, polling=20
    )
    seconds = time.monotonic() - began
    settled(page)
    return seconds


def main() -> int:
    """Measure, print, and judge."""
    folder = Path(tempfile.mkdtemp())
    files = HOSTILE | MORE
    answers: list[float] = []
    others: list[float] = []
    done = threading.Event()
    with running_app(folder / "log.txt") as (address, process), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        attacker, other = (chromium.new_context().new_page() for _ in range(2))
        for page in (attacker, other):
            page.set_default_timeout(90_000)
            page.goto(address)
            page.get_by_text("Model output of").wait_for()
            settled(page)
        alone = [honest(other, folder / "scan.jpg") for _ in range(5)]
        before = peak = resident(process.pid)
        asking = threading.Thread(target=health, args=(address, answers, done), daemon=True)
        asking.start()
        for make in files.values():
            path = folder / "file.dcm"
            path.write_bytes(make())
            upload(attacker, path)
            others.append(honest(other, folder / "scan.jpg"))
            settled(attacker)
            peak = max(peak, resident(process.pid))
        done.set()
        asking.join()
        chromium.close()
    found = {
        "files": len(files),
        "server_grown_mb": round((peak - before) / 1e6),
        "another_upload_s": {"alone_median": round(float(np.median(alone)), 2)}
        | {"median": round(float(np.median(others)), 2), "most": round(max(others), 2)},
        "health_s": {"answers": len(answers), "p95": round(float(np.quantile(answers, 0.95)), 3)},
    }
    print(json.dumps(found, indent=2))
    well = found["server_grown_mb"] < MOST_MB and max(others) < MOST_UPLOAD
    return int(not well or float(np.quantile(answers, 0.95)) >= MOST_HEALTH)


if __name__ == "__main__":
    sys.exit(main())
