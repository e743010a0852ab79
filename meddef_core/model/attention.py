"""A: scaled dot-product self-attention over spatial positions (paper; Vaswani et al. 2017)."""

import torch
from torch import Tensor, nn


class SelfAttention(nn.Module):
    """One head over all positions, averaged: `(B, C, H, W) -> (B, C)` and the weights `(B, H*W, H*W)`.

    Row i of the weights says what position i looks at; each row sums to 1.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.query = nn.Linear(channels, channels)
        self.key = nn.Linear(channels, channels)
        self.value = nn.Linear(channels, channels)
        self.project = nn.Linear(channels, channels)
        self.scale = channels**-0.5

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        positions = x.flatten(2).transpose(1, 2)
        scores = self.query(positions) @ self.key(positions).transpose(1, 2) * self.scale
        weights = torch.softmax(scores, dim=-1)
        return self.project(weights @ self.value(positions)).mean(dim=1), weights
