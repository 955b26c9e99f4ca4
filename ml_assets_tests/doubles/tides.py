"""How high is the tide at this hour? A tiny network, trained by the loop on as many devices as there are."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ml_assets.evaluation.metrics import MAE
from ml_assets.problem import (
    Better,
    Checkpoint,
    Checkpoints,
    Compute,
    EntityHash,
    FeatureTable,
    Partition,
    Problem,
    Source,
    Static,
    TrainingData,
    TrainingRun,
)
from ml_assets.store import Handle, Input, Manifest, Store, open_store, trust
from ml_assets.training.model import TrainedModel
from ml_assets.training.rows import feature_table
from ml_assets.training.split import assign_roles

if TYPE_CHECKING:
    import torch

HARBOUR = "dover"
BATCH_ROWS, EPOCHS = 32, 3


@dataclass(frozen=True)
class TideParams:
    """How wide the network is, and what goes wrong.

    Attributes:
        accidents: a folder; a file ``<rank>-<n>`` in it says what happens once, when that rank looks for the n-th time
            whether it is to stop: ``raise``, or who gets which signal: ``self 9``, ``node 9``, ``step 15``, where ``step``
            is a file with the number of that process.
    """

    width: int = 8
    accidents: str = ""


@dataclass(frozen=True)
class Network:
    weights: dict[str, torch.Tensor]
    width: int


def heights(hours: int = 300) -> pd.DataFrame:
    """What lands for a harbour."""
    rng = np.random.default_rng(0)
    hour = np.arange(hours, dtype=float)
    moon, sun = np.sin(hour / 1.98), np.cos(hour / 1.91)
    return pd.DataFrame({"hour": hour, "moon": moon, "sun": sun, "metres": 3 * moon + sun + rng.normal(0, 0.1, hours)})


def load(partition: Partition, source: Source) -> pd.DataFrame:
    return source.parquet(f"{partition.key}.parquet")


def schema():
    import pandera.pandas as pa

    return pa.DataFrameSchema({name: pa.Column(float) for name in ("hour", "moon", "sun", "metres")}, strict=True)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return data[["moon", "sun"]]


def network(width: int):
    from torch import nn

    return nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 1))


def rows_of(table: FeatureTable):
    import torch

    from ml_assets.training.loop import Tensors

    x = torch.tensor(table.features.to_numpy(), dtype=torch.float32)
    return Tensors({"x": x, "y": torch.tensor(table.label, dtype=torch.float32)})


def squared(net, batch):
    return (net(batch["x"]).squeeze(1) - batch["y"]) ** 2


def train(data: TrainingData, params: TideParams, run: TrainingRun) -> Network:
    from ml_assets.training.loop import Loop, fit, seeded

    with seeded(run.seed):
        net = network(params.width)
    loop = Loop(epochs=EPOCHS, batch_rows=BATCH_ROWS, learning_rate=0.01)
    around = replace(run, checkpoints=EachStep(run.checkpoints), asked_to_stop=Fateful(run, params.accidents))
    fitted = fit(net, squared, rows_of(data.train), rows_of(data.validation), loop, around)
    return Network(fitted.weights, params.width)


def predict(model: Network, table: pd.DataFrame) -> np.ndarray:
    import torch

    net = network(model.width)
    net.load_state_dict(model.weights)
    with torch.no_grad():
        return net(torch.tensor(table.to_numpy(), dtype=torch.float32)).squeeze(1).numpy()


def mean_of_train(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
    return np.full(len(test), rows.label.mean())


@dataclass(frozen=True)
class EachStep:
    """Checkpoints after each step."""

    kept: Checkpoints

    def latest(self) -> Checkpoint | None:
        return self.kept.latest()

    def is_due(self, step: int) -> bool:
        return True

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        self.kept.save(step, state)


@dataclass
class Fateful:
    """Whether a rank is asked to stop, which it looks at after each step; some of these looks are its last."""

    run: TrainingRun
    accidents: str
    looks: int = 0

    def __call__(self) -> bool:
        self.looks += 1
        if self.accidents:
            happens(Path(self.accidents) / f"{self.run.ranks.rank}-{self.looks}")
        return self.run.should_stop


def happens(accident: Path) -> None:
    """Once: where it is carried out, the file that says so is gone."""
    if not accident.exists():
        return
    what = accident.read_text()
    accident.unlink()
    if what == "raise":
        raise ZeroDivisionError("the moon is gone")
    whom, number = what.split(" ")
    pid = (
        os.getpid() if whom == "self" else os.getppid() if whom == "node" else int(accident.with_name(whom).read_text())
    )
    os.kill(pid, int(number))
    time.sleep(2)  # else it would be done before anybody notices


PROBLEM = Problem(
    name="tides",
    task="regression",
    partitions=Static((HARBOUR,)),
    dataset=load,
    schema=schema,
    features=features,
    entity="hour",
    label="metres",
    split=EntityHash(test_fraction=0.2, validation_fraction=0.2),
    train=train,
    predict=predict,
    baseline=mean_of_train,
    params=TideParams(),
    metrics=(MAE,),
    promote_when=Better(MAE),
    artifact_types=(Network,),
    compute=Compute(gpus=2),
    description=__doc__,
)


def store_in(folder: str) -> Store:
    """A store that can hold what is made here."""
    for cls in (FeatureTable, TrainedModel, Network):
        trust(cls)
    return open_store(folder)


def split_in(store: Store) -> Handle:
    """The split of the harbour, published in a store with the features that it divides."""
    table = feature_table(PROBLEM, [], heights())
    key, _ = store.publish(Manifest("tides/features", HARBOUR, store.put(table)), why="by hand")
    read = Input("features", key, store.manifest(key).content.digest)
    roles = store.put(assign_roles(PROBLEM, table, {HARBOUR: len(table)}))
    split, _ = store.publish(Manifest("tides/split", HARBOUR, roles, inputs=(read,)), why="by hand")
    return Handle(store, split)
