"""One step: forward and backward over the pieces of a batch, then the optimizer. Nothing in it waits for a GPU."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Any, cast

from ml_assets.errors import InvalidProblem
from ml_assets.training.loop.chance import derived
from ml_assets.training.loop.loop import Loop
from ml_assets.training.loop.losses import Losses
from ml_assets.training.loop.plan import Plan, pieces
from ml_assets.training.loop.rows import Rows, moved
from ml_assets.training.loop.schedule import learning_rate
from ml_assets.training.loop.together import Together, without_exchange

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn
    from torch.optim import Optimizer


class Step:
    """Does the steps of a training, each when it is called with its number.

    Attributes:
        called: the network as the loss calls it: joined with those of other ranks, compiled.
    """

    def __init__(
        self,
        joined: nn.Module,
        optimizer: Optimizer,
        losses: Losses,
        rows: Rows,
        *,
        plan: Plan,
        together: Together,
        seed: int,
    ) -> None:
        import torch

        self._joined, self._optimizer, self._losses, self._rows, self._plan = joined, optimizer, losses, rows, plan
        self.called = _compiled(joined) if plan.loop.compile else joined
        self._together, self._seed = together, seed
        self._weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        self._generator = torch.Generator(together.device)
        self._epoch, self._order = -1, torch.empty(0)

    def __call__(self, step: int, loss_sum: Tensor) -> int:
        """Do step number ``step``; add this rank's losses to ``loss_sum``.

        Returns:
            how many rows it had, on all ranks.
        """
        loop, together = self._plan.loop, self._together
        low, high = self._plan.bounds(step)
        order = self._order_of(step // self._plan.per_epoch)
        mine = pieces(low, high, loop.accumulate, together.rank, together.size)
        for number, piece in enumerate(mine):
            with nullcontext() if number == len(mine) - 1 else without_exchange(self._joined):
                total = self._forward(order[piece.low : piece.high], (step, number))
                if not piece.counts:
                    total = total * 0
                (total * (together.size / (high - low))).backward()  # type: ignore[no-untyped-call]
            loss_sum += total.detach()
        self._descend(step)
        return high - low

    def _forward(self, indices: Tensor, place: tuple[int, int]) -> Tensor:
        """The sum of the losses of some rows."""
        batch = moved(self._rows.batch(indices), self._together.device)
        if self._rows.augment is not None:
            self._generator.manual_seed(derived(self._seed, "augment", *place, self._together.rank))
            batch = self._rows.augment(batch, self._generator)
        return self._losses(self.called, batch, len(indices)).sum()

    def _descend(self, step: int) -> None:
        from torch.nn.utils import clip_grad_norm_

        loop = self._plan.loop
        if loop.clip_norm:
            clip_grad_norm_(self._weights, loop.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(loop, step, self._plan.steps)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)

    def _order_of(self, epoch: int) -> Tensor:
        import torch

        if epoch != self._epoch:
            chance = torch.Generator().manual_seed(derived(self._seed, "order", epoch))
            self._epoch, self._order = epoch, self._rows.order(chance)
        return self._order


def optimizer_of(network: nn.Module, loop: Loop, device: torch.device) -> Optimizer:
    """AdamW over the weights that are trained, in one kernel where there is one."""
    from torch.optim import AdamW

    weights = [weight for weight in network.parameters() if weight.requires_grad]
    if not weights:
        raise InvalidProblem("The network has no weight that can be trained: let some of them require_grad.")
    return AdamW(weights, loop.learning_rate, weight_decay=loop.weight_decay, fused=not loop.sharded or None)


def _compiled(network: nn.Module) -> nn.Module:
    import torch

    compiled: Any = torch.compile(network, dynamic=False)  # code per shape: its bits depend on no shape seen before
    return cast("nn.Module", compiled)
