"""What a checkpoint holds: everything that a step reads and changes, and what tells whose it is.

whose       names and shapes of the weights, rows, the loop's numbers, first losses: must be those of this training
network     name -> tensor: weights and buffers
optimizer   name of a weight -> its moments and count
chance      per rank, the generators of the process
progress    epochs judged, the best one with its weights and loss; what was reported, and the sums of what was not yet
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Checkpoint
from ml_assets.training.loop.chance import generators, set_generators
from ml_assets.training.loop.together import Together, as_it_is_kept, whole

if TYPE_CHECKING:
    from torch import Tensor, nn
    from torch.optim import Optimizer

CLOSE = 1e-2  # of the first losses: another machine rounds otherwise, another network or loss is far off


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        step: steps done.
        judged: epochs whose validation loss is known.
        best_epoch: counted from 1; 0: none is known.
        best: the weights of the best epoch, on the processor.
        loss: sum of the losses of this rank's rows since the last report; on its device.
        rows: how many rows, of all ranks, that was.
        reports: (step, metrics) of all reports: they are made again where the training goes on.
    """

    loss: Tensor
    step: int = 0
    judged: int = 0
    best_epoch: int = 0
    best_loss: float = float("inf")
    best: Mapping[str, Tensor] = field(default_factory=dict)
    rows: int = 0
    reports: list[tuple[int, dict[str, float]]] = field(default_factory=list)

    @property
    def reported(self) -> int:
        """The step of the last report."""
        return self.reports[-1][0] if self.reports else 0


def snapshot(
    network: nn.Module,
    optimizer: Optimizer,
    progress: Progress,
    *,
    whose: Mapping[str, Any],
    together: Together,
    device: str,
) -> dict[str, Any]:
    """The state of a training. All ranks take part in it; copies, on the processor."""
    chance = {name: together.gather(state) for name, state in generators(device).items()}
    return {
        "whose": dict(whose),
        "network": {name: whole(value) for name, value in network.state_dict().items()},
        "optimizer": _moments(network, optimizer),
        "chance": [{name: states[rank] for name, states in chance.items()} for rank in range(together.size)],
        "loss": together.gather(whole(progress.loss)),
        "best": dict(progress.best),
        "best_loss": progress.best_loss if progress.best_epoch else None,
        **{name: getattr(progress, name) for name in ("judged", "best_epoch", "rows")},
        "reports": [[step, dict(metrics)] for step, metrics in progress.reports],
    }


def restore(
    checkpoint: Checkpoint, network: nn.Module, optimizer: Optimizer, together: Together, device: str
) -> Progress:
    """Put a training into the state after ``checkpoint.step`` steps."""
    import torch

    state = checkpoint.state
    with torch.no_grad():
        for name, place in network.state_dict().items():
            place.copy_(as_it_is_kept(state["network"][name], place))
    _set_moments(network, optimizer, state["optimizer"])
    if together.rank < len(state["chance"]):
        set_generators(state["chance"][together.rank], device)
    return Progress(
        step=checkpoint.step,
        loss=_of_rank(state["loss"], together).to(together.device),
        best=dict(state["best"]),
        best_loss=float("inf") if state["best_loss"] is None else state["best_loss"],
        reports=[(step, dict(metrics)) for step, metrics in state["reports"]],
        **{name: int(state[name]) for name in ("judged", "best_epoch", "rows")},
    )


def identity(network: nn.Module, first_losses: Tensor, rows: tuple[int, int], numbers: Any) -> dict[str, Any]:
    """What makes a checkpoint this training's.

    Args:
        first_losses: of the untrained network on a few rows: another network, loss or rows give others.
        rows: how many train, how many judge.
        numbers: the ``Loop``.
    """
    weights = {name: list(value.shape) for name, value in network.state_dict().items()}
    return {"weights": weights, "rows": list(rows), "loop": asdict(numbers), "first_losses": first_losses}


def refuse_of_another(checkpoint: Checkpoint, whose: Mapping[str, Any]) -> None:
    """A checkpoint is found by its computation key, under which nothing can differ, if ``train`` repeats itself.

    To go on from another training's state would give a wrong model, to begin again silently would lose every resumption.

    Raises:
        InvalidProblem: if it is of another network, loop, loss, or of other rows.
    """
    import torch

    theirs = checkpoint.state.get("whose", {})
    differing = [name for name in ("weights", "rows", "loop") if theirs.get(name) != whose[name]]
    first = theirs.get("first_losses")
    if not differing and not torch.allclose(first, whose["first_losses"], CLOSE, CLOSE, equal_nan=True):
        differing = ["first losses"]
    if differing:
        raise InvalidProblem(
            f"The checkpoint of step {checkpoint.step} is of a training with other {' and '.join(differing)}, under the same "
            "computation key: train() does not do the same each time. Build the network inside `with seeded(run.seed):`, "
            "draw rows from run.seed, and call fit() once per training (several networks can be parts of one)."
        )


def _moments(network: nn.Module, optimizer: Optimizer) -> dict[str, dict[str, Tensor]]:
    return {
        name: {what: whole(value) for what, value in optimizer.state[weight].items()}
        for name, weight in network.named_parameters()
        if weight in optimizer.state
    }


def _set_moments(network: nn.Module, optimizer: Optimizer, moments: Mapping[str, Mapping[str, Tensor]]) -> None:
    trained = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    state = {
        number: {
            what: as_it_is_kept(value, weight) if value.shape == weight.shape else value
            for what, value in moments[name].items()
        }
        for number, (name, weight) in enumerate(trained)
        if name in moments
    }
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _of_rank(sums: list[Tensor], together: Together) -> Tensor:
    """This rank's sum; where the number of ranks has changed, the first takes all."""
    import torch

    if len(sums) == together.size:
        return sums[together.rank]
    total = torch.stack(list(sums)).sum(0)
    return total if together.rank == 0 else torch.zeros_like(total)
