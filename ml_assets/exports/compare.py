"""What an export answers beside what its source answers, for the same rows. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.problem import Task

if TYPE_CHECKING:
    import numpy as np

THRESHOLD = 0.5  # from which probability on the answer is yes


@dataclass(frozen=True)
class Limit:
    """How far an export may be from its source.

    Attributes:
        apart: largest difference, as ``Comparison.apart`` measures it; None: every bit must be equal.
        flips: how many labels may be others.
    """

    apart: float | None
    flips: int = 0

    @property
    def in_words(self) -> str:
        """``1e-05 and 0 flipped labels``."""
        return "no bit" if self.apart is None else f"{self.apart:g} and {self.flips} flipped labels"


@dataclass(frozen=True)
class Comparison:
    """How far two answers for the same rows are apart.

    Attributes:
        rows: for how many.
        largest: largest difference of two numbers, in the unit of the answers.
        apart: the same, of probabilities as it is, of values as a fraction of the range of the source's answers.
        flipped: rows whose label is another: the most probable class, or whether one probability reaches 0.5; None for values.
        equal: every bit is the same.
    """

    rows: int
    largest: float
    apart: float
    flipped: int | None
    equal: bool

    def is_within(self, limit: Limit) -> bool:
        """Whether the export may be released. A difference that is no number is never."""
        if limit.apart is None:
            return self.equal
        return self.apart <= limit.apart and (self.flipped or 0) <= limit.flips

    @property
    def in_words(self) -> str:
        """One line for people."""
        flips = "" if self.flipped is None else f", {self.flipped:,} flipped labels"
        if self.equal:
            return f"{self.rows:,} test rows: every bit is equal{flips}"
        fraction = f" ({self.apart:.3g} of the range of answers)" if self.flipped is None else ""
        return f"{self.rows:,} test rows: largest difference {self.largest:.3g}{fraction}{flips}"

    def to_json(self) -> Mapping[str, Any]:
        """As it stands in ``export.json``; what is no number as text."""
        numbers = {name: value if value < float("inf") else str(value) for name, value in vars(self).items() if value}
        return {**vars(self), **{n: v for n, v in numbers.items() if n in ("largest", "apart")}}


def compare(task: Task, source: np.ndarray, exported: np.ndarray) -> Comparison:
    """How far the answers of an export are from those of its source.

    Answers of another shape, and a number where the other has none, are infinitely far apart.
    """
    import numpy as np

    if source.shape != exported.shape:
        return Comparison(len(source), float("inf"), float("inf"), None if task == "regression" else len(source), False)
    equal = source.dtype == exported.dtype and source.tobytes() == exported.tobytes()
    one, other = source.astype(np.float64), exported.astype(np.float64)
    same = (one == other) | (np.isnan(one) & np.isnan(other))
    with np.errstate(invalid="ignore"):
        differences = np.where(same, 0.0, np.abs(one - other))
    largest = float(np.nan_to_num(differences, nan=np.inf, posinf=np.inf).max(initial=0.0))
    if task == "regression":
        return Comparison(len(one), largest, largest / _range(one) if largest else 0.0, None, equal)
    return Comparison(len(one), largest, largest, int((_label(one) != _label(other)).sum()), equal)


def _label(answers: np.ndarray) -> np.ndarray:
    label: np.ndarray = answers >= THRESHOLD if answers.ndim == 1 else answers.argmax(axis=1)
    return label


def _range(answers: np.ndarray) -> float:
    """From the smallest to the largest that is known; of one answer its size."""
    import numpy as np

    known = answers[np.isfinite(answers)]
    if not known.size:
        return 1.0
    return float(known.max() - known.min()) or float(abs(known).max()) or 1.0
