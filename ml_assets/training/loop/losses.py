"""The loss of each row, in the precision that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ml_assets.errors import InvalidProblem
from ml_assets.training.loop.loop import Loop
from ml_assets.training.loop.rows import Batch

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Loss: TypeAlias = "Callable[[nn.Module, Batch], Tensor]"


@dataclass(frozen=True)
class Losses:
    """A problem's loss as the loop calls it.

    Attributes:
        loss: ``(network, batch) -> Tensor``, shape (n,).
    """

    loss: Loss
    loop: Loop
    device: torch.device

    def __call__(self, network: nn.Module, batch: Batch, rows: int) -> Tensor:
        """Shape (rows,), in 32 bits.

        Raises:
            InvalidProblem: if ``loss`` returns another shape.
        """
        with self._precision():
            each = self.loss(network, batch)
        if each.shape != (rows,):
            raise InvalidProblem(
                f"The loss returned shape {tuple(each.shape)} for {rows} rows: return one value per row, shape ({rows},), such "
                "as cross_entropy(…, reduction='none'). The loop weights the rows: batches, pieces and ranks may be uneven."
            )
        return each.float()

    def _precision(self) -> AbstractContextManager[Any]:
        import torch

        is_short = self.loop.precision == "bfloat16"
        return torch.autocast(self.device.type, torch.bfloat16) if is_short else nullcontext()
