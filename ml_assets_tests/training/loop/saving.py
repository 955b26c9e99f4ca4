"""Trainings that are saved in a store on disk and killed: tiny networks, and what one process does with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ml_assets.problem import Checkpoint, Ranks
from ml_assets.store import canonical, digest, open_store
from ml_assets.training.loop import Batch, Fitted, Loop, Tensors, fit, seeded
from ml_assets.training.run import Alone, Run

KEY = "c" * 64
LOOP = Loop(epochs=3, batch_rows=32, learning_rate=1e-2)  # 150 train rows: 5 steps an epoch, the last of 22 rows
STEPS = 15
SEED = 7


@dataclass(frozen=True)
class Every:
    """The checkpoints of a store on disk, due every ``steps`` steps; ``saved`` is told after each."""

    folder: Path
    steps: int
    saved: Callable[[int], object] = lambda step: None

    def latest(self) -> Checkpoint | None:
        found = open_store(str(self.folder)).checkpoints(KEY).latest()
        return Checkpoint(found.step, found.state) if found else None

    def is_due(self, step: int) -> bool:
        return step % self.steps == 0

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        open_store(str(self.folder)).checkpoints(KEY).save(step, state)
        self.saved(step)


class Drawing(nn.Module):
    """A network that draws: dropout, and noise from NumPy and Python; with running statistics."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        import random

        import numpy as np

        if self.training:
            x = x + 0.01 * random.gauss(0, 1) + 0.01 * float(np.random.standard_normal())
        return self.layers(x).squeeze(1)


class Plain(nn.Module):
    """A network that answers the same each time."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).sum(1)


def squared(network: nn.Module, batch: Batch) -> Tensor:
    return (network(batch["x"]) - batch["y"]) ** 2


def noisy(batch: Batch, generator: torch.Generator) -> Batch:
    noise = torch.randn(batch["x"].shape, generator=generator)
    return {**batch, "x": batch["x"] + 0.01 * noise}


def rows(count: int, seed: int, augment: Any = None) -> Tensors:
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 6, generator=chance)
    y = x.sum(1) + x[:, 0] * x[:, 1] + torch.randn(count, generator=chance) / 2
    return Tensors({"x": x, "y": y}, augment)


def train(run: Run, loop: Loop = LOOP, network: type[nn.Module] = Drawing, augment: Any = noisy) -> Fitted:
    with seeded(run.seed):
        built = network()
    return fit(built, squared, rows(150, 1, augment), rows(64, 2), loop, run)


def run(checkpoints: Any = None, ranks: Ranks | None = None, **more: Any) -> Run:
    given = {"checkpoints": checkpoints} if checkpoints else {}
    return Run(SEED, lambda line: None, ranks=ranks or Alone(), **given, **more)


def told(fitted: Fitted) -> str:
    """The digest of all bits of what came out."""
    weights = {name: digest(value.numpy().tobytes()) for name, value in fitted.weights.items()}
    return digest(canonical([weights, fitted.best_epoch, fitted.steps, fitted.validation_loss]))
