"""Training-serving skew: rows that are something else over HTTP than in the batch chain. Bit for bit, and by name.

    ways in which the same rows are asked           what must be equal
    features, as JSON and as Arrow                  what the model reads, and its answers
    a whole partition of raw rows, likewise         every feature, and the answers
    raw rows one by one                             is told apart

The last one is what a client meets that sends single rows. A feature that counts or averages other rows of the partition is
another one there: that is the problem's own doing. And where features are the same, answers may differ in their last bits:
linear algebra sums a row in another order when fewer are beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ml_assets.values import in_one_type

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MISSING, NO_COLUMN = "missing", "no such column"
FEW = 3  # differences in a sentence


@dataclass(frozen=True)
class Difference:
    """A column that is another one over HTTP.

    Attributes:
        rows: in how many rows.
        of: of how many that were asked.
        entity: the first of them.
        batch: its value in the batch, as text that has each bit.
        served: its value over HTTP.
        farthest: of numbers, how far apart the two are at most; None where they are none, or missing on one side.
        is_answer: whether it is what the model says, and no feature.
    """

    column: str
    rows: int
    of: int
    entity: str
    batch: str
    served: str
    farthest: float | None = None
    is_answer: bool = False

    def __str__(self) -> str:
        by = f", by {self.farthest:.2g} at most" if self.farthest else ""
        example = f"of {self.entity} the batch has {self.batch}, HTTP {self.served}"
        return f"{self.column} in {self.rows:,} of {self.of:,} rows{by} ({example})"


@dataclass(frozen=True)
class Way:
    """The rows, asked in one way.

    Attributes:
        refusal: what the server said instead of an answer; empty if it answered.
        is_asked: whether the server takes so many rows at once.
    """

    name: str
    rows: int
    differences: tuple[Difference, ...] = ()
    refusal: str = ""
    is_asked: bool = True

    @property
    def is_refused(self) -> bool:
        """Whether the server refuses what the batch chain answers."""
        return bool(self.refusal) and self.is_asked

    @property
    def is_equal(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.differences and not self.is_refused

    def __str__(self) -> str:
        if self.refusal:
            return f"{'refused' if self.is_asked else 'not asked'}: {self.refusal}"
        return "; ".join(_listed(self.differences)) or "equal, bit for bit"


@dataclass(frozen=True)
class Skew:
    """What came of a comparison.

    Attributes:
        name: under which the champion is asked: ``umbrellas``, or ``ice_cream@south/east``.
        partition: whose stored features were compared.
        model: the version that answered.
        ways: those that must be equal.
        alone: raw rows one by one.
        older: datasets that the stored features were not made with: the branch names others by now.
    """

    name: str
    partition: str
    model: str
    ways: tuple[Way, ...]
    alone: Way
    older: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that differ where they must not, in order."""
        return tuple(dict.fromkeys(one.column for way in self.ways for one in way.differences))

    @property
    def neighbourly(self) -> tuple[str, ...]:
        """The features that need other rows of the partition."""
        return tuple(one.column for one in self._alone() if not one.is_answer)

    @property
    def is_equal(self) -> bool:
        """Whether rows are over HTTP what they are in the batch."""
        return all(way.is_equal for way in self.ways) and not self.alone.is_refused

    @property
    def sentence(self) -> str:
        """What was found, naming columns and the way that they were asked in."""
        bad = [*(way for way in self.ways if not way.is_equal), *([self.alone] if self.alone.is_refused else [])]
        said = ". ".join(f"{way.name}: {way}" for way in bad) or self._alike()
        return f"{self.name} [{self.partition}]: {said}.{self._made_before()}{self._by_themselves()}"

    def _alike(self) -> str:
        asked = [way.rows for way in self.ways if way.is_asked]
        return f"{sum(asked):,} rows in {len(asked)} ways are over HTTP what they are in the batch"

    def _made_before(self) -> str:
        if not self.older or self.is_equal:
            return ""
        return f" The stored features are older than {', '.join(self.older)}, which raw rows get: make them again."

    def _by_themselves(self) -> str:
        names = self.neighbourly
        listed = f"{', '.join(names[:FEW])}{', …' if len(names) > FEW else ''}"
        features = f" Sent one by one, rows have other features: {listed} ({len(names)})." if names else ""
        answers = "".join(f" Sent one by one: {one}." for one in self._alone() if one.is_answer)
        return f"{features}{answers}"

    def _alone(self) -> Iterator[Difference]:
        return (one for one in self.alone.differences if one.column not in self.columns)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            "name": self.name,
            "partition": self.partition,
            "model": self.model,
            "equal": self.is_equal,
            "columns": list(self.columns),
            "need_other_rows": list(self.neighbourly),
            "features_older_than": list(self.older),
            "ways": [{**asdict(way), "equal": way.is_equal} for way in (*self.ways, self.alone)],
        }


