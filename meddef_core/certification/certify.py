"""A certificate for one scan: the class of the smoothed network, and how far the scan may change without changing it.

CERTIFY of Cohen, Rosenfeld and Kolter 2019 (arXiv:1902.02918, section 3.2.2): `selection` draws choose the class, other
draws bound its probability from below (Clopper and Pearson at `alpha`), and the radius follows from that bound. With a
probability of at least 1 - alpha over the draws a certificate that is given is true.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from meddef_core.certification.radius import Radii, certified_radius, lower_bound, radii
from meddef_core.certification.smoothed import OnDraws, Smoothed, smoothed
from meddef_core.errors import MedDefError, ModelError
from meddef_core.prediction.prediction import predict
from meddef_core.scans import Scan
from meddef_core.text import Text
from meddef_core.zoo import LoadedModel

DRAWS = 1000
ALPHA = 0.001
SELECTION = 100
"""Draws that choose the class (n0 of the paper)."""

MOST_DRAWS = 10_000_000


class NoCertificateError(MedDefError):
    """The model abstains from the scan: a certified class would be a confident output for an unsuitable image."""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What is guaranteed for one image, of the smoothed network alone: a model output, not a diagnosis.

    `index` is the class with the most of `selection` votes, and `certified` whether it has a radius: where it has not,
    the smoothed network abstains. `bound` is the lower limit of its share of votes.
    """

    index: int
    bound: float
    radius: float
    """In L2 on the grid; 0 where the network abstains."""
    votes: tuple[int, ...]
    """Of all classes, among `draws`."""
    selection_votes: tuple[int, ...]
    draws: int
    alpha: float
    seed: int
    grid: tuple[int, int]
    sigma: float

    @property
    def certified(self) -> bool:
        """Whether any change at all is excluded."""
        return self.radius > 0

    @property
    def radii(self) -> Radii:
        """The radius in pixel units."""
        return radii(self.radius, grid=self.grid)


def certify(
    model: LoadedModel,
    scan: Scan,
    n: int = DRAWS,
    alpha: float = ALPHA,
    *,
    seed: int = 0,
    on_draws: OnDraws | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Certificate:
    """The class of a smoothed network for a scan, and how far the scan may change without changing it.

    `n` noisy copies vote. Where the certificate is `certified`, the class stays the same for every change below its
    `radii`, in pixel units, and that is wrong with a probability of at most `alpha`; elsewhere the network abstains.
    The same `seed` gives the same certificate. Raises NoCertificateError where the model abstains from the scan, by its
    header, its image or its distance from the training scans: the vote agrees on anything, noise too. Raises ModelError
    for a model that was not trained for it and for settings that cannot work, CancelledError where `cancelled` says so.
    """
    _check(n, alpha, seed)
    network = smoothed(model.network)
    prediction = predict(model, scan)
    if prediction.level == "refused":
        raise NoCertificateError(
            Text(
                "certificate.no-certificate",
                "No certificate is given, because the model abstains. {why}",
                why=prediction.sentence,
            )
        )
    pixels = torch.from_numpy(model.preprocessing(scan.pixels, row_mm=scan.row_mm))
    image = pixels.expand(model.channels, -1, -1).to(next(model.network.parameters()).device)
    return certify_image(network, image, n=n, alpha=alpha, seed=seed, on_draws=on_draws, cancelled=cancelled)


def certify_image(
    network: Smoothed,
    image: Tensor,
    *,
    n: int = DRAWS,
    alpha: float = ALPHA,
    seed: int = 0,
    on_draws: OnDraws | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Certificate:
    """The same for an image `(C, 224, 224)` in [0, 1] and a smoothed network."""
    _check(n, alpha, seed)
    generator = torch.Generator().manual_seed(seed)

    def tell(offset: int) -> OnDraws | None:
        return None if on_draws is None else lambda done, _: on_draws(offset + done, SELECTION + n)

    first = network.votes(image, draws=SELECTION, generator=generator, on_draws=tell(0), cancelled=cancelled)
    votes = network.votes(image, draws=n, generator=generator, on_draws=tell(SELECTION), cancelled=cancelled)
    index = int(first.argmax())
    bound = lower_bound(int(votes[index]), n, alpha=alpha)
    return Certificate(
        index=index,
        bound=bound,
        radius=certified_radius(bound, sigma=network.sigma),
        votes=tuple(votes.tolist()),
        selection_votes=tuple(first.tolist()),
        draws=n,
        alpha=alpha,
        seed=seed,
        grid=network.grid,
        sigma=network.sigma,
    )


def _check(n: int, alpha: float, seed: int) -> None:
    if not 1 <= n <= MOST_DRAWS:
        raise ModelError(
            Text(
                "certificate.certificate-takes",
                "A certificate takes 1 to {most:,} draws, not {n}; 1,000 are usual.",
                most=MOST_DRAWS,
                n=n,
            )
        )
    if not 0 < alpha < 0.5:
        raise ModelError(
            Text(
                "certificate.error-probability",
                "The error probability alpha lies above 0 and below 0.5, not at {alpha}; 0.001 is usual.",
                alpha=alpha,
            )
        )
    if not 0 <= seed < 2**31:
        raise ModelError(
            Text(
                "certificate.seed-whole",
                "The seed is a whole number from 0 to {most}, not {seed}.",
                most=2**31 - 1,
                seed=seed,
            )
        )
