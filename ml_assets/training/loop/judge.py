"""The loss on the validation rows: the mean over all of them, with the network as it would predict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.training.loop.losses import Losses
from ml_assets.training.loop.plan import pieces
from ml_assets.training.loop.rows import Rows, moved
from ml_assets.training.loop.together import Together

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn


def validation_loss(
    network: nn.Module, losses: Losses, rows: Rows, together: Together, asked_to_stop: Callable[[], bool]
) -> float | None:
    """Mean over the rows, each rank with its share of every batch; None if it was asked to stop before the end."""
    import torch

    loop = losses.loop
    total = torch.zeros((), dtype=torch.float64, device=together.device)
    network.eval()
    try:
        with torch.no_grad():
            for low in range(0, len(rows), loop.batch_rows):
                if asked_to_stop():
                    return None
                high = min(low + loop.batch_rows, len(rows))
                for piece in pieces(low, high, loop.accumulate, together.rank, together.size):
                    batch = moved(rows.batch(torch.arange(piece.low, piece.high)), together.device)
                    each = losses(network, batch, piece.high - piece.low)
                    total += each.double().sum() * piece.counts
    finally:
        network.train()
    return float(together.sum(total)) / len(rows)
