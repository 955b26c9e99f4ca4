"""What `POST /problems/{name}/predict` takes: rows as JSON, or an Arrow stream.

    {"rows": [{"clouds": 0.3, "shop": "east"}, …]}          records; a list of them will do as well
    {"columns": {"clouds": [0.3, …], "shop": ["east", …]}}  columns
    an Arrow stream, as application/vnd.apache.arrow.stream

Beside the rows JSON may have ``raw``, ``partition`` and ``unknown_categories``, which may also be parameters of the address.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import NotAnswered
from ml_assets.serving.columns import Unknown

if TYPE_CHECKING:
    import pandas as pd

JSON, ARROW = "application/json", "application/vnd.apache.arrow.stream"
RAW, FEATURES = "raw", "features"
OPTIONS = ("rows", "columns", "raw", "partition", "unknown_categories")
EXAMPLE = '{"rows": [{"a_feature": 1.5}]} or {"columns": {"a_feature": [1.5]}}'


@dataclass(frozen=True)
class Asked:
    """Rows, and how they are to be answered.

    Attributes:
        columns: name -> values of all rows.
        rows: how many there are.
        raw: whether they are rows of the dataset, of which features are to be made.
        partition: of raw rows the partition that they belong to; empty: as their times say.
        unknown: what becomes of categories that the model does not know.
    """

    columns: Mapping[str, Any]
    rows: int
    raw: bool = False
    partition: str = ""
    unknown: Unknown = "refuse"


def asked(body: bytes, content_type: str, options: Mapping[str, str], most_rows: int) -> Asked:
    """Read a body.

    Args:
        options: the parameters of the address.
    Raises:
        NotAnswered: 400 if it cannot be read, 413 if it has too many rows, 415 if it is of another form, 422 if it has none.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == ARROW:
        columns = columns_of_arrow(body)
        found = Asked(columns, len(next(iter(columns.values()), ())))
    elif kind in ("", JSON) or kind.endswith("+json"):
        found = _of_json(json_of(body), options)
    else:
        raise NotAnswered(415, f"The body is {kind!r}. Send {JSON} or {ARROW}.")
    refuse_rows(found.rows, most_rows)
    return _with(found, options)


def json_of(body: bytes) -> Any:
    """The value that a body is in JSON.

    Raises:
        NotAnswered: if it is none.
    """
    try:
        return json.loads(body)
    except RecursionError:
        raise NotAnswered(400, f"The body is nested too deeply to be read. Send {EXAMPLE}.") from None
    except ValueError as error:
        raise NotAnswered(400, f"The body is no JSON: {error}. Send {EXAMPLE}.") from None


def refuse_rows(rows: int, most: int) -> None:
    """Raise NotAnswered unless there are some, and not too many."""
    if rows == 0:
        raise NotAnswered(422, f"There are no rows. Send {EXAMPLE}.")
    if rows > most:
        raise NotAnswered(
            413, f"There are {rows:,} rows, and a request may have {most:,}. Send them in several requests."
        )


def columns_of_arrow(body: bytes) -> dict[str, pd.Series]:
    """The columns of an Arrow stream.

    Raises:
        NotAnswered: if it is none.
    """
    import pyarrow as pa

    from ml_assets.store import frame_of

    try:
        table = pa.ipc.open_stream(body).read_all()
        table.validate(full=True)
        names = [str(name) for name in table.column_names]
        if len(set(names)) < len(names):
            raise NotAnswered(422, "Two columns have one name. Give each a name of its own.")
        frame = frame_of(table.replace_schema_metadata(None))
    except (pa.ArrowException, ValueError, TypeError, NotImplementedError, OSError, KeyError, AttributeError) as error:
        said = f"{error}".splitlines()[:1]
        raise NotAnswered(
            400,
            f"The body is no Arrow stream that can be read: {' '.join(said)}. Write it with pyarrow.ipc.new_stream.",
        ) from None
    return {str(name): column for name, column in frame.items()}


