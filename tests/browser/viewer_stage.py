"""The viewer alone on a page, mounted in a shadow root as Streamlit does it: pictures whose values are all known."""

import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import numpy as np
from playwright.sync_api import Page

from dashboard.components import viewer
from dashboard.components.viewer import Overlay, Slices, ViewerPicture, ViewerSubject
from dashboard.services.results.common import MapView
from dashboard.services.results.viewing import Seen
from dashboard.services.viewing import encoded

SIZE = 1024
READY = ".stage[data-ready=true]"

HTML = """<!doctype html><meta charset="utf-8"><style>:root { --st-text-color: #111; --st-background-color: #fff;
--st-secondary-background-color: #eee; --st-border-color: #ccc; --st-primary-color: #0b6e75; --st-font: sans-serif }
</style><div id="host" style="width: 560px"></div><script type="module">
import run from "/viewer.js";
const root = document.getElementById("host").attachShadow({ mode: "open" });
root.innerHTML = `<style>%s</style>%s`;
window.told = [];
window.show = (data) => run({
  parentElement: root, data, setTriggerValue: (name, value) => window.told.push([name, value]),
});
</script>"""


class Stage:
    """A server of one page and of the pictures that subjects hold."""

    def __init__(self) -> None:
        html, css = ((viewer.FOLDER / f"viewer.{kind}").read_text() for kind in ("html", "css"))
        self._files = {"/": ((HTML % (css, html)).encode(), "text/html")}
        self._files["/viewer.js"] = (viewer.script().encode(), "text/javascript")
        files = self._files

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                data, kind = files.get(self.path, (b"", "text/plain"))
                self.send_response(200 if data else 404)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args: object) -> None:
                """Nothing is written of a request."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def keep(self, data: bytes, kind: str, key: str) -> str:
        """What Streamlit's server of media files does."""
        path = f"/media/{key}-{hash(data)}"
        self._files[path] = (data, kind)
        return path

    def close(self) -> None:
        """End the server."""
        self._server.shutdown()

    def show(self, page: Page, subject: ViewerSubject) -> None:
        """What the server of the dashboard sends, as a run of a page does; the patched `_address` is `keep`."""
        page.evaluate("data => window.show(data)", self.message(subject))

    def message(self, subject: ViewerSubject) -> dict[str, Any]:
        """The same as JSON."""
        return viewer.message(subject, key="viewer")


def film() -> np.ndarray:
    """16 bits: a ramp of 0 to 65535 from left to right, with noise in the lowest seven bits, and dark at the top."""
    rng = np.random.default_rng(0)
    ramp = np.tile(np.linspace(0, 65535 - 127, SIZE), (SIZE, 1)) + rng.integers(0, 128, (SIZE, SIZE))
    ramp[: SIZE // 4] = 1000
    return (ramp.astype(np.uint16) / np.float32(65535)).astype(np.float32)


def halves(left: float, right: float) -> np.ndarray:
    """Two grey halves, 256 by 512."""
    return np.concatenate([np.full((256, 256), left), np.full((256, 256), right)], axis=1).astype(np.float32)


def shown(pixels: np.ndarray, name: str, *, top: int = 255) -> ViewerPicture:
    return ViewerPicture(plane=encoded(pixels, low=0.0, high=float(top), top=top), name=name, alt=f"The {name} picture")


def heat() -> MapView:
    """Zero but for the lower right quarter, which has one."""
    grid = np.zeros((8, 8), np.float32)
    grid[4:, 4:] = 1
    smooth = np.kron(grid, np.ones((28, 28), np.float32))
    return MapView("heat", "Grad-CAM", "A map of the test.", False, grid, smooth, (0.0, 1.0))


def a_film() -> ViewerSubject:
    presets = (("central 90 %", 32768.5, 20001.0), ("full range", 1000.5, 3.0))
    picture = shown(film(), "film", top=65535)
    return ViewerSubject(key="film", pictures=(picture,), window=(32768.0, 65536.0), presets=presets, rereads=True)


def a_pair() -> ViewerSubject:
    pictures = (shown(halves(0.2, 0.2), "Clean"), shown(halves(0.8, 0.8), "Attacked"))
    return ViewerSubject(key="pair", pictures=pictures, window=(128.0, 256.0))


def a_mapped_pair(*, beside: bool) -> ViewerSubject:
    """Dark and bright; the map lies over the lower right of the first, and over the upper left of the second."""
    turned = replace(heat(), smooth=np.ascontiguousarray(heat().smooth[::-1, ::-1]))
    overlay = Overlay(key="heat", title="Grad-CAM", view=heat(), attacked=turned)
    return replace(a_pair(), overlays=(overlay,), beside=beside)


def a_slice(at: int) -> ViewerSubject:
    """One of twelve, each brighter than the one before; there are no small pictures."""
    grey = round(255 * at / 12) / 255
    slices = Slices(at=at, texts=tuple(f"Slice {n} of 12" for n in range(1, 13)), previews=(None,) * 12)
    picture = shown(halves(grey, grey), f"slice {at}")
    return ViewerSubject(key="volume", pictures=(picture,), window=(128.0, 256.0), slices=slices, row_mm=0.004)


def a_scan(*, drawn: bool = False) -> ViewerSubject:
    """Cropped to its middle, with spacing, and with one map."""
    return ViewerSubject(
        key="scan",
        pictures=(shown(halves(0.25, 0.5), "scan"),),
        window=(128.0, 256.0),
        seen=Seen(top=0, bottom=256, left=128, right=384, side=224, whole=False),
        outline="The model saw the middle.",
        row_mm=0.004,
        column_mm=0.012,
        overlays=(Overlay(key="heat", title="Grad-CAM", view=heat() if drawn else None),),
    )
