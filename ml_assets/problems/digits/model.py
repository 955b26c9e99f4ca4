"""The model: a convolutional network, fitted to distorted pictures and chosen on whole ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ml_assets.problem import FeatureTable, TrainingData, TrainingRun
from ml_assets.problems.digits.dataset import DIGITS, PIXELS, SIDE
from ml_assets.problems.digits.network import digit_network, distorted
from ml_assets.training.inference import answers
from ml_assets.training.loop import Loop, Tensors, fit, seeded
from ml_assets.training.network import Network, Numbers

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class ConvolutionParams:
    """The network, how it is fitted, and how its pictures are distorted.

    Attributes:
        channels: of the first convolution; the others have twice as many.
        dropout: fraction of what the convolutions found that each step leaves out.
        shift_pixels: farthest that a picture is moved, in each direction.
        rotation_degrees: farthest that it is turned, either way.
        noise: standard deviation of what is added to each pixel, which is 0 to 1.
    """

    channels: int = 24
    dropout: float = 0.3
    epochs: int = 40
    batch_rows: int = 32
    learning_rate: float = 3e-3
    weight_decay: float = 1e-2
    shift_pixels: float = 1.0
    rotation_degrees: float = 10.0
    noise: float = 0.05


@dataclass(frozen=True)
class DigitModel:
    """All that it takes to build the trained network again: how wide it is, and its ``state_dict``."""

    channels: int
    weights: dict[str, Tensor]


def train(data: TrainingData, params: ConvolutionParams, run: TrainingRun) -> DigitModel:
    """Fit the network to the train pictures, with the weights of the epoch that the validation pictures prefer."""
    with seeded(run.seed):
        network = digit_network(params.channels, params.dropout)
    loop = Loop(
        epochs=params.epochs,
        batch_rows=params.batch_rows,
        learning_rate=params.learning_rate,
        weight_decay=params.weight_decay,
    )
    rows = _rows(data.train, partial(augmented, params=params))
    fitted = fit(network, cross_entropy, rows, _rows(data.validation), loop, run)
    return DigitModel(params.channels, fitted.weights)


def predict(model: DigitModel, features: pd.DataFrame) -> np.ndarray:
    """Probability of each digit, shape (n, 10)."""
    import numpy as np

    return _softmax(answers(_trained(model), _pictures(features)).astype(np.float64))


def as_network(model: DigitModel) -> Network:
    """The network by itself, which says a score per digit."""
    return Network(_trained(model), {"pictures": Numbers(PIXELS, (1, SIDE, SIDE))})


def baseline(train: FeatureTable, test: FeatureTable) -> np.ndarray:
    """Probability of each digit, shape (n, 10), by how far a picture is from the mean picture of each, and from the others.

    Pictures of a digit are taken to spread evenly about their mean, as far as those of ``train`` do (Gaussian, one variance).
    A digit that ``train`` lacks has the mean of all.
    """
    import numpy as np

    known, asked = (rows.features[list(PIXELS)].to_numpy() for rows in (train, test))
    of_digit = [known[train.label == digit] for digit in range(DIGITS)]
    means = np.stack([rows.mean(axis=0) if len(rows) else known.mean(axis=0) for rows in of_digit])
    variance = ((known - means[train.label.astype(int)]) ** 2).mean()
    distance = ((asked[:, None] - means) ** 2).sum(axis=2)  # (n, 10)
    return _softmax(-distance / (2 * variance))


def cross_entropy(network: nn.Module, batch: Mapping[str, Tensor]) -> Tensor:
    """Negative log probability of what was written, in nats, shape (n,)."""
    from torch.nn import functional

    return functional.cross_entropy(network(batch["pictures"]), batch["digits"], reduction="none")


def augmented(batch: dict[str, Tensor], generator: torch.Generator, params: ConvolutionParams) -> dict[str, Tensor]:
    """The batch with its pictures distorted."""
    pictures = distorted(
        batch["pictures"],
        generator,
        shift_pixels=params.shift_pixels,
        rotation_degrees=params.rotation_degrees,
        noise=params.noise,
    )
    return {**batch, "pictures": pictures}


def _trained(model: DigitModel) -> nn.Module:
    network = digit_network(model.channels)
    network.load_state_dict(model.weights)
    return network


def _rows(table: FeatureTable, augment: partial[dict[str, Tensor]] | None = None) -> Tensors:
    import torch

    return Tensors(
        {"pictures": _pictures(table.features), "digits": torch.tensor(table.label, dtype=torch.int64)}, augment
    )


def _pictures(features: pd.DataFrame) -> Tensor:
    """Shape (n, 1, 8, 8), 0 (white) to 1 (black)."""
    import numpy as np
    import torch

    pixels = np.ascontiguousarray(features[list(PIXELS)].to_numpy(dtype="float32"))  # rows turned round are a view
    return torch.tensor(pixels).reshape(-1, 1, SIDE, SIDE)


def _softmax(scores: np.ndarray) -> np.ndarray:
    import numpy as np

    shares = np.exp(scores - scores.max(axis=1, keepdims=True, initial=-np.inf))
    probabilities: np.ndarray = shares / shares.sum(axis=1, keepdims=True)
    return probabilities
