"""How many frames a second the viewer draws while the window of a 16-bit film of 1024 x 1024 is dragged.

`python tests/benchmarks/measure_viewer.py`; needs Chromium. Pointer events are made in the page, one a frame, so that
the figure is the browser's and not that of whoever drives it. `cost` is the time a frame's drawing took, of which the
best is what it takes on a processor that nothing else uses.
"""

import json
import os
import shutil
import sys
from pathlib import Path

from playwright.sync_api import Page, Response, sync_playwright

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "browser"))

from viewer_stage import READY, Stage, a_film

from dashboard.components import viewer

MOVES = 150
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

DRAG = """async (stage, moves) => {
  const box = stage.getBoundingClientRect(), costs = [];
  const send = (name, i) => stage.dispatchEvent(new PointerEvent(name, {
    pointerId: 1, button: 0, bubbles: true, clientX: box.left + 200 + i, clientY: box.top + 200 + i / 3 }));
  stage.setPointerCapture = () => {};  // there is no real pointer to capture
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  send("pointerdown", 0);
  await frame();
  const first = Number(stage.dataset.frames), began = performance.now();
  for (let i = 1; i <= moves; i += 1) {
    send("pointermove", i);
    await frame();
    costs.push(Number(stage.dataset.cost));
  }
  const seconds = (performance.now() - began) / 1000, frames = Number(stage.dataset.frames) - first;
  send("pointerup", moves);
  costs.sort((one, other) => one - other);
  return { frames, seconds, costs };
}"""


def measured(page: Page, stage: Stage) -> dict[str, float]:
    """Frames a second, milliseconds of a frame, and bytes sent."""
    sizes: list[int] = []
    page.on("response", lambda answer: sizes.append(_length(answer)))
    page.set_default_timeout(300_000)
    page.goto(stage.address)
    page.wait_for_function("window.show !== undefined")
    stage.show(page, a_film())
    page.locator(READY).wait_for()
    page.wait_for_timeout(2000)
    found = page.locator(".stage").evaluate(DRAG, MOVES)
    costs = found["costs"]
    return {
        "frames_per_second": round(found["frames"] / found["seconds"], 1),
        "best_ms_a_frame": round(costs[0], 1),
        "median_ms_a_frame": round(costs[len(costs) // 2], 1),
        "bytes_sent": sum(sizes),
        "load": round(os.getloadavg()[0], 1),
    }


def _length(answer: Response) -> int:
    return int(answer.headers["content-length"]) if "/media/" in answer.url else 0


def main() -> None:
    """Measure once and print JSON."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    stage = Stage()
    viewer._address = stage.keep
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        print(json.dumps(measured(browser.new_page(viewport={"width": 1440, "height": 900}), stage)))
        browser.close()
    stage.close()


if __name__ == "__main__":
    main()
