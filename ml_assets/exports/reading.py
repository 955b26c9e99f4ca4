"""How an output of a converted graph becomes the answer of ``predict``, found out by comparing numbers.

``predict`` is a function that nobody can read from outside: it may take the second column of two probabilities, a softmax of
scores, or the output as it is. So each of these is tried on the test rows, and the one that comes closest is written down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.exports.compare import Comparison, compare

if TYPE_CHECKING:
    import numpy as np

    from ml_assets.exports.asked import Asked

Activation = Literal["", "Sigmoid", "Softmax"]


@dataclass(frozen=True)
class Reading:
    """An answer made of one output, shape (n,) or (n, k).

    Attributes:
        output: its name.
        activation: what is done to it first.
        columns: which of its columns the answer has, in order; -1: a column of zeros, for a class that the model never saw.
        flat: the answer is (n,), not (n, 1).
    """

    output: str
    activation: Activation
    columns: tuple[int, ...]
    flat: bool

    def of(self, values: np.ndarray) -> np.ndarray:
        """The answer, computed by NumPy."""
        import numpy as np

        activated = _activated(values.reshape(len(values), -1), self.activation)
        wide = np.concatenate([activated, np.zeros_like(activated[:, :1])], axis=1)
        answer: np.ndarray = wide[:, list(self.columns)]
        return answer[:, 0] if self.flat else answer

    def nodes(self, width: int) -> list[Any]:
        """The same as nodes of ONNX, from ``output`` to ``prediction``.

        Args:
            width: how many columns the output has.
        """
        from onnx import helper, numpy_helper

        def ints(name: str, values: list[int]) -> Any:
            import numpy as np

            return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.array(values, np.int64)))

        last = "prediction/activated" if self.activation else self.output
        nodes = [helper.make_node(self.activation, [self.output], [last])] if self.activation else []
        nodes += [
            ints("prediction/shape", [-1, width]),
            helper.make_node("Reshape", [last, "prediction/shape"], ["prediction/wide"]),
        ]
        if -1 in self.columns:
            nodes += [helper.make_node("Sub", ["prediction/wide", "prediction/wide"], ["prediction/zeros"])]
            nodes += [
                helper.make_node("Concat", ["prediction/wide", "prediction/zeros"], ["prediction/padded"], axis=1)
            ]
        source = "prediction/padded" if -1 in self.columns else "prediction/wide"
        chosen = [width if column == -1 else column for column in self.columns]
        nodes += [
            ints("prediction/columns", chosen),
            helper.make_node("Gather", [source, "prediction/columns"], ["prediction/chosen"], axis=1),
        ]
        final = [
            ints("prediction/flat", [-1]),
            helper.make_node("Reshape", ["prediction/chosen", "prediction/flat"], ["prediction"]),
        ]
        return [
            *nodes,
            *(final if self.flat else [helper.make_node("Identity", ["prediction/chosen"], ["prediction"])]),
        ]


@dataclass(frozen=True)
class Read:
    """A reading, and how far it is from the answers."""

    reading: Reading
    comparison: Comparison


def closest(asked: Asked, outputs: Mapping[str, np.ndarray]) -> Read | None:
    """The reading that comes closest to the answers of the source; None if no output has as many columns."""
    tried = [
        Read(reading, compare(asked.problem.task, asked.answers, reading.of(values).astype(asked.answers.dtype)))
        for name, values in outputs.items()
        for reading in readings(asked, name, values)
    ]
    return min(tried, key=lambda read: (read.comparison.apart, read.comparison.flipped or 0), default=None)


def readings(asked: Asked, name: str, values: np.ndarray) -> Iterator[Reading]:
    """All that could be meant."""
    width = values.reshape(len(values), -1).shape[1]
    activations: list[Activation] = [""] if asked.problem.task == "regression" else ["", "Sigmoid", "Softmax"]
    for activation in activations:
        for columns in _columns(asked, width):
            yield Reading(name, activation, columns, asked.answers.ndim == 1)


def _columns(asked: Asked, width: int) -> Iterator[tuple[int, ...]]:
    if asked.answers.ndim == 1:
        yield from ((column,) for column in range(width))
        return
    wanted = asked.answers.shape[1]
    if width == wanted:
        yield tuple(range(width))
    elif asked.model.classes and width == len(asked.model.classes):
        place = {label: column for column, label in enumerate(asked.model.classes)}
        yield tuple(place.get(label, -1) for label in asked.classes)


def _activated(values: np.ndarray, activation: Activation) -> np.ndarray:
    import numpy as np

    with np.errstate(over="ignore"):
        if activation == "Sigmoid":
            return np.asarray(1 / (1 + np.exp(-values)))
        if activation == "Softmax":
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    return values
