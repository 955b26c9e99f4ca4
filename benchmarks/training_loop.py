"""The torch loop against the same training written by hand: same network, rows, order, schedule, validation, best weights.

python -m benchmarks.training_loop      # this table; on a GPU also what bfloat16 and compiled code bring there
"""

from __future__ import annotations

import copy
import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from benchmarks.comparison import Comparison, in_turns
from ml_assets.store import open_store
from ml_assets.training.checkpoints import Kept
from ml_assets.training.loop import Loop, Tensors, fit, seeded
from ml_assets.training.run import NotKept, Run

if TYPE_CHECKING:
    from torch import Tensor, nn

ROUNDS = 7
AT_MOST = 1 / 0.97  # of the seconds: at least 0.97 of the steps per second
OF_CHECKPOINTS = 1.03
SAVE_EVERY_SECONDS = 1.0  # the default is 30


@dataclass(frozen=True)
class Training:
    """One network and its rows.

    Attributes:
        network: makes it.
        shape: of a row.
    """

    name: str
    network: Callable[[], nn.Module]
    shape: tuple[int, ...]
    rows: int
    loop: Loop

    def compare(self) -> Comparison:
        train, validation = self.tensors(self.rows), self.tensors(self.rows // 8)
        with one_thread():
            ours, theirs = in_turns(
                lambda: seconds(lambda: self.ours(train, validation)),
                lambda: seconds(lambda: self.by_hand(train, validation)),
                ROUNDS,
            )
        return Comparison(f"loop, {self.name}", "plain torch", ours, theirs, AT_MOST)

    def tensors(self, rows: int) -> Tensors:
        import torch

        chance = torch.Generator().manual_seed(rows)
        x = torch.randn((rows, *self.shape), generator=chance)
        y = (x.flatten(1).sum(1) > 0).long()
        return Tensors({"x": x.to(device()), "y": y.to(device())})

    def ours(self, train: Tensors, validation: Tensors, checkpoints: Kept | None = None) -> None:
        with seeded(0):
            network = self.network()
        run = Run(0, lambda line: None, device=device(), checkpoints=checkpoints or NotKept())
        fit(network, cross_entropy, train, validation, self.loop, run)

    def by_hand(self, train: Tensors, validation: Tensors) -> None:
        import torch
        from torch.nn.functional import cross_entropy
        from torch.nn.utils import clip_grad_norm_
        from torch.optim.lr_scheduler import OneCycleLR

        loop, x, y = self.loop, train.values["x"], train.values["y"]
        with seeded(0):
            network = self.network().to(device())
        optimizer = torch.optim.AdamW(network.parameters(), loop.learning_rate, fused=device() != "cpu" or None)
        schedule = OneCycleLR(optimizer, loop.learning_rate, loop.epochs * -(-len(y) // loop.batch_rows))
        best = float("inf")
        for _ in range(loop.epochs):
            for at in torch.randperm(len(y)).to(device()).split(loop.batch_rows):
                loss = cross_entropy(network(x.index_select(0, at)), y.index_select(0, at))
                loss.backward()
                clip_grad_norm_(network.parameters(), loop.clip_norm)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
            network.eval()
            with torch.no_grad():
                pairs = zip(*(value.split(loop.batch_rows) for value in validation.values.values()), strict=True)
                judged = sum(cross_entropy(network(x), y, reduction="sum") for x, y in pairs).item()
            network.train()
            if judged < best:
                best, _kept = judged, copy.deepcopy(network.state_dict())


def mlp() -> nn.Module:
    from torch import nn

    return nn.Sequential(nn.Linear(40, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 2))


def cnn() -> nn.Module:
    from torch import nn

    return nn.Sequential(
        *(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(512, 2)),
    )


MLP = Training("MLP, batches of 512", mlp, (40,), 16_384, Loop(epochs=4, batch_rows=512))
CNN = Training("CNN, batches of 64", cnn, (1, 8, 8), 4_096, Loop(epochs=3, batch_rows=64))


class Saving:
    """The same loop, saving each second, against saving nothing."""

    def compare(self) -> Comparison:
        long = replace(MLP, loop=replace(MLP.loop, epochs=16))
        train, validation = long.tensors(long.rows), long.tensors(1_000)
        with tempfile.TemporaryDirectory() as folder, one_thread():
            store, numbers = open_store(folder), itertools.count()

            def saving() -> float:
                log = store.checkpoints(f"{next(numbers):064d}")
                kept = Kept(log, lambda line: None, every_seconds=SAVE_EVERY_SECONDS)
                spent = seconds(lambda: long.ours(train, validation, kept))
                assert log.latest() is not None, "nothing was saved"
                return spent

            ours, theirs = in_turns(saving, lambda: seconds(lambda: long.ours(train, validation)), ROUNDS)
        return Comparison("loop, saving each second", "saving nothing", ours, theirs, OF_CHECKPOINTS)


BENCHMARKS = (MLP, CNN, Saving())


def cross_entropy(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    from torch import nn

    return nn.functional.cross_entropy(network(batch["x"]), batch["y"], reduction="none")


def device() -> str:
    import torch

    return "cuda" if torch.cuda.is_available() else "cpu"


def seconds(do: Callable[[], object]) -> float:
    """Of CPU, which other processes do not change; on a GPU of the clock, until it is done."""
    import torch

    clock = time.process_time if device() == "cpu" else time.perf_counter
    started = clock()
    do()
    if device() != "cpu":
        torch.cuda.synchronize()
    return clock() - started


@contextmanager
def one_thread() -> Iterator[None]:
    """Seconds of CPU count threads that wait as well."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def say_what_a_gpu_gains() -> None:
    """Rows per second, with what is said to be faster there; of two runs the second, which has its code compiled."""
    wide = replace(CNN, rows=65_536, loop=Loop(epochs=3, batch_rows=4_096))
    train, validation = wide.tensors(wide.rows), wide.tensors(8_192)
    for precision, compiled in itertools.product(("float32", "bfloat16"), (False, True)):
        one = replace(wide, loop=replace(wide.loop, precision=precision, compile=compiled))
        spent = [seconds(lambda one=one: one.ours(train, validation)) for _ in range(2)][-1]  # type: ignore[misc]
        what = f"{precision}{', compiled' if compiled else ''}"
        print(f"{what:20} {wide.rows * wide.loop.epochs / spent:12,.0f} rows/s", file=sys.stderr)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    if device() != "cpu":
        say_what_a_gpu_gains()
    measured = [benchmark.compare() for benchmark in BENCHMARKS]
    print(*table(measured), sep="\n")
    sys.exit(0 if all(one.holds for one in measured) else 1)
