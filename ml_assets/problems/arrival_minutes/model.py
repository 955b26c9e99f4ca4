"""The model: a network that says when a flight arrives and how sure it is, fitted to three percentiles at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.evaluation.percentiles import PERCENTILES
from ml_assets.problem import FeatureTable, TrainingData, TrainingRun
from ml_assets.problems.arrival_minutes.network import arrival_network, observe
from ml_assets.training.inference import answers
from ml_assets.training.loop import Loop, Tensors, fit, seeded
from ml_assets.training.network import Codes, Network, Numbers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from torch import Tensor, nn

CATEGORIES = ("carrier", "dest", "hour", "weekday")
FEWEST_ROWS = 20  # of a value that is learnt by itself; rarer ones share a code with those never seen
FEWEST_ALIKE = 30  # flights whose percentiles are taken by the baseline


@dataclass(frozen=True)
class NetworkParams:
    """The network and how it is fitted.

    Attributes:
        hidden: width of its two hidden layers.
        embedding: most numbers that a destination, carrier, hour or weekday becomes.
        dropout: fraction of the hidden units that each step leaves out.
        epochs: most passes over the train rows; fewer where the validation rows no longer gain.
        patience: epochs without a gain on the validation rows after which it ends.
    """

    hidden: int = 64
    embedding: int = 8
    dropout: float = 0.2
    epochs: int = 12
    batch_rows: int = 512
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    patience: int = 5


@dataclass(frozen=True)
class ArrivalModel:
    """All that it takes to build the trained network again.

    Attributes:
        numbers: features that are numbers, in the order of the network's input.
        categories: feature -> its values with a code of their own, in the order of the codes, which begin with 1. The
            features come in the order of their names: a stored mapping keeps no other.
        weights: the network's ``state_dict``.
    """

    numbers: tuple[str, ...]
    categories: dict[str, list[Any]]
    hidden: int
    embedding: int
    weights: dict[str, Tensor]


def train(data: TrainingData, params: NetworkParams, run: TrainingRun) -> ArrivalModel:
    """Fit the network to the train rows, with the weights of the epoch that the validation rows prefer."""
    features = data.train.features
    numbers = tuple(str(name) for name in features.select_dtypes("number"))
    categories = {name: _frequent(features[name]) for name in CATEGORIES}
    rows = {part: _rows(table, numbers, categories) for part, table in vars(data).items()}
    with seeded(run.seed):
        network = _network(len(numbers), categories, params.hidden, params.embedding, params.dropout)
    observe(network, rows["train"].values["numbers"])
    loop = Loop(
        epochs=params.epochs,
        batch_rows=params.batch_rows,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
        patience=params.patience,
        clip_norm=0,  # a percentile's gradient is bounded: no row pulls harder than another
    )
    fitted = fit(network, pinball_loss, rows["train"], rows["validation"], loop, run)
    return ArrivalModel(numbers, categories, params.hidden, params.embedding, fitted.weights)


def predict(model: ArrivalModel, features: pd.DataFrame) -> np.ndarray:
    """Minutes that each flight arrives after schedule: median, 10th and 90th percentile, shape (n, 3)."""
    import numpy as np

    return answers(_trained(model), *_inputs(features, model.numbers, model.categories).values()).astype(np.float64)


def as_network(model: ArrivalModel) -> Network:
    """The network by itself, which says what ``predict`` says."""
    codes = {name: _codes(values) for name, values in sorted(model.categories.items())}
    return Network(_trained(model), {"numbers": Numbers(model.numbers), "codes": Codes(codes)})


def baseline(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Median, 10th and 90th percentile of the minutes of flights of the same scheduled hour and carrier, shape (n, 3).

    Where ``train`` has fewer than 30 of them, of the flights of the hour; where that has fewer too, of all.
    """
    import numpy as np

    minutes = train.features[["hour", "carrier"]].assign(minutes=train.label)
    said = np.tile(np.quantile(train.label, PERCENTILES), (len(test), 1))
    for keys in (["hour"], ["hour", "carrier"]):
        alike = minutes.groupby(keys)["minutes"]
        known = alike.quantile(np.array(PERCENTILES)).unstack()[alike.size() >= FEWEST_ALIKE]
        found = test.features[keys].merge(known, left_on=keys, right_index=True, how="left")[list(PERCENTILES)]
        said = np.where(found.isna(), said, found)
    return said


def pinball_loss(network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Mean pinball loss of each row over the three percentiles, in minutes, shape (n,): the metric of this name."""
    import torch

    over = batch["minutes"][:, None] - network(batch["numbers"], batch["codes"])
    at = over.new_tensor(PERCENTILES)
    return torch.maximum(at * over, (at - 1) * over).mean(dim=1)


def _trained(model: ArrivalModel) -> nn.Module:
    network = _network(len(model.numbers), model.categories, model.hidden, model.embedding)
    network.load_state_dict(model.weights)
    return network


def _network(
    numbers: int, categories: Mapping[str, list[Any]], hidden: int, embedding: int, dropout: float = 0.0
) -> nn.Module:
    sizes = [len(values) + 1 for _, values in sorted(categories.items())]
    return arrival_network(numbers, sizes, hidden=hidden, embedding=embedding, dropout=dropout)


def _frequent(values: pd.Series) -> list[Any]:
    """Values of enough rows, in order."""
    counts = values.value_counts()
    return sorted(counts.index[counts >= FEWEST_ROWS].tolist())


def _rows(table: FeatureTable, numbers: tuple[str, ...], categories: Mapping[str, list[Any]]) -> Tensors:
    import torch

    minutes = torch.tensor(table.label, dtype=torch.float32)
    return Tensors({**_inputs(table.features, numbers, categories), "minutes": minutes})


def _inputs(features: pd.DataFrame, numbers: tuple[str, ...], categories: Mapping[str, list[Any]]) -> dict[str, Tensor]:
    """Numbers (n, numbers) and codes (n, categories), 0 for a value without a code of its own."""
    import numpy as np
    import torch

    codes = [features[name].map(_codes(values)).fillna(0) for name, values in sorted(categories.items())]
    return {
        "numbers": torch.tensor(np.ascontiguousarray(features[list(numbers)].to_numpy(dtype=np.float32))),
        "codes": torch.tensor(np.column_stack(codes).astype(np.int64)),
    }


def _codes(values: list[Any]) -> dict[Any, int]:
    return {value: code for code, value in enumerate(values, start=1)}
