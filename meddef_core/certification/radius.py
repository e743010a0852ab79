"""From votes to a radius: how far a scan may change before the smoothed network's class can.

The smoothed network averages an image x of H x W pixels over a grid of h x w equal cells, p = A x, adds Gaussian noise
of standard deviation sigma to each cell, and takes the class that is answered most often. On the grid theorem 1 of
Cohen, Rosenfeld and Kolter 2019 (arXiv:1902.02918) holds: if the class has a probability of at least P > 1/2 under the
noise, no change d of p with |d|_2 < R = sigma * Phi^-1(P) moves the class. In pixels this is a change e with d = A e,
and a cell is the mean of b = H W / (h w) pixels, whatever its shape, so it does not matter whether it is square:

- **L-infinity.** If no pixel moves by more than eps, no mean does: |d|_2 <= sqrt(h w) * eps, with equality where all
  pixels move alike. The class is certain for eps < R / sqrt(h w).
- **L2.** By Cauchy and Schwarz, the square of a cell's mean is at most the cell's sum of squares divided by b, so
  |d|_2^2 <= |e|_2^2 / b, with equality where all pixels of a cell move alike. The class is certain for
  |e|_2 < R * sqrt(b).

Both hold for any image, also one whose values leave [0, 1].
"""

import math
from dataclasses import dataclass

from scipy.stats import beta, norm

from meddef_core.errors import ModelError
from meddef_core.text import Text

IMAGE = (224, 224)
"""Rows and columns of the images that models take."""


@dataclass(frozen=True)
class Radii:
    """How far images may change, in pixel units: less than this leaves the class as it is."""

    linf: float
    l2: float


def radii(radius: float, *, grid: tuple[int, int], image: tuple[int, int] = IMAGE) -> Radii:
    """Radii in pixels from one in L2 on the grid; both sizes are rows and columns."""
    cells = math.prod(grid)
    return Radii(linf=radius / math.sqrt(cells), l2=radius * math.sqrt(math.prod(image) / cells))


def certified_radius(probability: float, *, sigma: float) -> float:
    """R in L2 on the grid for a class that has at least that probability under the noise; 0 up to one half."""
    return sigma * float(norm.ppf(probability)) if probability > 0.5 else 0.0


def lower_bound(successes: int, draws: int, *, alpha: float) -> float:
    """Clopper and Pearson's one-sided limit: above the true share with a probability of at most `alpha`."""
    return float(beta.ppf(alpha, successes, draws - successes + 1)) if successes else 0.0


def largest_radius(draws: int, *, alpha: float, sigma: float) -> float:
    """R when all draws agree: no scan can be certified further with so few."""
    return certified_radius(lower_bound(draws, draws, alpha=alpha), sigma=sigma)


def check_smoothing(grid: tuple[int, int] | None, sigma: float) -> tuple[int, int]:
    """The grid of a network that was trained for smoothing; ModelError for any other."""
    if grid is None or sigma <= 0:
        raise ModelError(
            Text(
                "certificate.model-not",
                "This model was not trained for certificates; choose one such as oct/meddef-certified.",
            )
        )
    return grid
