"""Synthetic OCT B-scans and chest films with a known lesion: to try the dashboard on, and to test maps against.

They are drawn, not recorded, and say so wherever they are shown. What each class shows follows the definitions of the
data set the OCT models learn from (Kermany et al., Cell 2018): drusen lift the pigment epithelium; macular oedema
thickens the retina with dark cysts; choroidal neovascularisation breaks through the pigment epithelium, with fluid.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from meddef_core.data import bscan, chest_film
from meddef_core.data.bscan import SIDE, Course, Layers, Mask, Plane
from meddef_core.errors import ScanError
from meddef_core.scans.preprocess import Preprocessing
from meddef_core.scans.scan import Scan, digest_of
from meddef_core.text import Text

_COLUMNS = np.arange(SIDE, dtype=np.float64)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A synthetic scan, its class, and where its lesion lies."""

    scan: Scan
    label: str
    """A class of its task: of OCT scans or of chest films."""
    lesion: npt.NDArray[np.bool_]
    """(H, W): True on the drawn lesion; nowhere True for NORMAL."""
    title: str


@dataclass(frozen=True)
class _Drawing:
    """A retina on its way to a picture."""

    layers: Layers
    grey: Plane
    lesion: Mask


def oct_phantom(label: str, *, seed: int = 0) -> Phantom:
    """Draw one 496 x 496 B-scan of class `label`; the same label and seed give the same pixels.

    Raises ScanError for a label that is not CNV, DME, DRUSEN or NORMAL.
    """
    if label not in _CLASSES:
        raise ScanError(
            Text(
                "sample.no-synthetic-scan",
                "There is no synthetic scan of {label}; choose one of {known}.",
                label=repr(label),
                known=", ".join(_CLASSES),
            )
        )
    rng = np.random.default_rng([seed, list(_CLASSES).index(label)])
    drawing = _CLASSES[label](rng)
    pixels = bscan.speckled(bscan.shadowed(drawing.grey, drawing.layers, rng), rng)
    scan = _scan_of(pixels, what=Text("sample.an-eye", "an eye"))
    return Phantom(
        scan=scan,
        label=label,
        lesion=drawing.lesion,
        title=Text("sample.synthetic-b-seed", "Synthetic B-scan, {label}, seed {seed}", label=label, seed=seed),
    )


def chest_phantom(label: str, *, seed: int = 0) -> Phantom:
    """Draw one 512 x 512 chest film of class `label`; the same label and seed give the same pixels.

    Raises ScanError for a label that is not NORMAL or PNEUMONIA.
    """
    if label not in CHEST_CLASSES:
        raise ScanError(
            Text(
                "sample.no-synthetic-film",
                "There is no synthetic film of {label}; choose one of {known}.",
                label=repr(label),
                known=", ".join(CHEST_CLASSES),
            )
        )
    rng = np.random.default_rng([seed, 100 + CHEST_CLASSES.index(label)])
    chest = chest_film.healthy(rng)
    grey, lesion = chest.grey, np.zeros((chest_film.SIDE, chest_film.SIDE), dtype=bool)
    if label == "PNEUMONIA":
        grey, lesion = chest_film.consolidated(chest, rng)
    scan = _scan_of(chest_film.exposed(grey, rng), what=Text("sample.a-chest", "a chest"))
    return Phantom(
        scan=scan,
        label=label,
        lesion=lesion,
        title=Text("sample.synthetic-film-seed", "Synthetic chest film, {label}, seed {seed}", label=label, seed=seed),
    )


class LesionPhantom(NamedTuple):
    """A phantom with its lesion where a model sees it."""

    label: str
    scan: Scan
    mask: Mask
    """(224, 224): True where the lesion lies in the picture that models of that preprocessing see."""
    preprocessing: Preprocessing


def phantom_with_lesion(
    task: str, label: str, seed: int = 0, *, preprocessing: Preprocessing | None = None
) -> LesionPhantom:
    """A phantom of one of `task`'s classes, its lesion's mask carried through the preprocessing.

    A pixel belongs to the lesion if at least half of what it shows does; nowhere True for NORMAL. The preprocessing is
    the task's unless given. Raises DataError for an unknown task and ScanError for a label that cannot be drawn.
    """
    # Imported here because tasks are described with this package's Preprocessing.
    from meddef_core.tasks import get_task

    known = get_task(task)
    seen_by = preprocessing or known.preprocessing
    phantom = (oct_phantom if known.key == "oct" else chest_phantom)(label, seed=seed)
    mask = seen_by.carry(phantom.lesion.astype(np.float32), of=phantom.scan.pixels) >= 0.5
    return LesionPhantom(label, phantom.scan, mask, seen_by)


