"""The network: embeddings of what has names, and numbers, through a perceptron to a median and the interval around it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn

UNIT_MINUTES = 30.0  # of what the last layer says: about how far arrivals spread, so that it starts near the truth
FARTHEST = 4.0  # standard deviations from the mean that a number counts


def arrival_network(
    numbers: int, sizes: Sequence[int], *, hidden: int, embedding: int, dropout: float = 0.0
) -> nn.Module:
    """A network that has learnt nothing.

    Called with ``numbers`` (n, numbers), NaN where not known, and ``codes`` (n, len(sizes)), it answers in minutes: value,
    lower and upper bound, shape (n, 3), never crossed. How numbers are scaled is part of its weights: see ``observe``.

    Args:
        sizes: how many codes each category has, 0 for what is not known included.
        embedding: most numbers that a code becomes.
    """
    import torch
    from torch import nn
    from torch.nn.functional import softplus

    class ArrivalNetwork(nn.Module):
        center: Tensor
        scale: Tensor

        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("center", torch.zeros(numbers))
            self.register_buffer("scale", torch.ones(numbers))
            widths = [min(embedding, (size + 1) // 2) for size in sizes]
            self.embeddings = nn.ModuleList(
                nn.Embedding(size, width) for size, width in zip(sizes, widths, strict=True)
            )
            self.layers = nn.Sequential(
                nn.Linear(2 * numbers + sum(widths), hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, hidden),
                nn.ReLU(),
                nn.Dropout(dropout),
                nn.Linear(hidden, 3),
            )

        def forward(self, numbers: Tensor, codes: Tensor) -> Tensor:
            is_known = numbers.isfinite()
            scaled = ((numbers - self.center) / self.scale).clamp(-FARTHEST, FARTHEST)
            embedded = [embed(codes[:, at]) for at, embed in enumerate(self.embeddings)]
            filled = torch.where(is_known, scaled, 0.0)  # the mean, and beside it that it was not known
            value, below, above = self.layers(torch.cat([filled, (~is_known).float(), *embedded], dim=1)).unbind(1)
            said = torch.stack([value, value - softplus(below), value + softplus(above)], dim=1)
            return UNIT_MINUTES * said

    return ArrivalNetwork()


def observe(network: nn.Module, numbers: Tensor) -> None:
    """Have the network scale numbers by mean and standard deviation of those known in ``numbers`` (n, numbers)."""
    import torch

    is_known = numbers.isfinite()
    count = is_known.sum(0).clamp(min=1)
    known = torch.where(is_known, numbers, 0.0).double()
    mean = known.sum(0) / count
    variance = (torch.where(is_known, numbers.double() - mean, 0.0) ** 2).sum(0) / count
    network.get_buffer("center").copy_(mean)
    network.get_buffer("scale").copy_(variance.sqrt().where(variance > 0, torch.ones(())))