def _of_json(given: Any, options: Mapping[str, str]) -> Asked:
    held = {"rows": given} if isinstance(given, list) else given
    if not isinstance(held, dict):
        raise NotAnswered(400, f"The body is {_called(given)}. Send {EXAMPLE}.")
    strange = [name for name in held if name not in OPTIONS]
    if strange:
        raise NotAnswered(
            400, f"The body has {strange[0][:60]!r}, which says nothing here. Send {EXAMPLE}; beside it {_beside()}."
        )
    if ("rows" in held) == ("columns" in held):
        raise NotAnswered(400, f"The body must have either rows or columns. Send {EXAMPLE}.")
    columns, rows = _of_records(held["rows"]) if "rows" in held else _of_columns(held["columns"])
    raw, partition = held.get("raw", False), held.get("partition", "")
    if not isinstance(raw, bool) or not isinstance(partition, str):
        raise NotAnswered(400, f"raw is true or false, partition is text. Beside the rows there may be {_beside()}.")
    return Asked(columns, rows, raw, partition, _unknown(held.get("unknown_categories", "refuse")))


def _of_records(records: Any) -> tuple[dict[str, list[Any]], int]:
    """Name -> values; a record that lacks a column that others have is refused, not filled in."""
    if not isinstance(records, list):
        raise NotAnswered(400, f"rows is {_called(records)}. Send {EXAMPLE}.")
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            raise NotAnswered(422, f"Row {row} is {_called(record)}, no object of columns. Send {EXAMPLE}.", row=row)
    first = records[0] if records else {}
    try:
        return {name: [record[name] for record in records] for name in first}, len(records)
    except KeyError as lacking:
        name = str(lacking.args[0])
        row = next(n for n, record in enumerate(records) if name not in record)
        raise NotAnswered(
            422,
            f"Column {name!r}, row {row}: it is missing, and other rows have it. Send null where a value is not known.",
            column=name,
            row=row,
        ) from None


def _of_columns(columns: Any) -> tuple[dict[str, list[Any]], int]:
    if not isinstance(columns, dict):
        raise NotAnswered(400, f"columns is {_called(columns)}. Send {EXAMPLE}.")
    for name, values in columns.items():
        if not isinstance(values, list):
            raise NotAnswered(
                422,
                f"Column {name!r} is {_called(values)}, no list of the values of all rows. Send {EXAMPLE}.",
                column=name,
            )
    rows = len(next(iter(columns.values()), []))
    odd = next((name for name, values in columns.items() if len(values) != rows), None)
    if odd is not None:
        raise NotAnswered(
            422,
            f"Column {odd!r} has {len(columns[odd])} values, and {next(iter(columns))!r} has {rows}. Send a value of each column "
            "for every row; null where it is not known.",
            column=odd,
        )
    return columns, rows


def _with(found: Asked, options: Mapping[str, str]) -> Asked:
    """With what the address says: that counts where both say something."""
    rows = options.get("rows", RAW if found.raw else FEATURES)
    if rows not in (RAW, FEATURES):
        raise NotAnswered(400, f"rows={rows[:60]!r} says nothing. Write rows=raw, or rows=features.")
    unknown = _unknown(options.get("unknown_categories", found.unknown))
    return Asked(found.columns, found.rows, rows == RAW, options.get("partition", found.partition), unknown)


def _unknown(said: Any) -> Unknown:
    if said == "missing":
        return "missing"
    if said != "refuse":
        raise NotAnswered(400, "unknown_categories is 'refuse' or 'missing'. Leave it out to have them refused.")
    return "refuse"


def _beside() -> str:
    return '"raw": true, "partition": "…", "unknown_categories": "missing"'


def _called(value: Any) -> str:
    names: Sequence[tuple[type, str]] = (
        (bool, "a truth"), (str, "text"), (int, "a number"), (float, "a number"), (list, "a list"), (dict, "an object"),
    )  # fmt: skip
    return next((name for kind, name in names if isinstance(value, kind)), "null")
