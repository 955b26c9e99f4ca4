"""The rows of a window where they lie: what a training or a judge needs of them is read, and nothing else.

    tables of the partitions  ──pieces──▶  rows that were chosen, in the types of the window  ──▶  batches
    (keys, features, label)                                                                   ──▶  a field, held once

Of every row a byte is in memory, which says whether it was chosen, and besides that a piece: some 8 MiB, and what is read of a
row group of Parquet to get at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml_assets.categories import Description, cast, categorical, learnt_in
from ml_assets.errors import FeatureMismatch
from ml_assets.problem import BATCH_ROWS, FeatureTable
from ml_assets.training.assembled import assembled
from ml_assets.training.union import FEATURES, Table, in_types, types_in_common

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

KEYS, LABEL = "keys", "label"
FIELDS = (KEYS, FEATURES, LABEL)
PIECE_BYTES, MOST_ROWS = 8 << 20, 1 << 16  # of what is read at a time


@dataclass(frozen=True)
class Window:
    """The feature tables of the partitions of a window, oldest first."""

    tables: Mapping[str, Table]

    @cached_property
    def rows(self) -> dict[str, int]:
        """Partition -> how many rows it has."""
        return {partition: table.count(KEYS) for partition, table in self.tables.items()}

    @cached_property
    def keys(self) -> pd.DataFrame:
        """The columns and types of the keys, without rows."""
        return types_in_common(self.tables, KEYS)

    @cached_property
    def features(self) -> pd.DataFrame:
        """The columns and types of the features, without rows.

        Raises:
            FeatureMismatch: if a partition has other columns than the newest (nothing is ever filled in), a column of which no
                type holds all values, or categories that cannot be united with those of others.
        """
        _refuse_other_columns({partition: table.types(FEATURES) for partition, table in self.tables.items()})
        return types_in_common(self.tables, FEATURES)

    def every_row(self) -> FeatureTable:
        """All rows, in order."""
        import numpy as np

        return StoredRows.of(Chosen(self, np.ones(sum(self.rows.values()), dtype=bool)))


@dataclass(frozen=True)
class Chosen:
    """Some rows of a window.

    Attributes:
        mask: which of all rows (n,), in order.
        known: what a model knows of categories: other values are missing; see ``categories.learnt``.
    """

    window: Window
    mask: np.ndarray
    known: Mapping[str, Description] = field(default_factory=dict)

    @cached_property
    def count(self) -> int:
        """How many they are."""
        return int(self.mask.sum())

    @cached_property
    def features(self) -> pd.DataFrame:
        """The columns and types of their features, without rows."""
        return cast(self.window.features, self.known)

    def whole(self, name: str) -> Any:
        """One field of all of them."""
        import numpy as np

        if name != LABEL:
            return assembled((piece for (piece,) in self._pieces([name])), self._types(name), self.count)
        pieces = [piece for (piece,) in self._pieces([LABEL])]
        return np.concatenate(pieces) if pieces else np.empty(0)

    def batches(self, rows: int) -> Iterator[FeatureTable]:
        """Them, ``rows`` at a time."""
        return _regrouped((FeatureTable(*piece) for piece in self._pieces(FIELDS)), rows)

    def among(self, mask: np.ndarray) -> Chosen:
        """Of these rows those where ``mask`` (n,) is true."""
        inside = self.mask.copy()
        inside[self.mask] = mask
        return replace(self, mask=inside)

    def learnt(self) -> dict[str, Description]:
        """What a model that is trained on them knows of each categorical feature; only these are read."""
        names = categorical(self.features)
        return learnt_in(self.features[names], (piece for (piece,) in self._pieces([FEATURES], names)) if names else ())

    def _types(self, name: str) -> pd.DataFrame:
        return self.features if name == FEATURES else self.window.keys

    def _pieces(self, fields: Sequence[str], features: Sequence[str] | None = None) -> Iterator[list[Any]]:
        """The fields of some of the rows at a time, in the types of the whole, which nobody else has.

        Args:
            features: which of them; None: all.
        """
        wanted = {name: self._types(name) for name in fields if name != LABEL}
        if features is not None:
            wanted[FEATURES] = wanted[FEATURES][list(features)]
        at_once, first = _rows_at_once(sum(frame.shape[1] for frame in wanted.values())), 0
        for table in self.window.tables.values():
            streams = (table.batches(name, at_once, features if name == FEATURES else None) for name in fields)
            for piece in zip(*streams, strict=True):
                here = self.mask[first : first + len(piece[0])]
                first += len(here)
                if here.any():
                    yield [
                        rows[here] if name == LABEL else in_types(rows.loc[here].reset_index(drop=True), wanted[name])
                        for name, rows in zip(fields, piece, strict=True)
                    ]


class StoredRows(FeatureTable):
    """Rows of a window, each field of which is read when it is first asked for. What was read is nobody else's."""

    chosen: Chosen

    @classmethod
    def of(cls, chosen: Chosen) -> StoredRows:
        """These rows, of which nothing was read."""
        rows = object.__new__(cls)
        rows.__dict__["chosen"] = chosen
        return rows

    def __new__(cls, keys: pd.DataFrame, features: pd.DataFrame, label: np.ndarray) -> FeatureTable:  # type: ignore[misc]
        """With other values, see ``dataclasses.replace``, it is a table like any other."""
        return FeatureTable(keys, features, label)

    def __reduce__(self) -> tuple[type[FeatureTable], tuple[Any, ...]]:
        """Where another process gets it, too."""
        return FeatureTable, tuple(getattr(self, name) for name in FIELDS)

    def __getattr__(self, name: str) -> Any:
        if name not in FIELDS:
            raise AttributeError(f"A FeatureTable has no {name!r}. It has {', '.join(FIELDS)}.")
        value = self.__dict__[name] = self.chosen.whole(name)
        return value

    def __len__(self) -> int:
        return self.chosen.count

    def rows(self, mask: np.ndarray) -> FeatureTable:
        """As of any table; those at positions that ascend are not read before they are asked for."""
        import numpy as np

        mask = np.asarray(mask)
        if mask.dtype == bool:
            return StoredRows.of(self.chosen.among(mask))
        asked, at = np.zeros(len(self), dtype=bool), np.arange(len(self))[mask]
        asked[at] = True
        rows = StoredRows.of(self.chosen.among(asked))
        return rows if (np.diff(at) > 0).all() else FeatureTable.rows(rows, np.searchsorted(np.flatnonzero(asked), at))

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[FeatureTable]:
        """See ``FeatureTable``; these are read as they are asked for."""
        return self.chosen.batches(rows)


