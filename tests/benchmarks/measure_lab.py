"""How long the laboratory takes for two shipped models, as JSON: `python tests/benchmarks/measure_lab.py`.

What one press (or one move of the slider) computes: both attacks with their iterates, measures and noise controls; the
clean readings are in the session's cache by then. One torch thread, as in the app. "cpu" is the time that the process
itself computed: what a free core takes, however busy the machine is.
"""

import json
import statistics
import time

from dashboard.services import shared as services
from dashboard.services import sweeps
from dashboard.services.results.common import AttackChoice, AttackOutcome, Reading
from meddef_core.io.arrays import use_threads

ROUNDS = 7
CHOICES = {
    "FGSM": AttackChoice(attack="fgsm", eps=4 / 255),
    "PGD-20": AttackChoice(attack="pgd", eps=4 / 255, steps=20),
}


def quiet(what: str, step: int, total: int) -> None:
    """Hears progress and says nothing."""


def readings(task: str) -> list[Reading]:
    """The task's first sample as both models read it."""
    picture = services.thumbnail(task, services.samples(task)[0].key)
    return [services.reading_of(model, picture) for model in services.comparable(task)[:2]]


def attacked(clean: list[Reading], choice: AttackChoice, *, task: str) -> list[AttackOutcome]:
    """One press of the button."""
    spec, _ = services.checked(choice, task)
    return [services.attack(reading, spec, quiet) for reading in clean]


def medians(clean: list[Reading], choice: AttackChoice, *, task: str) -> dict[str, float]:
    """Median seconds of `ROUNDS` presses after one that does not count."""
    wall, cpu = [], []
    for _ in range(ROUNDS + 1):
        began, computed = time.perf_counter(), time.process_time()
        attacked(clean, choice, task=task)
        wall.append(time.perf_counter() - began)
        cpu.append(time.process_time() - computed)
    return {"wall": round(statistics.median(wall[1:]), 3), "cpu": round(statistics.median(cpu[1:]), 3)}


def once(clean: list[Reading]) -> dict[str, float]:
    """CPU seconds of the slow sections, at 10 steps, for both models."""
    began = time.process_time()
    for reading in clean:
        sweeps.sweep(reading, quiet, steps=10)
    swept = time.process_time()
    for reading in clean:
        sweeps.smallest(reading, quiet, steps=10)
    return {"sweep": round(swept - began, 1), "smallest budget": round(time.process_time() - swept, 1)}


if __name__ == "__main__":
    use_threads(1)
    figures: dict[str, object] = {}
    for task in services.tasks():
        clean = readings(task)
        for name, choice in CHOICES.items():
            figures[f"{task}, {name}, two models, seconds"] = medians(clean, choice, task=task)
        figures[f"{task}, slow sections, CPU seconds"] = once(clean)
    print(json.dumps(figures, indent=2))
