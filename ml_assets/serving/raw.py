"""Raw rows: rows as the dataset has them. The problem's own ``features`` makes of them what the model reads, with the past.

So a feature is computed by one code, in a batch and over HTTP. Rows are of the partition that their times fall into, and the
past is the ``lookback`` datasets before that, as the branch names them now. Columns of the outcome may be left out.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ml_assets.assets import noun_that
from ml_assets.categories import described
from ml_assets.errors import NotAnswered, StoreUnreachable
from ml_assets.evaluation.checks import schema_of
from ml_assets.partitions import Partition
from ml_assets.problem import FeatureTable, Problem
from ml_assets.serving.bodies import Asked
from ml_assets.serving.columns import Column, read_columns
from ml_assets.serving.loaded import CODE_FAILS
from ml_assets.store import Store, VersionKey
from ml_assets.training.rows import feature_table
from ml_assets.values import with_missing

if TYPE_CHECKING:
    import pandas as pd

LONGEST_PARTITION = timedelta(days=32)
AGAIN_SECONDS = 30.0  # after which a store that did not answer is asked again
KEPT = 4  # pasts that are held in memory


@dataclass
class Raw:
    """The stored rows of a line of partitions that ``features`` is given as history.

    Attributes:
        seconds: how long what the branch names is taken to be as it was.
    """

    store: Store
    problem: Problem
    line: str | None
    seconds: float = 5.0
    clock: Callable[[], float] = time.monotonic
    _named: dict[str, tuple[float, list[VersionKey]]] = field(default_factory=dict)
    _rows: dict[VersionKey, pd.DataFrame] = field(default_factory=dict)
    _spans: list[Partition] = field(default_factory=list)

    def features(self, asked: Asked) -> FeatureTable:
        """Raw rows with their features.

        Raises:
            NotAnswered: if they are no rows of the dataset, of no partition, or of several.
        """
        key, newest = self._newest()
        data = self._valid(self._read(asked, newest.head(0)))
        partition = asked.partition or self._partition_of(data, str(key.partition))
        history = [self._load(key) for key in self._versions(partition)]
        try:
            return feature_table(self.problem, history, data)
        except CODE_FAILS as error:
            self._blame(history, newest, error)
            raise

    def _blame(self, history: Sequence[pd.DataFrame], stored: pd.DataFrame, error: BaseException) -> None:
        """Raise NotAnswered if the rows are at fault: of a row that is stored features can be made."""
        try:
            feature_table(self.problem, history, stored.head(1))
        except CODE_FAILS:
            return
        said = f"{type(error).__name__}: {error}".splitlines()[0][:300]
        raise NotAnswered(
            422,
            f"features() of {self.problem.name} makes nothing of these rows ({said}), and does of stored ones. Send rows as "
            "the dataset has them.",
        ) from error

    # ------------------------------------------------------------ rows

    def _read(self, asked: Asked, types: pd.DataFrame) -> pd.DataFrame:
        """The rows in the types that the stored dataset has; what is not known yet may be left out."""
        import pandas as pd

        later = [n for n in (self.problem.label, self.problem.label_time) if n in types and n not in asked.columns]
        wanted = [_column(str(name), dtype) for name, dtype in types.dtypes.items() if name not in later]
        frame = read_columns(wanted, asked.columns, "missing")
        for name in later:
            frame[name] = pd.Series(None, index=frame.index, dtype=with_missing(types[name].dtype))
        return frame[[*types]]

    def _valid(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The rows as the problem's schema leaves them. What it says of outcomes that are not known is no fault."""
        import pandera.errors

        schema = schema_of(self.problem)
        outcome = {name for name in (self.problem.label, self.problem.label_time) if name}
        unknown = {str(name) for name in outcome if name in rows and rows[name].isna().all()}
        try:
            valid = schema.remove_columns([name for name in unknown if name in schema.columns])
            valid.strict = False if valid.strict is True else valid.strict
            checked: pd.DataFrame = valid.validate(rows, lazy=True)
        except pandera.errors.SchemaErrors as broken:
            raise self._against_schema(broken.failure_cases) from None
        if len(checked) != len(rows):
            raise NotAnswered(422, f"The schema of {self.problem.name} drops {len(rows) - len(checked)} of these rows.")
        return checked

    def _against_schema(self, cases: pd.DataFrame) -> NotAnswered:
        first = cases.iloc[0]
        row = int(first["index"]) if first["index"] == first["index"] and first["index"] is not None else None
        where = "" if row is None else f", row {row}"
        more = f" {len(cases) - 1} more values are against the schema." if len(cases) > 1 else ""
        return NotAnswered(
            422,
            f"Column {str(first['column'])!r}{where}: {str(first['failure_case'])[:60]!r} is against the schema of "
            f"{self.problem.name}: {first['check']}.{more} Send rows as the dataset has them.",
            column=str(first["column"]),
            row=row,
        )

    # ------------------------------------------------------------ partitions

    def _partition_of(self, data: pd.DataFrame, newest: str) -> str:
        """The partition that the rows are of, by their event times; where there is no time, that of the line."""
        problem = self.problem
        if problem.event_time is None or not problem.partitions.in_time:
            return newest
        times = data[problem.event_time]
        if times.isna().any():
            raise self._of_no_partition(int(times.isna().to_numpy().argmax()), "it is missing")
        span = self._span(times.iloc[0])
        if span is None or span.start is None:
            raise self._of_no_partition(0, f"{times.iloc[0]} is in no partition of {problem.name}")
        if span.start is not None:
            outside = ((times < span.start) | (times >= span.end)).to_numpy()
            if outside.any():
                said = f"{times.iloc[int(outside.argmax())]} is not in {span.key}, where row 0 is"
                raise self._of_no_partition(int(outside.argmax()), said)
        return span.key

    def _span(self, at: Any) -> Partition | None:
        found = next((one for one in self._spans if one.start <= at < one.end), None)
        if found is None:
            partitions = self.problem.partitions
            keys = [
                key
                for key in partitions.keys(at.to_pydatetime() + LONGEST_PARTITION)
                if partitions.line(key) == self.line
            ]
            spans = map(partitions.partition, reversed(keys))
            found = next((one for one in spans if one.start <= at < one.end), None)
            self._spans = [*([found] if found else []), *self._spans[:KEPT]]
        return found

    def _of_no_partition(self, row: int, why: str) -> NotAnswered:
        name = str(self.problem.event_time)
        return NotAnswered(
            422,
            f"Column {name!r}, row {row}: {why}. The history of raw rows is that of their partition: ask for each partition by "
            "itself, or name one with partition=….",
            column=name,
            row=row,
        )

    # ------------------------------------------------------------ what is stored

    @property
    def _asset(self) -> str:
        return f"{self.problem.name}/{noun_that('lands')}"

    def _newest(self) -> tuple[VersionKey, pd.DataFrame]:
        """The newest dataset that is stored of this line."""
        (key,) = self._looked_up("", self._newest_key)
        return key, self._load(key)

    def _newest_key(self) -> list[VersionKey]:
        of_line = [k for k in self.store.named(self._asset) if k and self.problem.partitions.line(k) == self.line]
        entry = self.store.head(self._asset, of_line[-1]) if of_line else None
        if entry is None:
            said = f"No dataset of {self.problem.name} is stored, so nothing says what raw rows are. Send features."
            raise NotAnswered(422, said)
        return [entry.target]

    def _versions(self, partition: str) -> list[VersionKey]:
        """The datasets before a partition that ``features`` is given, oldest first."""
        problem = self.problem
        if not problem.partitions.has(partition) or problem.partitions.line(partition) != self.line:
            said = f"{problem.name} has no partition {partition[:60]!r} here. Leave partition out, or mend it."
            raise NotAnswered(422, said)
        before = problem.partitions.window(partition, problem.lookback + 1)[:-1]
        return self._looked_up(partition, lambda: self._named_for(partition, before)) if before else []

    def _named_for(self, partition: str, before: Sequence[str]) -> list[VersionKey]:
        """A past that is not whole is none: features of a batch would be others."""
        heads = self.store.heads(self._asset, before)
        lacking = [key for key in before if key not in heads]
        if lacking:
            raise NotAnswered(
                422,
                f"The history of {partition} is the dataset of {', '.join(lacking)}, and none is stored. Land that first, or "
                "name another partition with partition=….",
            )
        return [heads[key].target for key in before]

    def _looked_up(self, name: str, find: Callable[[], list[VersionKey]]) -> list[VersionKey]:
        """What the branch names, which is looked up anew now and then."""
        at, found = self._named.pop(name, (-math.inf, []))
        if self.clock() - at > self.seconds:
            try:
                at, found = self.clock(), find()
            except StoreUnreachable:
                if not found:
                    raise
                at = self.clock() + AGAIN_SECONDS  # as it was, and nobody waits for the store each time
        self._named = {**dict([*self._named.items()][-KEPT:]), name: (at, found)}
        return found

    def _load(self, key: VersionKey) -> pd.DataFrame:
        if key not in self._rows:
            held = max(KEPT, self.problem.lookback + 1)
            self._rows = {**dict([*self._rows.items()][-held:]), key: self.store.load(key)}
        return self._rows[key]


def _column(name: str, dtype: Any) -> Column:
    """A column of the dataset. A category may be one that no row had before."""
    known: Mapping[str, Any] | None = described(dtype) if str(dtype) == "category" else None
    return Column(name, str(dtype), known)
