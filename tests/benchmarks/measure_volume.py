"""A volume of 49 slices of 496 x 512, upload to strip: seconds, and megabytes on top of one scan, as one JSON document.

`python tests/benchmarks/measure_volume.py`, on a quiet machine. Each kind of file takes turns with 49 single
predictions of the same slices, so that a busy machine slows both: the ratio tells more than the seconds. Exits with 1
where a volume takes more than MOST_SECONDS (of processor time of all processes, where the machine is busy) or
MOST_MB.
"""

import json
import os
import resource
import statistics
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "core"))

from volume_files import images, opt, packed, pages

from meddef_core.data.phantoms import oct_phantom
from meddef_core.prediction.prediction import predict
from meddef_core.prediction.volume import predict_volume
from meddef_core.scans import read_volume, warm_decoders
from meddef_core.scans.isolated import decoders
from meddef_core.zoo import LoadedModel, load_model

SLICES, ROWS, COLUMNS = 49, 496, 512
ROUNDS = 3
MOST_SECONDS, MOST_MB = 3.0, 400.0
PAGE = os.sysconf("SC_PAGE_SIZE")


def cube() -> np.ndarray:
    """Slices of drawn eyes, each a little different."""
    drawn = [oct_phantom(label, seed=seed).scan.pixels for label in ("NORMAL", "DME", "DRUSEN") for seed in range(2)]
    wide = [np.pad(each, ((0, 0), (8, 8)), mode="reflect") for each in drawn]
    rng = np.random.default_rng(0)
    values = [wide[number % len(wide)] + 0.01 * rng.standard_normal((ROWS, COLUMNS)) for number in range(SLICES)]
    return (255 * np.clip(values, 0, 1)).round().astype(np.uint8)


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now (Linux)."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def all_resident() -> int:
    """Of this process and its decoders."""
    return sum(resident(pid) for pid in (os.getpid(), *decoders().pids))


class Watch:
    """The largest `all_resident` while it runs."""

    def __enter__(self) -> "Watch":
        self.before = self.most = all_resident()
        self._on = True
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def _look(self) -> None:
        while self._on:
            self.most = max(self.most, all_resident())
            time.sleep(0.005)

    def __exit__(self, *_: object) -> None:
        self._on = False
        self._thread.join()

    @property
    def extra_mb(self) -> float:
        return (self.most - self.before) / 1024**2


def processor_seconds() -> float:
    """Of this process and its decoders."""
    own = resource.getrusage(resource.RUSAGE_SELF)
    ticks = 0
    for pid in decoders().pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return own.ru_utime + own.ru_stime + ticks / os.sysconf("SC_CLK_TCK")


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds by the clock and of processor time."""
    began, used = time.perf_counter(), processor_seconds()
    work()
    return time.perf_counter() - began, processor_seconds() - used


def strip_of(model: LoadedModel, data: bytes) -> None:
    """From the bytes of a file to every prediction and the output for the volume."""
    assert len(predict_volume(model, read_volume(data)).slices) == SLICES


def one_by_one(model: LoadedModel, data: bytes) -> None:
    """The same slices, each decoded and predicted by itself."""
    volume = read_volume(data)
    for number in range(1, SLICES + 1):
        predict(model, volume.scan(number))


def measured(model: LoadedModel, data: bytes) -> dict[str, float]:
    strip_of(model, data)
    pairs = [(timed(lambda: strip_of(model, data)), timed(lambda: one_by_one(model, data))) for _ in range(ROUNDS)]
    clock, used = (statistics.median(pair[0][place] for pair in pairs) for place in (0, 1))
    alone = statistics.median(pair[1][1] for pair in pairs)
    with Watch() as watch:
        strip_of(model, data)
    return {
        "file_mb": round(len(data) / 1e6, 1),
        "seconds": round(clock, 2),
        "processor_seconds": round(used, 2),
        "one_by_one_processor_seconds": round(alone, 2),
        "ratio": round(used / alone, 2),
        "extra_mb": round(watch.extra_mb),
    }


def main() -> None:
    """Print the document; exit with 1 where a bound is broken."""
    torch.set_num_threads(1)
    warm_decoders(2)
    model, values = load_model("oct/meddef"), cube()
    files = {"OPT": opt(values), "ZIP of PNG": packed(images(values)), "TIFF": pages(values)}
    document = {name: measured(model, data) for name, data in files.items()}
    print(json.dumps(document, indent=2))
    late = [
        name for name, found in document.items() if min(found["seconds"], found["processor_seconds"]) > MOST_SECONDS
    ]
    sys.exit(1 if late or any(found["extra_mb"] > MOST_MB for found in document.values()) else 0)


if __name__ == "__main__":
    main()