def _scan_of(pixels: npt.NDArray[np.float32], *, what: str) -> Scan:
    return Scan(
        pixels=pixels,
        container="synthetic",
        bits=8,
        digest=digest_of(pixels.tobytes()),
        warnings=(
            Text(
                "sample.synthetic-picture",
                "This is a synthetic picture drawn by the program, not a recording of {what}.",
                what=what,
            ),
        ),
    )


def _bump(centre: float, *, width: float, height: float = 1.0) -> Course:
    """A bell over the columns."""
    return height * np.exp(-(((_COLUMNS - centre) / width) ** 2))


def _healthy(rng: np.random.Generator, *, pit: float = 1.0, swelling: Course | float = 0.0) -> tuple[Layers, float]:
    """A macula with its fovea; also the fovea's column.

    `pit` scales the foveal dip and `swelling` thickens the retina (pixels).
    """
    fovea = SIDE / 2 + rng.uniform(-35, 35)
    offset = _COLUMNS - fovea
    base = rng.uniform(270, 310) + rng.uniform(-0.08, 0.08) * offset + rng.uniform(-1.0, 2.5) * (offset / 120) ** 2
    base += rng.uniform(0.5, 2.0) * np.sin(_COLUMNS / rng.uniform(50, 90) + rng.uniform(0, 6))
    rim = _bump(fovea - 105, width=75) + _bump(fovea + 105, width=75)
    dip = _bump(fovea, width=rng.uniform(40, 52))
    thickness = rng.uniform(72, 80) + rng.uniform(9, 14) * rim - pit * rng.uniform(28, 34) * dip + swelling
    outer_share = 36.0 + 7.0 * dip + 0.35 * np.asarray(swelling)
    nasal = rng.choice([-1.0, 1.0])
    fibres = 2.5 + 9.0 / (1.0 + np.exp(-(nasal * offset - 150) / 40)) - 1.5 * dip
    surface = base - thickness
    # The inner layers run out in the pit, whose floor is outer retina.
    outer = np.maximum(base - outer_share, surface + 4.0)
    return Layers(surface=surface, outer=outer, pigment=base - 5, base=base, nerve_fibres=fibres), float(fovea)


def _normal(rng: np.random.Generator) -> _Drawing:
    layers, _ = _healthy(rng)
    return _Drawing(layers, bscan.reflectivity(layers, rng), np.zeros((SIDE, SIDE), dtype=bool))


def _drusen(rng: np.random.Generator) -> _Drawing:
    """Bumps of medium grey between Bruch's membrane and the pigment epithelium."""
    layers, fovea = _healthy(rng, pit=0.9)
    lift = np.zeros(SIDE)
    for centre in fovea + rng.uniform(-150, 150, size=rng.integers(5, 10)):
        lift = np.maximum(lift, _bump(centre, width=rng.uniform(8, 20), height=rng.uniform(8, 20)))
    layers = _lifted(layers, lift)
    grey = bscan.reflectivity(layers, rng)
    lesion = _beneath(layers, lift)
    grey[lesion] = 98.0 + 9.0 * bscan.texture(rng, along=3, deep=2)[lesion]
    return _Drawing(layers, grey, lesion)


def _lifted(layers: Layers, lift: Course, *, carried: Course | float = 0.0) -> Layers:
    """Raise the pigment epithelium by `lift` pixels and the surface by `carried`, squeezing the retina between."""
    surface = layers.surface - carried
    outer = np.maximum(layers.outer - 0.75 * lift, surface + 6.0)
    return replace(layers, surface=surface, outer=outer, pigment=layers.pigment - lift)


def _beneath(layers: Layers, lift: Course) -> Mask:
    """What lies between the lifted pigment epithelium and Bruch's membrane."""
    return bscan.between(layers.pigment + 5, layers.base) & (lift > 2)


def _oedema(rng: np.random.Generator) -> _Drawing:
    """A thick retina without its pit, dark cysts in it, and a few bright exudates."""
    at = rng.uniform(-30, 30)
    swelling = _bump(SIDE / 2 + at, width=rng.uniform(85, 130), height=rng.uniform(28, 48))
    layers, fovea = _healthy(rng, pit=0.45, swelling=swelling)
    grey = bscan.reflectivity(layers, rng)
    lesion = _cysts(layers, fovea + at, rng)
    grey[bscan.grown(lesion, by=2) & ~lesion] += 14.0
    grey[lesion] = bscan.FLUID
    _paint_exudates(grey, layers, fovea + at, rng, avoid=lesion)
    return _Drawing(layers, grey, lesion)


