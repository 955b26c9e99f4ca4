"""A trained network as other programs run it, and where each of its inputs comes from.

``Problem.predict`` is Python and may do anything. ``Problem.network`` says the same in plain terms: this network, these
columns. With it `ml-assets export` can write the model as one ONNX file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Numbers:
    """An input of numbers: columns side by side, float32, NaN where missing.

    Attributes:
        columns: names of features, in order.
        shape: of one row, where that is not ``(columns,)``: a picture of one channel has ``(1, 8, 8)``.
    """

    columns: tuple[str, ...]
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class Codes:
    """An input of codes: columns side by side, int64, each value by the code that it has.

    Attributes:
        columns: feature -> value -> its code, in order of the input. A value that has none, or is missing, has the code 0.
    """

    columns: Mapping[str, Mapping[Any, int]]


@dataclass(frozen=True)
class Network:
    """A network and its inputs.

    Attributes:
        module: answers (n,) or (n, k); it is put into ``eval`` mode. What ``predict`` does to the answer afterwards may be a
            softmax, a sigmoid, or the choice of a column; anything else belongs into the module.
        inputs: name -> input, in the order of the arguments of ``module``.
    """

    module: nn.Module
    inputs: Mapping[str, Numbers | Codes]
