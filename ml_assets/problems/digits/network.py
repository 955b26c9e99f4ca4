"""The network, and how pictures are distorted while it learns, so that 165 of them are enough."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ml_assets.problems.digits.dataset import DIGITS, SIDE

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn


def digit_network(channels: int, dropout: float = 0.0) -> nn.Module:
    """Three convolutions and one linear layer: pictures (n, 1, 8, 8), 0 to 1, to a score per digit (n, 10)."""
    from torch import nn

    half = SIDE // 2
    return nn.Sequential(
        nn.Conv2d(1, channels, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(channels, 2 * channels, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2 * channels, 2 * channels, 3, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Dropout(dropout),
        nn.Linear(2 * channels * half * half, DIGITS),
    )


def distorted(
    pictures: Tensor, generator: torch.Generator, *, shift_pixels: float, rotation_degrees: float, noise: float
) -> Tensor:
    """Each picture turned and shifted by up to so much in any direction, with noise on every pixel.

    Args:
        pictures: shape (n, 1, height, width), 0 to 1.
        noise: standard deviation, in the same unit.
    """
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    def drawn(*shape: int) -> Tensor:
        """Even chances from -1 to 1."""
        return 2 * torch.rand(shape, generator=generator, device=pictures.device) - 1

    n, _, _, width = pictures.shape
    turn = math.radians(rotation_degrees) * drawn(n)
    shift = shift_pixels * 2 / width * drawn(n, 2)  # a picture reaches from -1 to 1
    rows = [[turn.cos(), -turn.sin(), shift[:, 0]], [turn.sin(), turn.cos(), shift[:, 1]]]
    moves = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)  # (n, 2, 3)
    moved = grid_sample(pictures, affine_grid(moves, list(pictures.shape), align_corners=False), align_corners=False)
    return moved + noise * torch.randn(moved.shape, generator=generator, device=pictures.device)
