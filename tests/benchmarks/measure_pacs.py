"""Round trips on loopback: from an object that a real Orthanc holds to both results of it listed there.

`python tests/benchmarks/measure_pacs.py`, on a quiet machine with the Debian packages orthanc and orthanc-dicomweb.
Prints one JSON document of seconds; exits with 1 where the median of a warm watch exceeds its bound. "cold" is the
whole command `meddef pacs watch --once` with its start, in which Python and the model are loaded.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "pacs"))

from orthanc_server import Orthanc
from pacs_files import film, study_of, volume, written
from pydicom.dataset import Dataset
from watching import CHEST, OCT, results_in, watching

from meddef_core.io.arrays import use_threads
from meddef_core.scans import warm_decoders

ROUNDS = 3

CASES: dict[str, tuple[str, Callable[[], Dataset], float]] = {
    "film, 1955 x 1841, 16 bits": (CHEST, lambda: film(every=1), 10.0),
    "volume, 49 x 496 x 512, 8 bits": (OCT, lambda: volume(49), 15.0),
}
"""Model, object, and the most seconds it may take."""


def warm(orthanc: Orthanc, model: str, ds: Dataset) -> list[float]:
    """A watch that runs already meets the object as a new study, again and again."""
    times = []
    with tempfile.TemporaryDirectory() as folder, watching(Path(folder), model) as watch:
        watch.look()
        for number in range(1, ROUNDS + 1):
            orthanc.put(written(study_of(number, ds)))
            began = time.perf_counter()
            watch.look()
            times.append(time.perf_counter() - began)
            assert len(results_in(orthanc)) == 2 * number
    orthanc.clear()
    return times


def cold(orthanc: Orthanc, model: str, ds: Dataset) -> float:
    """The command, from its start to its end."""
    orthanc.put(written(study_of(1, ds)))
    task = model.partition("/")[0]
    command = [
        "-c",
        "from meddef_core.cli.entry import main; main()",
        "pacs",
        "watch",
        "--once",
        "--days",
        "0",
        "--task",
        task,
    ]
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **orthanc.environment, "MEDDEF_PACS_STABLE": "0", "XDG_STATE_HOME": folder}
        began = time.perf_counter()
        subprocess.run([sys.executable, *command, "--task", task], env=environment, check=True, capture_output=True)
        seconds = time.perf_counter() - began
    assert len(results_in(orthanc)) == 2
    orthanc.clear()
    return seconds


def main() -> None:
    """Print the document; exit with 1 where a bound is broken."""
    use_threads(1)
    warm_decoders(2)
    document, broken = {}, False
    with tempfile.TemporaryDirectory() as folder:
        orthanc = Orthanc(Path(folder))
        orthanc.start()
        os.environ.update(orthanc.environment)
        try:
            for name, (model, make, most) in CASES.items():
                times = warm(orthanc, model, make())
                document[name] = {
                    "warm_s": [round(each, 2) for each in times],
                    "warm_median_s": round(statistics.median(times), 2),
                    "cold_s": round(cold(orthanc, model, make()), 2),
                    "most_s": most,
                }
                broken = broken or statistics.median(times) > most
        finally:
            orthanc.stop()
    document["load"] = {"one_minute": os.getloadavg()[0], "cores": os.cpu_count()}
    print(json.dumps(document, indent=2))
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
