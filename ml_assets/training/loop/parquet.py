"""Rows that do not fit in memory: streamed from Parquet, shuffled so that each part of a file is read once per epoch."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.categories import same_list
from ml_assets.errors import InvalidProblem
from ml_assets.training.loop.rows import Augment, Batch, Tensors, from_frame

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow.parquet as pq
    import torch
    from torch import Tensor


class ParquetRows:
    """The rows of Parquet files, of which a few row groups are in memory at a time.

    An epoch shuffles the row groups, then the rows within each ``window`` of them. Write files with row groups of some
    ten thousand rows; where neighbouring rows resemble each other, a larger window mixes them better.

    Raises:
        InvalidProblem: where a batch is asked for whose categories are another list than those of the batches before.

    Args:
        paths: the files, in an order that is always the same.
        columns: as for ``from_frame``. Categories must be the same list in every row group, or their codes would mean other
            values: whole numbers are safer. Whole numbers and truths of which any row of the files lacks one are float32 in all.
        window: row groups that are mixed, and held in memory (twice as many where one window goes over into the next).
        augment: see ``Rows``.
    """

    def __init__(
        self,
        paths: Sequence[str | Path],
        columns: Mapping[str, str | Sequence[str]],
        window: int = 8,
        augment: Augment | None = None,
    ) -> None:
        self.paths, self.columns, self.window, self.augment = [Path(path) for path in paths], columns, window, augment
        self._held: OrderedDict[int, Tensors] = OrderedDict()
        self._lists: dict[str, pd.CategoricalDtype] = {}

    def __len__(self) -> int:
        return self._starts[-1]

    def order(self, generator: torch.Generator) -> Tensor:
        """Windows of row groups in a random order, and the rows of each window in a random order."""
        import torch

        groups = torch.randperm(len(self._groups), generator=generator).tolist()
        windows = [groups[start : start + self.window] for start in range(0, len(groups), self.window)]
        return torch.cat([_shuffled([self._numbers(group) for group in window], generator) for window in windows])

    def batch(self, indices: Tensor) -> Batch:
        """The rows with these numbers: read where their row groups are not held."""
        import torch

        at = indices.cpu()
        inner = torch.tensor(self._starts[1:])
        of = torch.bucketize(at, inner, right=True)
        taken, places = [], []
        for group in torch.unique(of).tolist():
            place = (of == group).nonzero().squeeze(1)
            taken.append(self._read(group).batch(at[place] - self._starts[group]))
            places.append(place)
        back = torch.cat(places).argsort()
        return {name: torch.cat([part[name] for part in taken])[back] for name in taken[0]}

    @cached_property
    def _files(self) -> list[pq.ParquetFile]:
        import pyarrow.parquet as pq

        return [pq.ParquetFile(path) for path in self.paths]

    @cached_property
    def _groups(self) -> list[tuple[int, int]]:
        """(file, row group in it) of each row group."""
        return [(number, group) for number, file in enumerate(self._files) for group in range(file.num_row_groups)]

    @cached_property
    def _starts(self) -> list[int]:
        """The number of each row group's first row, and of all rows."""
        sizes = (self._files[file].metadata.row_group(group).num_rows for file, group in self._groups)
        return [0, *accumulate(sizes)]

    def _numbers(self, group: int) -> Tensor:
        import torch

        return torch.arange(self._starts[group], self._starts[group + 1])

    def _read(self, group: int) -> Tensors:
        if group not in self._held:
            file, number = self._groups[group]
            table = self._table(file, number)
            self._refuse_other_categories(table, f"row group {number} of {self.paths[file]}")
            self._held[group] = from_frame(table, self.columns)
            while len(self._held) > 2 * self.window:
                self._held.popitem(last=False)
        self._held.move_to_end(group)
        return self._held[group]

    def _refuse_other_categories(self, table: pd.DataFrame, where: str) -> None:
        import pandas as pd

        for name, dtype in table.dtypes.items():
            if isinstance(dtype, pd.CategoricalDtype) and not same_list(
                self._lists.setdefault(str(name), dtype), dtype
            ):
                raise InvalidProblem(
                    f"Column {name!r} has other categories in {where} than in the row group read first, so equal codes would "
                    "mean different values. Write the files with whole numbers instead of categories."
                )

    @cached_property
    def _names(self) -> list[str]:
        """The columns that are read."""
        names = [one for chosen in self.columns.values() for one in ([chosen] if isinstance(chosen, str) else chosen)]
        return list(dict.fromkeys(names))

    @cached_property
    def _lacking(self) -> set[str]:
        """Those of which a value is missing in some row group: told by its footer, or read where its writer did not count."""
        found: set[str] = set()
        for file, group in self._groups:
            known = _null_counts(self._files[file].metadata.row_group(group))
            for name in set(self._names) - found:
                missing = known.get(name)
                if missing is None:
                    missing = self._files[file].read_row_group(group, columns=[name])[name].null_count
                found |= {name} if missing else set()
        return found

    def _table(self, file: int, number: int) -> pd.DataFrame:
        import pyarrow as pa

        table = self._files[file].read_row_group(number, columns=self._names)
        for at, field in enumerate(table.schema):
            is_whole = pa.types.is_integer(field.type) or pa.types.is_boolean(field.type)
            if is_whole and field.name in self._lacking:
                values = table[field.name].cast(pa.int8() if pa.types.is_boolean(field.type) else field.type)
                table = table.set_column(at, field.name, values.cast(pa.float32(), safe=False))
        frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
        return frame


def _null_counts(group: pq.RowGroupMetaData) -> dict[str, int]:
    """Column -> how many of its values are missing in a row group, of those columns that say so."""
    columns = (group.column(n) for n in range(group.num_columns))
    counted = ((of.path_in_schema, of.statistics) for of in columns)
    return {name: of.null_count for name, of in counted if of is not None and of.has_null_count}


def _shuffled(parts: list[Tensor], generator: torch.Generator) -> Tensor:
    import torch

    together = torch.cat(parts)
    return together[torch.randperm(len(together), generator=generator)]