def _cysts(layers: Layers, centre: float, rng: np.random.Generator) -> Mask:
    """A few large cysts around `centre` and many small ones in the nuclear layers, a wall of tissue between them."""
    cysts = np.zeros((SIDE, SIDE), dtype=bool)
    top, room = layers.surface + 10, layers.pigment - 32 - layers.surface
    for large in [True] * rng.integers(3, 6) + [False] * rng.integers(16, 30):
        column = float(np.clip(rng.normal(centre, 24 if large else 75), 0, SIDE - 1))
        space = room[int(column)]
        deep = space * (rng.uniform(0.22, 0.4) if large else rng.uniform(0.06, 0.13))
        row = top[int(column)] + space * (rng.uniform(0.45, 0.6) if large else rng.choice([0.42, 0.85]) + 0.04)
        cyst = bscan.blob(rng, column, row, across=deep * rng.uniform(0.5, 0.9), deep=deep)
        cysts |= cyst & ~bscan.grown(cysts, by=2)
    return cysts & bscan.between(layers.surface + 7, layers.pigment - 17)


def _paint_exudates(grey: Plane, layers: Layers, centre: float, rng: np.random.Generator, *, avoid: Mask) -> None:
    """Small bright lipid spots near the outer plexiform layer."""
    for _ in range(rng.integers(3, 9)):
        column = float(np.clip(rng.normal(centre, 80), 0, SIDE - 1))
        row = layers.outer[int(column)] + rng.normal(0, 6)
        spot = bscan.blob(rng, column, row, across=rng.uniform(1.5, 3.5), deep=rng.uniform(1.5, 2.5)) & ~avoid
        grey[spot] = 185.0


def _neovascular(rng: np.random.Generator) -> _Drawing:
    """A ragged, broken pigment epithelium over a mound of new tissue, bright matter on it and fluid beside it."""
    layers, fovea = _healthy(rng, pit=0.35)
    centre, width, side = fovea + rng.uniform(-40, 40), rng.uniform(48, 75), rng.choice([-1.0, 1.0])
    mound = _bump(centre, width=width, height=rng.uniform(30, 46))
    mound += _bump(centre - side * width, width=width / 2, height=rng.uniform(8, 18))
    ragged = 2.6 * bscan.texture(rng, along=3, deep=1)[0] + 4.0 * bscan.texture(rng, along=9, deep=1)[0]
    lift = np.clip(mound + ragged * np.clip(mound / 15, 0, 1), 0, None)
    pool = _bump(centre + side * width * 1.15, width=width * 0.55, height=rng.uniform(14, 22))
    layers = _lifted(layers, lift, carried=0.62 * mound + 0.6 * pool)
    layers = replace(layers, outer=np.maximum(layers.outer - 0.6 * pool, layers.surface + 6.0))
    grey = bscan.reflectivity(layers, rng)

    tissue = _beneath(layers, lift)
    grey[tissue] = 84.0 + 15.0 * bscan.texture(rng, along=5, deep=3)[tissue]
    grey[bscan.between(layers.base - 1, layers.base + 2) & (lift > 5)] = 112.0
    crust = _bump(centre - side * width * 0.35, width=width * 0.4, height=rng.uniform(10, 16))
    matter = bscan.between(layers.pigment - 6 - crust, layers.pigment - 6) & (crust > 2)
    grey[matter] = 140.0 + 18.0 * bscan.texture(rng, along=4, deep=2)[matter]
    fluid = bscan.between(layers.pigment - 6 - pool, layers.pigment - 6) & (pool > 2) & ~matter
    grey[fluid] = bscan.FLUID
    _break_pigment(grey, layers, lift, rng)
    shade = 1.0 - 0.28 * np.clip(lift / 35, 0, 1)
    grey = np.where(bscan.rows() > layers.base + 2, grey * shade, grey)
    return _Drawing(layers, grey, tissue | matter | fluid)


def _break_pigment(grey: Plane, layers: Layers, lift: Course, rng: np.random.Generator) -> None:
    """Cut gaps into the bright line where it is lifted most, as the growing vessels do."""
    for column in rng.choice(np.flatnonzero(lift > 0.6 * lift.max()), size=3):
        gap = (np.abs(_COLUMNS - column) < rng.uniform(3, 7)) & bscan.between(layers.pigment - 6, layers.pigment + 5)
        grey[gap] = 92.0


_CLASSES: dict[str, Callable[[np.random.Generator], _Drawing]] = {
    "NORMAL": _normal,
    "DRUSEN": _drusen,
    "DME": _oedema,
    "CNV": _neovascular,
}

CHEST_CLASSES = ("NORMAL", "PNEUMONIA")
"""Classes of chest films that can be drawn."""
