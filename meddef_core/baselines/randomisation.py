"""A random size and place for every image, so that an attacker cannot know the pixels that the network reads."""

import torch
import torch.nn.functional as F
from torch import Tensor

from meddef_core.baselines.baseline import Baseline
from meddef_core.baselines.defended import Defended, RandomTransform
from meddef_core.text import Text

LARGEST = 331 / 299
"""Side of the padded image over the side of the image, from the paper's section 4."""


class ResizeAndPad(RandomTransform):
    """Every image enlarged to a random size and put at a random place of a black canvas; each has its own draw.

    For `(B, C, H, W)` the result is `(B, C, H', W')` with sides `LARGEST` times as long, so the network must take
    images of any size. Nearest-neighbour resizing as in the paper's code: pixels are moved and repeated, never mixed,
    and the gradient is the transformation's own.
    """

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self._place(image) for image in x.split(1)])

    def _place(self, image: Tensor) -> Tensor:
        height, width = image.shape[-2:]
        room_h, room_w = round(height * LARGEST), round(width * LARGEST)
        share, top, left = torch.rand(3, generator=self.generator).tolist()
        new_h = height + int(share * (room_h - height + 1))
        new_w = width + int(share * (room_w - width + 1))
        above, before = int(top * (room_h - new_h + 1)), int(left * (room_w - new_w + 1))
        larger = F.interpolate(image, size=(new_h, new_w), mode="nearest")
        return F.pad(larger, (before, room_w - new_w - before, above, room_h - new_h - above))


BASELINES = (
    Baseline(
        name="resize_pad",
        title=Text("baseline.random-resizing", "Random resizing and padding"),
        one_line=Text(
            "baseline.enlarges-moves",
            "Enlarges every scan by a random amount and moves it to a random place before it is read.",
        ),
        citation="Xie et al. 2018, Mitigating adversarial effects through randomization, arXiv:1711.01991",
        randomised=True,
        wrap=lambda network: Defended(network, ResizeAndPad()),
    ),
)
