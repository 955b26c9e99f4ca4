"""One of the processes that train a model together: started by torchrun, told by an order what to do."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from types import TracebackType

from ml_assets.artifacts import trust_all
from ml_assets.errors import Interrupted
from ml_assets.problem import Problem
from ml_assets.store import Store, check_storable
from ml_assets.training.checkpoints import Kept
from ml_assets.training.model import fit
from ml_assets.training.params import changed_params
from ml_assets.training.ranks import Place, has_lost_the_others, joined
from ml_assets.training.run import Run
from ml_assets.training.stopping import asked_by_signal
from ml_assets.worker.order import Order
from ml_assets.worker.told import tell
from ml_assets.worker.work import Trained, load_data, stored

LONGEST_TRACE = 3_000  # letters; the end is kept: it says what went wrong
PARENT_LOOKED_AT = 0.5  # seconds between looks


@dataclass(frozen=True)
class RankRun(Run):
    """The surroundings of a training in one of several processes: rank 0 tells its progress to whoever waits."""

    def log(self, step: int, **metrics: float) -> None:
        """Tell it."""
        if self.ranks.rank == 0:
            tell(step=int(step), metrics={name: float(value) for name, value in metrics.items()})


def carry_out(order: Order, place: Place) -> None:
    """Train as ordered, together with the other ranks; rank 0 stores the model and tells where it is."""
    tell(began=place.rank, pid=os.getpid())
    sys.excepthook = _telling(place.rank)
    problem, store = order.find_problem(), order.open_store()
    trust_all([problem])
    device = place.device(order.device)
    say = _say if place.rank == 0 else _nothing
    kept = Kept(store.checkpoints(order.computation), say)
    try:
        with asked_by_signal() as asked, joined(place, device):
            run = RankRun(order.seed, say, device, place, kept, asked, storable=check_storable)
            trained = _trained(order, problem, store, run)
    except Interrupted as interrupted:
        if place.rank == 0:
            tell(interrupted=str(interrupted))
        return
    if trained is not None:
        tell(**replace(trained, resumed=kept.resumed).to_json())


def _trained(order: Order, problem: Problem, store: Store, run: Run) -> Trained | None:
    """What rank 0 stored; the others store nothing, and end when they have trained."""
    data = load_data(store, order.split, order.features)
    model = fit(problem, data, changed_params(problem.params, order.params), run)
    return stored(problem, model, data, store) if run.ranks.rank == 0 else None


def _say(text: str) -> None:
    tell(say=text)


def _nothing(text: str) -> None:
    """The ranks have one thing to say, and rank 0 says it."""


def end_with_parent(number: signal.Signals) -> None:
    """Send this process a signal when the one that started it is gone, however it went.

    Looked at by a thread, because nothing else is told everywhere: a parent that was killed tells nobody, and the
    processes of a torchrun are in sessions of their own, which no signal to its group reaches.
    """
    parent = os.getppid()

    def look() -> None:
        gone = threading.Event()
        while os.getppid() == parent:
            gone.wait(PARENT_LOOKED_AT)
        os.kill(os.getpid(), number)

    threading.Thread(target=look, daemon=True, name="end_with_parent").start()


def _telling(rank: int) -> Callable[[type[BaseException], BaseException, TracebackType | None], None]:
    """What Python calls for an exception that nobody caught: it is told, and printed as always."""

    def told(kind: type[BaseException], error: BaseException, at: TracebackType | None) -> None:
        trace = "".join(traceback.format_exception(kind, error, at))
        if has_lost_the_others(error):
            tell(lost=rank, message=str(error))
        else:
            tell(failed=kind.__name__, rank=rank, message=str(error), trace=trace[-LONGEST_TRACE:])
        sys.__excepthook__(kind, error, at)

    return told
