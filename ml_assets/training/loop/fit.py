"""The loop itself: steps, epochs, what is reported and when, what is saved and when, and its end.

    judge the epoch that is over -> end? -> step -> report -> save, if due -> …

Whether an epoch is still to be judged is part of the state, so that a training killed in between judges it when it goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from ml_assets.errors import Diverged, UnusableSplit
from ml_assets.problem import TrainingRun
from ml_assets.training.loop.chance import derived, repeatable, seeded
from ml_assets.training.loop.judge import validation_loss
from ml_assets.training.loop.loop import Loop
from ml_assets.training.loop.losses import Loss, Losses
from ml_assets.training.loop.plan import Plan
from ml_assets.training.loop.rows import Rows, moved, near
from ml_assets.training.loop.schedule import learning_rate
from ml_assets.training.loop.state import Progress, identity, refuse_of_another, restore, snapshot
from ml_assets.training.loop.step import Step, optimizer_of
from ml_assets.training.loop.together import Together, all_finite, whole

if TYPE_CHECKING:
    from torch import Tensor, nn

REPORTS = 100  # of train_loss, besides one per epoch
FEWEST_STEPS_BETWEEN_REPORTS = 10
FIRST_ROWS = 8  # whose first losses tell one training from another


@dataclass(frozen=True)
class Fitted:
    """What came of it.

    Attributes:
        weights: the network's ``state_dict`` after its best epoch, on the processor.
        best_epoch: counted from 1.
        steps: how many were done.
        validation_loss: of the best epoch, mean per row.
    """

    weights: dict[str, Tensor]
    best_epoch: int
    steps: int
    validation_loss: float


def fit(  # noqa: PLR0917  # in the order in which one thinks of them
    network: nn.Module, loss: Loss, train: Rows, validation: Rows, loop: Loop, run: TrainingRun
) -> Fitted:
    """Fit ``network`` to the rows of ``train``, and keep its weights where the loss on ``validation`` is least.

    The same arguments, machine and number of threads give the same bits, however often the training was interrupted.
    The network is left as it was after the last step; build yours anew from the weights that are returned.

    Args:
        network: built inside ``with seeded(run.seed):``. It is trained in place, on ``run.device``.
        loss: ``(network, batch) -> Tensor``: one value per row, shape (n,). It calls ``network(…)`` itself, not its
            methods: where several ranks train, it is wrapped.
    Raises:
        Diverged: if the loss or a weight is no finite number any more.
        Interrupted: if ``run.should_stop``, after the state was saved.
        InvalidProblem: if the loss has another shape, or the checkpoint is another training's.
        UnusableSplit: if there are no rows to fit or none to choose by.
    """
    for name, rows in {"train": train, "validation": validation}.items():
        if not len(rows):
            raise UnusableSplit(
                f"There are no {name} rows: the loop fits on train and chooses the best epoch by validation."
            )
    with seeded(derived(run.seed, "rank", run.ranks.rank), run.device), repeatable(loop.deterministic):
        return Training(network, loss, train, validation, loop=loop, run=run).to_the_end()


class Training:
    """A training in flight."""

    def __init__(
        self, network: nn.Module, loss: Loss, train: Rows, validation: Rows, *, loop: Loop, run: TrainingRun
    ) -> None:
        import torch

        device = torch.device(run.device)
        self.network, self.loop, self.run = network.to(device).train(), loop, run
        self.losses = Losses(loss, loop, device)
        self.together = Together(run.ranks.rank, run.ranks.size, device)
        self.plan = Plan(len(train), loop)
        train, self.validation = near(train, device), near(validation, device)
        self.whose = identity(network, self._first_losses(train), (len(train), len(validation)), loop)
        joined = self.together.joined(network, loop.sharded)
        self.optimizer = optimizer_of(network, loop, device)
        self.step = Step(
            joined, self.optimizer, self.losses, train, plan=self.plan, together=self.together, seed=run.seed
        )
        self.progress = self._found() or Progress(torch.zeros((), dtype=torch.float64, device=device))

    def to_the_end(self) -> Fitted:
        """Go on from where it is."""
        progress = self.progress
        while True:
            self._judge_what_is_over()
            if self._is_over():
                return Fitted(dict(progress.best), progress.best_epoch, progress.step, progress.best_loss)
            progress.rows += self.step(progress.step, progress.loss)
            progress.step += 1
            self._report_now_and_then()
            self._save_or_stop()

    # ------------------------------------------------------------ epochs

    def _judge_what_is_over(self) -> None:
        """Judge the epoch that has just ended, unless that was done or none has."""
        progress = self.progress
        if progress.judged == progress.step // self.plan.per_epoch:
            return
        with seeded(derived(self.run.seed, "judge", progress.judged), self.run.device):
            loss = validation_loss(
                self.step.called, self.losses, self.validation, self.together, self._is_asked_to_stop
            )
        if loss is None:
            self._save()
            self._stop()
        self._keep_the_best(loss)

    def _keep_the_best(self, loss: float) -> None:
        progress = self.progress
        self._report(validation_loss=loss)
        progress.judged += 1
        if loss < progress.best_loss:
            progress.best_epoch, progress.best_loss = progress.judged, loss
            progress.best = {name: whole(value) for name, value in self.network.state_dict().items()}

    def _is_over(self) -> bool:
        progress, patience = self.progress, self.loop.patience
        is_tired = patience > 0 and progress.judged - progress.best_epoch >= patience
        return is_tired or progress.step == self.plan.steps

    # ------------------------------------------------------------ reports

    def _report_now_and_then(self) -> None:
        step = self.progress.step
        every = max(FEWEST_STEPS_BETWEEN_REPORTS, math.ceil(self.plan.steps / REPORTS))
        if step % every == 0 and step % self.plan.per_epoch:
            self._report()

    def _report(self, **more: float) -> None:
        """Log the mean loss per row since the last report: the one moment when a GPU is waited for."""
        progress = self.progress
        metrics = {"train_loss": float(self.together.sum(progress.loss)) / progress.rows, **more}
        for name, value in metrics.items():
            if not math.isfinite(value):
                self._diverged(f"{name} is {value}")
        progress.loss.zero_()
        progress.rows = 0
        progress.reports.append((progress.step, {**metrics, "learning_rate": self._rate()}))
        self._log(progress.reports[-1:])

    def _log(self, reports: list[tuple[int, dict[str, float]]]) -> None:
        for step, metrics in reports if self.together.rank == 0 else ():
            self.run.log(step, **metrics)

    def _diverged(self, what: str) -> NoReturn:
        progress, loop = self.progress, self.loop
        raise Diverged(
            f"{what} after step {progress.step} of {self.plan.steps} (it was a number at step {progress.reported}; learning "
            f"rate {self._rate():g}, clip_norm {loop.clip_norm:g}). No such state was saved. Lower learning_rate, give "
            "clip_norm, or look for NaN and huge values in the rows."
        )

    def _rate(self) -> float:
        return learning_rate(self.loop, self.progress.step - 1, self.plan.steps)

    # ------------------------------------------------------------ checkpoints

    def _save_or_stop(self) -> None:
        run, is_first = self.run, self.together.rank == 0
        is_due = is_first and run.checkpoints.is_due(self.progress.step)
        is_asked, is_due = self.together.any(run.should_stop, is_due)
        if is_asked or is_due:
            self._save()
        if is_asked:
            self._stop()

    def _is_asked_to_stop(self) -> bool:
        return self.together.any(self.run.should_stop)[0]

    def _save(self) -> None:
        """All ranks tell their state, the first keeps it; never one that training cannot go on from."""
        progress = self.progress
        if self.together.any(not all_finite([progress.loss, *self.network.parameters()]))[0]:
            self._diverged("A weight or the loss is no finite number")
        state = snapshot(
            self.network,
            self.optimizer,
            progress,
            whose=self.whose,
            together=self.together,
            device=self.run.device,
        )
        if self.together.rank == 0:
            self.run.checkpoints.save(progress.step, state)

    def _stop(self) -> NoReturn:
        self.together.any(True)  # the others wait: who leaves first may have all ended before the state is kept
        self.run.stop(self.progress.step)

    def _found(self) -> Progress | None:
        checkpoint = self.run.checkpoints.latest()
        if checkpoint is None:
            return None
        refuse_of_another(checkpoint, self.whose)
        progress = restore(checkpoint, self.network, self.optimizer, self.together, self.run.device)
        self._log(progress.reports)  # curves, and whoever prunes by them, have no gap
        return progress

    def _first_losses(self, rows: Rows) -> Tensor:
        """Of the untrained network on the first rows, as it would predict; shape (at most 8,), on the processor."""
        import torch

        first = torch.arange(min(FIRST_ROWS, len(rows)))
        batch = moved(rows.batch(first), self.together.device)
        self.network.eval()
        with torch.no_grad(), seeded(self.run.seed, self.run.device):
            told = self.losses(self.network, batch, len(first)).cpu()
        self.network.train()
        return told