def _rows_at_once(columns: int) -> int:
    return max(1, min(MOST_ROWS, PIECE_BYTES // (8 * max(1, columns))))


def _regrouped(pieces: Iterable[FeatureTable], rows: int) -> Iterator[FeatureTable]:
    """The rows of all pieces, ``rows`` at a time."""
    held: list[FeatureTable] = []
    for piece in pieces:
        first, lacking = 0, rows - sum(map(len, held))
        while len(piece) - first >= lacking:
            yield _together([*held, _cut(piece, first, first + lacking)])
            held, first, lacking = [], first + lacking, rows
        if first < len(piece):
            held.append(_cut(piece, first, len(piece)))
    if held:
        yield _together(held)


def _cut(table: FeatureTable, first: int, end: int) -> FeatureTable:
    if (first, end) == (0, len(table)):
        return table
    keys, features = (frame.iloc[first:end].reset_index(drop=True) for frame in (table.keys, table.features))
    return FeatureTable(keys, features, table.label[first:end])


def _together(tables: Sequence[FeatureTable]) -> FeatureTable:
    """The rows of several pieces of one table."""
    import numpy as np
    import pandas as pd

    if len(tables) == 1:
        return tables[0]
    return FeatureTable(
        pd.concat([table.keys for table in tables], ignore_index=True),
        pd.concat([table.features for table in tables], ignore_index=True),
        np.concatenate([table.label for table in tables]),
    )


def _refuse_other_columns(features: Mapping[str, pd.DataFrame]) -> None:
    newest, columns = list(features.items())[-1][0], {*list(features.values())[-1]}
    for partition, table in features.items():
        other = sorted(map(str, columns ^ {*table}))
        if other:
            raise FeatureMismatch(
                f"The features of {partition} and of {newest} differ in {', '.join(map(repr, other))}: "
                "the problem's features() changed between them. Missing features are never filled in; "
                f"materialize the features of {partition} again."
            )
