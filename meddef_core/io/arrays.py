"""Plain pictures in, tensors out: for callers that speak NumPy and never import torch."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def as_images(picture: NDArray[np.float32]) -> Tensor:
    """A prepared grey picture `(224, 224)` in [0, 1] as a batch of one, `(1, 1, 224, 224)`; a copy."""
    return torch.from_numpy(np.array(picture, dtype=np.float32))[None, None]


def as_picture(images: Tensor) -> NDArray[np.float32]:
    """The first channel of a batch of one `(1, C, H, W)` as a picture `(H, W)`; a copy."""
    picture: NDArray[np.float32] = images[0, 0].cpu().numpy().copy()
    return picture


def as_labels(index: int) -> Tensor:
    """A class number as the labels of a batch of one, `(1,)` int64."""
    return torch.tensor([index])


def use_threads(count: int) -> None:
    """Set how many threads torch computes on in this process."""
    torch.set_num_threads(count)
