"""SQL over everything that a store has recorded: DuckDB on an index of its manifests and logs.

    sql(store, "SELECT problem, sum(wall_seconds) FROM versions GROUP BY problem", cache).frame()

Queries only read, and only the tables: not files, not the network, not other variables of the program. They run on a
database of their own in memory, which is locked before the query is looked at and gone after it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UsageError
from ml_assets.lineage.index.tables import TABLES, Table
from ml_assets.lineage.index.update import current
from ml_assets.store import Store

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

LOCKED = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # a name that is no table could be a variable of this program
    "temp_directory": "",  # what does not fit in memory fails, instead of being written to the current folder
    "enable_external_access": False,
    "lock_configuration": True,  # last: nothing can be set after it
}


@dataclass(frozen=True)
class Result:
    """The answer of a query.

    Attributes:
        rows: plain Python values; times are UTC, without zone.
        more: there are more rows than were asked for.
        warnings: what in the store could not be read and is missing from the tables; sentences.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    more: bool = False
    warnings: tuple[str, ...] = ()

    def frame(self) -> pd.DataFrame:
        """The rows as a DataFrame, for notebooks."""
        import pandas as pd

        values = zip(*self.rows, strict=True) if self.rows else [()] * len(self.columns)
        return pd.DataFrame({name: _as_column(of) for name, of in zip(self.columns, values, strict=True)})


def _as_column(values: Sequence[Any]) -> pd.Series:
    """Plain values as pandas reads them, except that it would round whole numbers of which one is missing."""
    import pandas as pd

    kinds = {type(value) for value in values} - {type(None)}
    if None in values and kinds in ({int}, {bool}) and all(abs(value or 0) < 2**63 for value in values):
        return pd.Series(list(values), dtype="Int64" if kinds == {int} else "boolean")
    return pd.Series(list(values))


def sql(
    store: Store,
    query: str,
    cache: Path | None,
    *,
    limit: int | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> Result:
    """Answer a query about everything recorded in the store, by anybody, on any branch; see ``TABLES``.

    Args:
        cache: a folder where the index of the store is kept (of other stores too); None: it is made anew each time.
        limit: give at most so many rows.
        tell: is told how far it is where the index takes long, as it does for the first time.
    Raises:
        UsageError: if it is no query, or asks for what there is not.
        StoreUnreachable: if the store does not answer.
    """
    import duckdb

    with _explained(), duckdb.connect(":memory:") as database:
        _refuse_all_but_one_question(database, query)
        warnings = _fill(database, store, _mentioned(query), cache, tell)
        for name, value in LOCKED.items():
            database.execute(f"SET {name} = '{value}'")
        columns, rows = _answer(database, query, limit)
    return Result(columns, rows[:limit], limit is not None and len(rows) > limit, warnings)


def _answer(
    database: duckdb.DuckDBPyConnection, query: str, limit: int | None
) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Columns and rows, one more than the limit where there are more. Ctrl-C ends it.

    In a thread of its own: DuckDB looks for signals between its tasks only, and a join of everything with everything is one.
    """

    def answer() -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
        asked = database.execute(query)
        columns = _each_once([column[0] for column in asked.description or ()])
        return columns, asked.fetchall() if limit is None else asked.fetchmany(limit + 1)

    with ThreadPoolExecutor(1) as pool:
        asking = pool.submit(answer)
        try:
            return asking.result()
        except KeyboardInterrupt:
            database.interrupt()
            raise


def _each_once(names: Sequence[str]) -> tuple[str, ...]:
    """Names of columns, of which two tables may have the same: ``digest``, ``digest_1``."""
    found: list[str] = []
    for name in names:
        spellings = chain([name], (f"{name}_{n}" for n in count(1)))
        found.append(next(each for each in spellings if each not in found))
    return tuple(found)


def _mentioned(query: str) -> tuple[Table, ...]:
    """The tables that the query may ask for: any whose name is in it; all for one like SHOW TABLES."""
    words = set(re.findall(r"\w+", query.lower()))
    return tuple(table for table in TABLES if table.name in words) or TABLES


def _fill(
    database: duckdb.DuckDBPyConnection,
    store: Store,
    tables: tuple[Table, ...],
    cache: Path | None,
    tell: Callable[[str], None],
) -> tuple[str, ...]:
    """Make the tables; what could not be read of them."""
    warnings: list[str] = []
    for source in dict.fromkeys(table.source for table in tables):
        found = current(store, source, cache, tell)
        warnings += found.warnings
        database.register("source", found.rows)
        for table in tables:
            if table.source == source:
                database.execute(f"CREATE TABLE {table.name} AS {table.select}")
        database.unregister("source")
    return tuple(warnings)


def _refuse_all_but_one_question(database: duckdb.DuckDBPyConnection, query: str) -> None:
    statements = [statement.type.name for statement in database.extract_statements(query)]
    if statements != ["SELECT"]:
        found = f"{len(statements)} statements" if len(statements) != 1 else f"a statement of kind {statements[0]}"
        raise UsageError(
            f"This is {found}; one question can be asked at a time, and nothing can be changed. "
            "Write one SELECT, WITH, DESCRIBE, SHOW or SUMMARIZE."
        )


@contextmanager
def _explained() -> Iterator[None]:
    """Turn what DuckDB finds wrong with a query into an error that says what there is; it names near names itself."""
    import duckdb

    try:
        yield
    except duckdb.PermissionException as error:
        raise UsageError(
            f"The query may only read the tables of the store. {_said(error)}\nLoad files in a notebook and join them with "
            "store.sql(…)."
        ) from None
    except duckdb.Error as error:
        raise UsageError(f"The query cannot be answered. {_said(error)}\nTables and columns: ml-assets sql") from None


def _said(error: duckdb.Error) -> str:
    """What is wrong, what would be right, and the line with a mark below the place."""
    return "\n".join(line for line in str(error).splitlines() if line.strip())