def differences(
    batch: pd.DataFrame,
    served: pd.DataFrame,
    entities: Sequence[Any],
    *,
    tolerance: float = 0.0,
    are_answers: bool = False,
) -> tuple[Difference, ...]:
    """The columns that are not the same bit for bit; what is missing in both is the same.

    Types may differ as far as one holds the values of the other exactly: a whole number is none other as a float.

    Args:
        batch: the rows as stored.
        served: the same rows, in the same order.
        entities: of each row.
        tolerance: how far apart numbers may be.
    """
    names = dict.fromkeys([*map(str, batch), *map(str, served)])
    found = (_difference(name, batch, served, entities, tolerance) for name in names)
    return tuple(replace(one, is_answer=are_answers) for one in found if one is not None)


def _difference(
    name: str, batch: pd.DataFrame, served: pd.DataFrame, entities: Sequence[Any], tolerance: float
) -> Difference | None:
    count = len(entities)
    if name not in batch or name not in served:
        one, other = (_shown(frame[name].iloc[0]) if name in frame else NO_COLUMN for frame in (batch, served))
        return Difference(name, count, count, str(entities[0]), one, other)
    far = _apart(batch[name], served[name])
    is_other = far > tolerance
    if not is_other.any():
        return None
    row, farthest = int(is_other.argmax()), float(far.max())
    one, other = (_shown(frame[name].iloc[row]) for frame in (batch, served))
    known = farthest if farthest < float("inf") else None
    return Difference(name, int(is_other.sum()), count, str(entities[row]), one, other, known)


def _apart(one: pd.Series, other: pd.Series) -> np.ndarray:
    """How far apart values are, shape (n,): 0 where each bit is the same, infinitely where that is no number."""
    import numpy as np

    both = in_one_type(*map(_plain, (one, other)))
    if both is None:
        return np.full(len(one), np.inf)
    left, right = both
    found = np.where(left.isna().to_numpy() != right.isna().to_numpy(), np.inf, 0.0)
    known = left.notna().to_numpy() & right.notna().to_numpy()
    found[known] = _between(left[known], right[known])
    return found


def _plain(column: pd.Series) -> pd.Series:
    """Categories by their values: which others there might be is no part of a value."""
    import pandas as pd

    column = column.reset_index(drop=True)
    return column.astype(column.cat.categories.dtype) if isinstance(column.dtype, pd.CategoricalDtype) else column


def _between(one: pd.Series, other: pd.Series) -> np.ndarray:
    """How far apart values are that are there. The sign of zero is a bit, too."""
    import numpy as np

    left, right = _bits(one), _bits(other)
    if one.dtype.kind not in "iuf":
        return np.where(left == right, 0.0, np.inf)
    far = np.abs(one.to_numpy(dtype=np.float64) - other.to_numpy(dtype=np.float64))
    return np.where(left == right, 0.0, np.maximum(far, np.finfo(np.float64).tiny))


def _bits(known: pd.Series) -> np.ndarray:
    import numpy as np

    values: np.ndarray = known.to_numpy()
    if known.dtype.kind != "f":
        return values
    width = known.dtype.itemsize  # type: ignore[union-attr]  # a float's, nullable or not
    return np.ascontiguousarray(values, dtype=f"f{width}").view(f"u{width}")


def _shown(value: Any) -> str:
    import pandas as pd

    if pd.isna(value):
        return MISSING
    plain = value.item() if hasattr(value, "item") else value
    return repr(plain) if isinstance(plain, float | str) else str(plain)


def _listed(found: Sequence[Difference]) -> Iterator[str]:
    yield from map(str, found[:FEW])
    if len(found) > FEW:
        yield f"and {len(found) - FEW} more"
