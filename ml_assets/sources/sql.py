"""A query -> its rows as an Arrow table, or one clear error. Nothing is rounded on the way, and no secret is in an error.

    postgresql://   ADBC, which gives Arrow (extra ``postgresql``)
    sqlite://       Python's own driver; a column has the one type that its values have
    duckdb://       DuckDB, which gives Arrow; one thread, for sums of doubles differ in their last bits with several
    others          the driver that SQLAlchemy finds; a column has the one type that its values have

A session reads only: PostgreSQL, SQLite and DuckDB are told so. A query that takes too long is cancelled in the database.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.errors import SourceFailed, UsageError
from ml_assets.settings import secret_named
from ml_assets.sources.declared import Sql

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy.engine import URL

LONGEST_QUERY_SHOWN = 300
_NAMES = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|/\*.*?\*/|::|:(?P<name>[A-Za-z_]\w*)""", re.DOTALL)
WATERMARK_SECONDS = 15.0  # a look every minute that takes longer is none


def table_of(name: str, source: Sql, values: Mapping[str, Any], files: Mapping[str, Sequence[str]]) -> pa.Table:
    """All rows of a source, in the order in which they came.

    Args:
        values: what the names in the query stand for.
        files: name in the query -> paths of the landed files that it stands for.
    Raises:
        SourceFailed: if the database cannot be reached, refuses the query, or takes too long, or a column has values that
            no type here holds.
        UsageError: if the connection's variable is not set, or a driver is not installed.
    """
    ask = partial(_answer, source, source.query, values, files, source.timeout_seconds)
    return _plain(name, _asked(name, source, source.query, ask))


def watermark_of(name: str, source: Sql, values: Mapping[str, Any]) -> str | None:
    """What the watermark query says now, as text; None where there is no such query.

    Raises:
        SourceFailed, UsageError: as for ``table_of``.
    """
    if not source.watermark:
        return None
    ask = partial(_answer, source, source.watermark, values, {}, min(WATERMARK_SECONDS, source.timeout_seconds))
    rows = _asked(name, source, source.watermark, ask).to_pylist()
    return "; ".join(", ".join(f"{column} {value}" for column, value in row.items()) for row in rows)


# ---------------------------------------------------------------- errors


def _asked(name: str, source: Sql, query: str, ask: Callable[[], pa.Table]) -> pa.Table:
    """The answer. Whatever a driver raises becomes one error without the URL: drivers quote it, and tracebacks are logged."""
    secret = secret_named(source.connection) if source.connection else ""
    try:
        return ask()
    except SourceFailed:
        raise
    except UsageError as error:
        raise UsageError(f"The source {name!r}: {error}") from None
    except Exception as error:  # each driver has its own
        said = _without_secrets(str(error), secret)
    raise SourceFailed(_failed(name, source, query, said))  # outside: else what the driver said would be in its context


def _failed(name: str, source: Sql, query: str, said: str) -> str:
    where = f"the database of {source.connection}" if source.connection else "DuckDB"
    shown = query if len(query) <= LONGEST_QUERY_SHOWN else f"{query[:LONGEST_QUERY_SHOWN]}…"
    return (
        f"The source {name!r}: {where} did not give what it was asked for: {said.strip().rstrip('.')}. Nothing was kept of it; "
        f"what was made before stays. The query was: {shown}"
    )


