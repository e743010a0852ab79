"""The figures a reader feels, as one JSON document: `MEDDEF_DATA_DIR=… python tests/benchmarks/measure_figures.py`.

Absolute times belong to the machine they were taken on, so this is a script to run on a quiet one, not a test. It needs
the shipped models, Chromium, and the full-size chest films of the data folder.
"""

import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from playwright.sync_api import Error, Page, sync_playwright

from meddef_core.attacks import AttackSpec, run_attack
from meddef_core.explanation import explain
from meddef_core.prediction.prediction import predict, prepare
from meddef_core.scans import read_scan
from meddef_core.zoo import load_model

ROOT = Path(__file__).resolve().parents[2]
ROUNDS = 15


def median_seconds(work: Callable[[], object]) -> float:
    """Median of `ROUNDS` rounds after one that does not count."""
    times = []
    for _ in range(ROUNDS + 1):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return round(statistics.median(times[1:]), 3)


def core_figures(film: Path) -> dict[str, float]:
    """One full-size film from bytes to reading and maps, and PGD-10 on it; one torch thread, as in the app."""
    torch.set_num_threads(1)
    model = load_model("chest/meddef")
    data = film.read_bytes()

    def read() -> None:
        image = prepare(model, read_scan(data))
        explain(model.network, image, target=predict(model, image).index)

    image = prepare(model, read_scan(data))
    label = torch.tensor([predict(model, image).index])
    spec = AttackSpec(name="pgd", eps=4 / 255, steps=10)
    return {
        "reading, Grad-CAM and DAAM maps, seconds": median_seconds(read),
        "PGD-10, seconds": median_seconds(lambda: run_attack(model.network, image, label, spec)),
    }


def app_figures(films: list[Path]) -> dict[str, float]:
    """From starting the app to the first reading in a browser, and its peak memory after uploading every film."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        began = time.perf_counter()
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as app:
            try:
                open_when_up(page, f"http://127.0.0.1:{port}")
                page.get_by_text("Model output of").wait_for()
                start = time.perf_counter() - began
                page.get_by_test_id("stButtonGroup").get_by_text("Chest X-ray", exact=True).click()
                for film in films:
                    settle(page)
                    page.locator('input[type="file"]').set_input_files(film)
                    page.wait_for_timeout(400)
                settle(page)
                peak = peak_megabytes(app.pid)
            finally:
                app.terminate()
        browser.close()
    return {"start to first reading, seconds": round(start, 2), f"peak MB after {len(films)} uploads": peak}


def open_when_up(page: Page, url: str) -> None:
    """Ask until the server answers."""
    while True:
        try:
            page.goto(url)
            return
        except Error:
            time.sleep(0.1)


def settle(page: Page) -> None:
    """Wait until no script runs."""
    page.wait_for_function("document.querySelector('[data-testid=stApp]').dataset.testScriptState == 'notRunning'")


def peak_megabytes(pid: int) -> float:
    """Largest resident size the process ever had (Linux)."""
    status = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":" in line)
    return round(int(status["VmHWM"].split()[0]) / 1024, 1)


if __name__ == "__main__":
    folder = Path(os.environ["MEDDEF_DATA_DIR"]) / "chest_xray_fullres"
    largest = sorted(folder.glob("*/*.jpeg"), key=lambda path: path.stat().st_size)[-10:]
    print(json.dumps({**core_figures(largest[-1]), **app_figures(largest)}, indent=2))
