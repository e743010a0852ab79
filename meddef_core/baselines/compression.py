"""JPEG compression: what a camera or an archive does to an image anyway, used as a defence."""

import cv2
import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import Defended, Transform, through_bytes
from meddef_core.errors import ModelError
from meddef_core.text import Text


class Jpeg(Transform):
    """Images encoded as JPEG and decoded again, in memory; grey images as grey, colour in 4:2:0 as is usual."""

    differentiable = False

    def __init__(self, *, quality: int = 75) -> None:
        super().__init__()
        if not 1 <= quality <= 100:
            raise ModelError(
                Text(
                    "baseline.jpeg-quality", "JPEG quality must lie between 1 and 100, not {quality}.", quality=quality
                )
            )
        self.quality = quality

    def forward(self, x: Tensor) -> Tensor:
        return through_bytes(x, self._encode_and_decode)

    def _encode_and_decode(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if image.shape[2] not in (1, 3):
            raise ModelError(
                Text(
                    "baseline.jpeg-channels",
                    "JPEG takes images of 1 or 3 channels, not {channels}; choose another baseline.",
                    channels=image.shape[2],
                )
            )
        # cv2 orders colours blue, green, red; on one channel the reversal does nothing.
        reversed_channels = np.ascontiguousarray(image[..., ::-1])
        _, data = cv2.imencode(".jpg", reversed_channels, [cv2.IMWRITE_JPEG_QUALITY, self.quality])
        decoded = np.asarray(cv2.imdecode(data, cv2.IMREAD_UNCHANGED), dtype=np.uint8)
        return decoded.reshape(image.shape)[..., ::-1]


BASELINES = (
    Baseline(
        name="jpeg",
        title=Text("baseline.jpeg-compression", "JPEG compression"),
        one_line=Text(
            "baseline.jpeg-loses",
            "Compresses every scan as JPEG of quality 75 before it is read, to lose an attack's fine changes.",
        ),
        citation="Dziugaite, Ghahramani and Roy 2016, A study of the effect of JPG compression on adversarial images, "
        "arXiv:1608.00853",
        randomised=False,
        wrap=lambda network: Defended(network, Jpeg()),
    ),
)