def _without_secrets(said: str, secret: str) -> str:
    """A driver's words without the URL, and without the password in it, however it is written."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    hidden = [secret]
    try:
        url = make_url(secret)
        hidden += [str(url.password or ""), *(str(value) for key, value in url.query.items() if "pass" in key)]
    except (ArgumentError, ValueError):  # no URL: all of it is hidden
        pass
    for text in sorted(filter(None, hidden), key=len, reverse=True):
        said = said.replace(text, "•••")
    return said


# ---------------------------------------------------------------- databases


def _answer(
    source: Sql, query: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]], seconds: float
) -> pa.Table:
    url = _url(source.connection) if source.connection else None
    if url is None or url.get_backend_name() == "duckdb":
        return _duckdb(url, query, values, files, seconds)
    return BY_DRIVER.get(url.get_backend_name(), _any)(url, query, values, seconds)


def _url(connection: str) -> URL:
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(secret_named(connection))
    except ArgumentError:
        pass
    raise UsageError(  # outside: what SQLAlchemy says has the value
        f"{connection} holds no URL as SQLAlchemy writes them: postgresql://user:password@host/name, sqlite:////path/to/file.db."
    )


@dataclass(frozen=True)
class _Bound:
    """A query in which numbers stand for values, and these values."""

    query: str
    values: list[Any]

    @classmethod
    def of(cls, query: str, values: Mapping[str, Any], mark: str = "$", colon: str = ":") -> _Bound:
        """From a query with ``:names``; what stands in quotes or comments, and ``::``, is left alone.

        Args:
            mark: what the driver wants before a number.
            colon: how the driver wants a colon to be written that marks nothing.
        Raises:
            SourceFailed: if a name stands for nothing.
        """
        used = list(dict.fromkeys(found["name"] for found in _NAMES.finditer(query) if found["name"]))
        if unknown := [name for name in used if name not in values]:
            known = ", ".join(f":{name}" for name in values)
            raise SourceFailed(f"The query names :{unknown[0]}, which stands for nothing; there are {known}.")

        def written(at: re.Match[str]) -> str:
            return f"{mark}{used.index(at['name']) + 1}" if at["name"] else at[0].replace(":", colon)

        return cls(_NAMES.sub(written, query), [values[name] for name in used])


def _postgresql(url: URL, query: str, values: Mapping[str, Any], seconds: float) -> pa.Table:
    try:
        from adbc_driver_postgresql import dbapi
    except ImportError as error:
        raise UsageError("PostgreSQL is read through ADBC: pip install 'ml_assets[postgresql]'.") from error
    bound = _Bound.of(query, values)
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(dbapi.connect(plain, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
        cursor.execute("set default_transaction_read_only = on")
        with _cancelling(cursor.adbc_cancel, seconds):
            cursor.execute(bound.query, bound.values or None)
            return cursor.fetch_arrow_table()


def _sqlite(url: URL, query: str, values: Mapping[str, Any], seconds: float) -> pa.Table:
    import sqlite3

    bound = _Bound.of(query, {name: _as_text(value) for name, value in values.items()}, "?")
    if url.database and not Path(url.database).exists():
        raise ValueError("there is no file where its URL says")
    path = f"file:{url.database}?mode=ro"
    connection = sqlite3.connect(path, uri=True, check_same_thread=False)
    with closing(connection), _cancelling(connection.interrupt, seconds):
        cursor = connection.execute(bound.query, bound.values)
        return _of_rows([column[0] for column in cursor.description], cursor.fetchall())


def _duckdb(
    url: URL | None, query: str, values: Mapping[str, Any], files: Mapping[str, Sequence[str]], seconds: float
) -> pa.Table:
    import duckdb

    bound = _Bound.of(query, values)
    database = url.database if url is not None and url.database else ":memory:"
    with closing(duckdb.connect(database, read_only=database != ":memory:")) as connection:
        connection.execute("set threads = 1; set TimeZone = 'UTC'")
        for name, paths in files.items():
            connection.register(name, _landed(connection, paths))
        with _cancelling(connection.interrupt, seconds):
            return connection.sql(bound.query, params=bound.values).to_arrow_table()


def _landed(connection: Any, paths: Sequence[str]) -> Any:
    is_table = paths[0].endswith(".parquet")
    return connection.read_parquet(list(paths)) if is_table else connection.read_csv(list(paths), all_varchar=True)


def _any(url: URL, query: str, values: Mapping[str, Any], seconds: float) -> pa.Table:
    """Through SQLAlchemy. Only the wait is bounded by ``seconds``: not every driver can cancel a query."""
    from sqlalchemy import create_engine, text

    bound = _Bound.of(query, values, ":_", colon="\\:")
    named = {f"_{at}": value for at, value in enumerate(bound.values, start=1)}
    connection = create_engine(url).connect().execution_options(stream_results=True)
    with connection, _cancelling(connection.invalidate, seconds):
        result = connection.execute(text(bound.query), named)
        return _of_rows(list(result.keys()), [tuple(row) for row in result])


@contextmanager
def _cancelling(cancel: Callable[[], Any], seconds: float) -> Iterator[None]:
    """What takes longer is cancelled, and said to be."""
    is_late = threading.Event()

    def late() -> None:
        is_late.set()
        cancel()

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()
    try:
        yield
    except Exception as error:  # of any driver
        if is_late.is_set():
            raise TimeoutError(
                f"it took longer than {seconds:g} seconds and was cancelled; narrow it, or allow more: Sql(timeout_seconds=…)"
            ) from error
        raise
    finally:
        timer.cancel()


# ---------------------------------------------------------------- rows


def _of_rows(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows of Python values as a table: a column has the type that all of its values have."""
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) if rows else [()] * len(names)
    return pa.table([_column(name, values) for name, values in zip(names, columns, strict=True)], names=list(names))


def _column(name: str, values: Sequence[Any]) -> pa.Array:
    import pyarrow as pa

    kinds = sorted({type(value).__name__ for value in values if value is not None})
    if len(kinds) > 1:
        raise ValueError(
            f"its column {name!r} has values of several types, {' and '.join(kinds)}: cast it in the query"
        )
    return pa.array(values)


def _plain(name: str, table: pa.Table) -> pa.Table:
    """The table without what its driver noted; PostgreSQL's numbers of any width, which ADBC gives as text, as decimals."""
    import pyarrow as pa

    if len(set(table.column_names)) < table.num_columns:
        raise SourceFailed(f"The source {name!r} has two columns of one name: give each its own, with 'as'.")
    for at, field in enumerate(table.schema):
        if isinstance(field.type, pa.OpaqueType):
            table = table.set_column(at, field.name, _decimals(name, field, table[field.name]))
    return pa.table(list(table.columns), names=table.column_names)


def _decimals(name: str, field: pa.Field, column: pa.ChunkedArray) -> pa.Array:
    import pyarrow as pa

    if field.type.type_name != "numeric":
        raise SourceFailed(
            f"The source {name!r}: its column {field.name!r} is of the type {field.type.type_name}, which no column here holds. "
            f"Say in the query what it is to be: cast({field.name} as text)."
        )
    storage = column.cast(field.type.storage_type).to_pylist()
    return pa.array([None if value is None else Decimal(value) for value in storage])


def _as_text(value: Any) -> Any:
    """SQLite has no times: as its own functions write them, in UTC."""
    return value.strftime("%Y-%m-%d %H:%M:%S") if hasattr(value, "strftime") else value


BY_DRIVER = {"postgresql": _postgresql, "sqlite": _sqlite}
