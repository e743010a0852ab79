"""Pictures that are no scan of a task, to choose an abstention threshold on and to report it with.

Nothing is downloaded: photographs come with scikit-learn, Matplotlib and foolbox where those are installed, CT, MR,
ultrasound, scintigrams and a hand radiograph with pydicom, the other task's scans with the data folder, and textures,
noise, blank sheets and pages of text are drawn. Pictures of one source (a photograph and its crops, an object and its
views) all stand in the same half, so that the half that is reported shows nothing the threshold was chosen on.
"""

import hashlib
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from meddef_core.data.images import load_images
from meddef_core.data.lists import build_lists
from meddef_core.errors import DataError, ScanError
from meddef_core.prediction import drawings
from meddef_core.scans import read_scan
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.scans.scan import Pixels
from meddef_core.tasks import TASKS, Task

Half = Literal["choose", "report"]

KINDS = ("other task", "photograph", "other modality", "texture", "noise", "blank", "text")
"""What an outlier can be."""

PHOTOGRAPHS = (
    ("sklearn", "datasets/images/*.jpg"),
    ("matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("foolbox", "data/imagenet_*.jpg"),
    ("skimage", "data/*.png"),
)
"""Packages that ship photographs, and where; one that is not installed adds none."""

OBJECTS = (
    "693_UNCR", "JPEG2000_UNC", "MR-SIEMENS-DICOM-WithOverlays", "MR2_UNCR", "OBXXXX1A", "RG3_UNCR", "US1_UNCR",
    "color-pl", "color3d_jpeg_baseline", "eCT_Supplemental", "emri_small", "explicit_VR-UN", "gdcm-US-ALOKA-16",
    "mlut_18", "vlut_04", "CT_small", "J2K_pixelrep_mismatch", "MR_small", "examples_overlay", "examples_palette",
    "examples_rgb_color", "examples_ybr_color", "693_J2KI", "color-px",
)  # fmt: skip
"""DICOM files of pydicom and pydicom-data: CT, MR, US, NM and CR of a hand; one encoding of each."""

OTHER_TASK = 60
"""Scans of each other task in each half: of its validation list to choose on, of its test list to report."""

DRAWN = {"texture": 36, "noise": 24, "blank": 16, "text": 20}
"""Drawn pictures of each kind in each half."""


@dataclass(frozen=True, eq=False)
class Outlier:
    """One picture `(H, W)` in [0, 1] that is no scan of the task; `source` names what it was made from."""

    kind: str
    source: str
    half: Half
    pixels: Pixels


def outliers(task: Task, *, data_dir: Path | None = None) -> list[Outlier]:
    """Every outlier of a task in both halves, in the same order every time.

    `data_dir` adds scans of the other tasks it holds. What a missing package would have added is left out: counts by
    kind stand beside every figure.
    """
    found = [*_other_tasks(task, data_dir), *_photographs(), *_objects(), *_drawings()]
    return [one for one in found if float(one.pixels.std()) > 0]


def prepared(found: list[Outlier], preprocessing: Preprocessing) -> np.ndarray:
    """The pictures as a model of that preprocessing would see them, `(n, 1, 224, 224)` float32 in [0, 1]."""
    return np.stack([preprocessing(one.pixels) for one in found])


def _half(source: str) -> Half:
    """Where a source falls: by the hash of its name, so that adding one moves no other."""
    return "choose" if hashlib.sha256(source.encode()).digest()[0] % 2 else "report"


def _other_tasks(task: Task, data_dir: Path | None) -> Iterator[Outlier]:
    for other in TASKS.values():
        if other.key == task.key or data_dir is None:
            continue
        try:
            lists = build_lists(other, data_dir)
        except DataError:  # a data folder may hold one task only
            continue
        halves: tuple[tuple[str, Half], ...] = (("val", "choose"), ("test", "report"))
        for part, half in halves:
            images = load_images(lists, part, preprocessing=other.preprocessing, data_dir=data_dir)
            for index in np.linspace(0, len(images) - 1, min(OTHER_TASK, len(images))).astype(int):
                x, _ = images.batch([int(index)])
                yield Outlier("other task", f"{other.key} {part} {index}", half, x[0, 0].numpy())


def _photographs() -> Iterator[Outlier]:
    """Each photograph in grey: whole, mirrored, darkened, and four crops."""
    for package, pattern in PHOTOGRAPHS:
        spec = importlib.util.find_spec(package)
        if spec is None or spec.origin is None:
            continue
        for path in sorted(Path(spec.origin).parent.glob(pattern)):
            source = f"{package} {path.stem}"
            try:
                grey = read_scan(path.read_bytes()).pixels
            except ScanError:
                continue
            for view in (*_views(grey), grey**2):
                yield Outlier("photograph", source, _half(source), view)


def _objects() -> Iterator[Outlier]:
    import pydicom.data

    for name in OBJECTS:
        path = pydicom.data.get_testdata_file(f"{name}.dcm", download=False)
        if path is None:
            continue
        for frame in (None, 1, 2):
            try:
                pixels = read_scan(Path(str(path)).read_bytes(), frame=frame).pixels
            except ScanError:
                continue
            for view in _views(pixels):
                yield Outlier("other modality", name, _half(name), view)
            if frame is None:
                break


def _views(grey: Pixels) -> Iterator[Pixels]:
    """The whole picture, its mirror image, and a quarter of it from two corners and the middle."""
    yield grey
    yield np.ascontiguousarray(grey[:, ::-1])
    height, width = grey.shape
    for top, left in ((0, 0), (height // 4, width // 4), (height // 2, width // 2)):
        crop = grey[top : top + height // 2, left : left + width // 2]
        if min(crop.shape) >= 32 and crop.std() >= 0.02:
            yield np.ascontiguousarray(crop)


def _drawings() -> Iterator[Outlier]:
    halves: tuple[Half, ...] = ("choose", "report")
    for kind, count in DRAWN.items():
        for number in range(count):
            for place, half in enumerate(halves):
                rng = np.random.default_rng([KINDS.index(kind), number, place])
                yield Outlier(kind, f"{kind} {number} {half}", half, drawings.DRAW[kind](rng))
