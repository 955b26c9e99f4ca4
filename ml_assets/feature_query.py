"""Features as a query: DuckDB over the rows of a partition and those of the partitions before it.

One thread computes, so that sums of floats repeat to the last bit; what does not fit into memory goes to a temporary folder. The
query reaches nothing else: no file, no network, no clock.
"""

from __future__ import annotations

import sys
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem, UsageError
from ml_assets.store import frame_of

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

ROW = "row"
FILE = ".sql"
NEVER_THE_SAME = ("now", "today", "random", "uuid", "gen_random_uuid")
"""Functions that give another thing each time; the clock's, besides, need no parentheses."""
CLOCK = ("current_date", "current_time", "current_timestamp")
NOTHING_ELSE = (
    "set threads = 1; set TimeZone = 'UTC'; set enable_external_access = false; set lock_configuration = true"
)


@dataclass(frozen=True)
class FeatureQuery:
    """What stands for ``features`` in a ``Problem``: ``features=FeatureQuery("features.sql", __name__)``.

    The query knows two tables. ``data`` is the partition's dataset, with the number of each row in the column ``row``;
    ``history`` has the datasets of the ``lookback`` partitions before it, in order of time. It gives a row for each row of
    ``data``, in any order: its ``row``, and beside it the features.

    Attributes:
        query: a select of DuckDB, or the name of a file with one, which ends with ``.sql``.
        module: ``__name__`` of the module beside which the file is.
    """

    query: str
    module: str = ""
    text: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "text", self._read() if self.query.endswith(FILE) else self.query)
        object.__setattr__(self, "__module__", self.module or __name__)  # where people look for it

    def counts(self) -> dict[str, Any]:
        """What makes it another query: its words, but neither comments nor layout, nor how keywords are written."""
        return {"query": " ".join(self._words)}

    def __call__(self, history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
        """The features of each row of ``data``, with its index.

        Raises:
            InvalidProblem: if DuckDB refuses the query, or it gives other rows, two columns of one name, or a type that is none
                of a feature.
        """
        self._refuse_what_changes()
        if ROW in data.columns:
            raise InvalidProblem(
                f"{self}: the dataset has a column {ROW!r}, which is the number of a row here. Rename it."
            )
        table = self._asked(history, data)
        if ROW not in table.column_names:
            raise InvalidProblem(f"{self}: it gives no column {ROW!r}. Begin it with: select data.{ROW}, …")
        return self._frame(table, data)

    def __str__(self) -> str:
        return (
            f"FeatureQuery {self.query}"
            if self.query.endswith(FILE)
            else f"FeatureQuery {' '.join(self.text.split())[:80]}"
        )

    def _read(self) -> str:
        file = getattr(sys.modules.get(self.module), "__file__", None)
        path = Path(file).parent / self.query if file else Path(self.query)
        try:
            return path.read_text()
        except OSError as error:
            raise InvalidProblem(
                f"FeatureQuery {self.query}: there is no such file beside the module that declares it: {path}. Say which module "
                f"that is: FeatureQuery({self.query!r}, __name__)."
            ) from error

    @cached_property
    def _words(self) -> list[str]:
        return _words(self)

    def _refuse_what_changes(self) -> None:
        words = [word.lower() for word in self._words]
        called = [word for word, after in pairwise(words) if word in NEVER_THE_SAME and after == "("]
        found = [*called, *(word for word in words if word in CLOCK)]
        if found:
            raise InvalidProblem(
                f"{self}: {found[0]} is another thing each time, so nothing that is made of it could be made again. Use a "
                "column of the dataset."
            )

    def _asked(self, history: pd.DataFrame, data: pd.DataFrame) -> pa.Table:
        import duckdb
        import pyarrow as pa

        rows = pa.array(range(len(data)), pa.int64())
        tables = {"history": _table(history), "data": _table(data).append_column(ROW, rows)}
        with tempfile.TemporaryDirectory() as spilled, closing(duckdb.connect()) as connection:
            connection.execute(f"set temp_directory = '{spilled}'")
            connection.execute(NOTHING_ELSE)
            for name, table in tables.items():
                connection.register(name, table)
            try:
                return connection.sql(self.text).to_arrow_table()
            except duckdb.Error as error:
                raise InvalidProblem(f"{self}: DuckDB refuses it: {str(error).strip()}") from error

    def _frame(self, table: pa.Table, data: pd.DataFrame) -> pd.DataFrame:
        import pyarrow as pa

        twice = sorted({name for name in table.column_names if table.column_names.count(name) > 1})
        if twice:
            raise InvalidProblem(f"{self}: it gives two columns {twice[0]!r}. Give each its own name, with as.")
        for column in table.schema:
            if pa.types.is_decimal(column.type):
                raise InvalidProblem(
                    f"{self}: its column {column.name!r} is {column.type}, which no feature is (a sum of whole numbers is one). "
                    f"Say what it is to be: cast({column.name} as bigint), or as double."
                )
        numbers = table[ROW].to_pylist()
        if sorted(numbers, key=lambda at: -1 if at is None else at) != list(range(len(data))):
            raise InvalidProblem(
                f"{self}: it gives {len(numbers):,} rows for {len(data):,} rows of data, or some of them twice. A join may lose "
                "or double rows: each row of data is to come out once."
            )
        return frame_of(table.drop_columns([ROW])).set_axis(data.index[numbers])


def _table(frame: pd.DataFrame) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_pandas(frame, preserve_index=False)


def _words(query: FeatureQuery) -> list[str]:
    try:
        from sqlglot import TokenType, tokenize
        from sqlglot.errors import SqlglotError
    except ImportError as error:
        raise UsageError("A query as features is compared by sqlglot: pip install 'ml_assets[sql]'.") from error
    try:
        tokens = tokenize(query.text, dialect="duckdb")
    except SqlglotError as error:
        raise InvalidProblem(f"{query}: {error}") from error
    quoted = {TokenType.STRING: "'", TokenType.HEREDOC_STRING: "$$", TokenType.IDENTIFIER: '"'}
    kept = {TokenType.VAR, TokenType.NUMBER, *quoted}
    return [
        f"{mark}{one.text}{mark}"
        if (mark := quoted.get(one.token_type, ""))
        else one.text
        if one.token_type in kept
        else one.text.lower()
        for one in tokens
    ]
