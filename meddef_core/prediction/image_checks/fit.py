"""Fit the image checks on training scans of both tasks, and choose what score calls a picture a page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from meddef_core.data.lists import ListedScan
from meddef_core.prediction.image_checks import composite, upright
from meddef_core.prediction.image_checks.changes import changed, exposed, jpeg, reframed, turned_a_little
from meddef_core.prediction.image_checks.composite import PageNet
from meddef_core.prediction.image_checks.pages import LAYOUTS
from meddef_core.prediction.image_checks.upright import Upright, fit_upright
from meddef_core.scans import read_scan
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import Task

UPRIGHT_SCANS = 4000
"""Descriptions that the upright check of a task is fitted to: scans as they are, and changed copies."""

PAGE_PICTURES = 12_000
"""Pictures that the page network is trained on, half of them pages."""

EPOCHS, BATCH, RATE = 8, 64, 6e-3

LONGEST = 448
"""Longer sides of training scans are shrunk to this: the checks look at less."""

Scans = Sequence[Pixels]
OnStage = Callable[[str, int, int], None]
"""Hears (what is done, done, total)."""


def load_scans(items: Sequence[ListedScan], data_dir: Path) -> list[Pixels]:
    """Grey `(H, W)` of the scans, no longer than `LONGEST`; raises ScanError for one that cannot be read."""
    return [shrunk(read_scan((data_dir / item.path).read_bytes()).pixels) for item in items]


def shrunk(pixels: Pixels, *, longest: int = LONGEST) -> Pixels:
    """No longer than `longest` pixels; smaller pictures as they are."""
    factor = longest / max(pixels.shape)
    return pixels if factor >= 1 else np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=3))


def fit_upright_check(task: Task, scans: Scans, *, seed: int = 0) -> Upright:
    """The upright check of a task: every scan (or an even choice of them) as it is, and changed copies."""
    rng = np.random.default_rng(seed)
    chosen = [scans[i] for i in np.linspace(0, len(scans) - 1, min(len(scans), UPRIGHT_SCANS // 2)).astype(int)]
    fill = task.preprocessing.fill_border
    found = [upright.describe(scan, fill_border=fill) for scan in chosen]
    while len(found) < UPRIGHT_SCANS:
        scan = chosen[len(found) % len(chosen)]
        found.append(upright.describe(changed(scan, rng, task=task.key), fill_border=fill))
    return fit_upright(np.stack(found))


def page_pictures(scans: Mapping[str, Scans], count: int, *, seed: int) -> Iterator[tuple[Pixels, str | None]]:
    """Single scans (None) and pages (their layout) in turn, from the scans of each task."""
    rng, tasks = np.random.default_rng(seed), list(scans)
    for number in range(count):
        task = tasks[int(rng.integers(len(tasks)))]
        picked = [scans[task][int(i)] for i in rng.integers(0, len(scans[task]), 4)]
        layout = None if number % 2 else list(LAYOUTS)[number // 2 % len(LAYOUTS)]
        picture = _single(picked[0], rng, task=task) if layout is None else _page(picked, rng, layout=layout, task=task)
        if rng.random() < 0.3:
            picture = np.rot90(picture, int(rng.integers(1, 4)))
        yield np.ascontiguousarray(picture), layout


def _single(scan: Pixels, rng: np.random.Generator, *, task: str) -> Pixels:
    if rng.random() < 0.8:
        scan = changed(scan, rng, task=task)
    return np.float32(1) - scan if rng.random() < 0.15 else scan


def _page(scans: Scans, rng: np.random.Generator, *, layout: str, task: str) -> Pixels:
    parts = []
    for scan in scans:
        part = reframed(scan, rng, task=task) if rng.random() < 0.5 else scan
        part = turned_a_little(np.ascontiguousarray(part), rng) if rng.random() < 0.25 else part
        parts.append(np.ascontiguousarray(part))
    page = np.ascontiguousarray(LAYOUTS[layout](parts, rng))
    page = np.clip(shrunk(page, longest=int(rng.integers(400, 900))), 0.0, 1.0)
    return exposed(page, rng) if rng.random() < 0.5 else jpeg(page, quality=int(rng.integers(60, 98)))


def fit_page_network(
    scans: Mapping[str, Scans], *, count: int = PAGE_PICTURES, seed: int = 0, on_stage: OnStage | None = None
) -> PageNet:
    """Train the page network on `count` pictures; the same seed gives the same network."""
    tell = on_stage or (lambda what, done, total: None)
    described = np.empty((count, 3, composite.SIDE // 2, composite.SIDE // 2), np.uint8)
    page = np.empty(count, np.float32)
    for number, (picture, layout) in enumerate(page_pictures(scans, count, seed=seed)):
        described[number], page[number] = composite.describe(picture), layout is not None
        if number % 500 == 0:
            tell("pictures", number, count)
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = PageNet()
    steps = EPOCHS * (count // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=steps + 1)
    for epoch in range(EPOCHS):
        tell("epochs", epoch, EPOCHS)
        for some in torch.randperm(count, generator=generator)[: count // BATCH * BATCH].split(BATCH):
            _step(network, described[some.numpy()], page[some.numpy()], optimizer, generator)
            schedule.step()
    return network.eval()


def _step(
    network: PageNet,
    described: NDArray[np.uint8],
    page: NDArray[np.float32],
    optimizer: torch.optim.Optimizer,
    generator: torch.Generator,
) -> None:
    """One step on a batch, mirrored and with noise drawn from `generator`; labels are softened by 1%."""
    x = torch.from_numpy(described).float() / 255
    x = x.flip(3) if torch.rand((), generator=generator) < 0.5 else x
    x = x + 0.02 * torch.randn((len(x), 1, 1, 1), generator=generator)
    optimizer.zero_grad()
    F.binary_cross_entropy_with_logits(network(x), torch.from_numpy(page) * 0.98 + 0.01).backward()
    optimizer.step()
