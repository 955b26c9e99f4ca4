"""Will this customer buy an umbrella? The umbrellas again, by a tiny network of torch, in the platform's own loop.

A training may be given a folder, its ``diary``: a line for each step goes into the file ``steps``, and a file whose name is
the number of a step says what happens once that step is done, once: ``fail``, ``diverge``, or which signal
the process gets: ``kill``, ``term``, ``int``, ``usr1``.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_assets.errors import Diverged
from ml_assets.problem import Checkpoint, Checkpoints, Compute, FeatureTable, TrainingData, TrainingRun
from ml_assets.store import LandingFolder
from ml_assets_tests.doubles import umbrellas

if TYPE_CHECKING:
    from pathlib import Path

    import torch

MONTH = "2024-01"
COLUMNS = ("clouds", "above_usual")


@dataclass(frozen=True)
class DrizzleParams:
    """A width, and where it is written down what happens."""

    width: int = 4
    diary: str = ""
    save_every: int = 0


@dataclass(frozen=True)
class Network:
    width: int
    weights: dict[str, torch.Tensor]


def network(width: int):
    from torch import nn

    return nn.Sequential(nn.Linear(len(COLUMNS), width), nn.Tanh(), nn.Linear(width, 1))


def train(data: TrainingData, params: DrizzleParams, run: TrainingRun) -> Network:
    from torch.nn.functional import binary_cross_entropy_with_logits

    from ml_assets.training.loop import Loop, fit, seeded

    def loss(net, batch):
        return binary_cross_entropy_with_logits(net(batch["x"]).squeeze(1), batch["y"], reduction="none")

    with seeded(run.seed):
        net = network(params.width)
    around = replace(run, checkpoints=Diary(run.checkpoints, params)) if params.diary else run
    loop = Loop(epochs=4, batch_rows=32, learning_rate=0.01)
    fitted = fit(net, loss, rows_of(data.train), rows_of(data.validation), loop, around)
    return Network(params.width, fitted.weights)


def rows_of(table: FeatureTable):
    import torch

    from ml_assets.training.loop import Tensors

    x = torch.tensor(table.features[list(COLUMNS)].to_numpy(), dtype=torch.float32)
    return Tensors({"x": x, "y": torch.tensor(table.label, dtype=torch.float32)})


def predict(model: Network, table: pd.DataFrame) -> np.ndarray:
    import torch

    net = network(model.width)
    net.load_state_dict(model.weights)
    with torch.no_grad():
        return net(torch.tensor(table[list(COLUMNS)].to_numpy(), dtype=torch.float32)).sigmoid().squeeze(1).numpy()


@dataclass(frozen=True)
class Diary:
    """Checkpoints that write down each step, after which the loop asks whether to save."""

    kept: Checkpoints
    params: DrizzleParams

    def latest(self) -> Checkpoint | None:
        return self.kept.latest()

    def is_due(self, step: int) -> bool:
        with open(f"{self.params.diary}/steps", "a") as done:  # noqa: PTH123  # code that names Path reaches tests that do
            done.write(f"{step}\n")
        happens(f"{self.params.diary}/{step}")
        return self.params.save_every > 0 and step % self.params.save_every == 0

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        self.kept.save(step, state)


def happens(accident: str) -> None:
    if not os.access(accident, os.R_OK):
        return
    with open(accident) as said:  # noqa: PTH123
        what = said.read()
    os.unlink(accident)  # noqa: PTH108
    if what in ("kill", "term", "int", "usr1"):
        os.kill(os.getpid(), signal.Signals[f"SIG{what.upper()}"])
    elif what == "diverge":
        raise Diverged("The loss is no number any more.")
    elif what == "fail":
        raise ConnectionError("the weather service does not answer")


def steps(diary: Path) -> list[int]:
    """Those that were done, in order."""
    return [int(line) for line in (diary / "steps").read_text().split()] if (diary / "steps").exists() else []


def land(landing: LandingFolder, *months: str) -> None:
    for month in months or (MONTH,):
        landing.write(f"drizzle/visits/{month}.parquet", umbrellas.visits(month))


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="drizzle",
    train=train,
    predict=predict,
    params=DrizzleParams(),
    artifact_types=(Network,),
    compute=Compute(retries=2),
    slices=(),
    gates=(),
    description=__doc__ or "",
)
