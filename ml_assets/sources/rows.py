"""Rows of a source, in whatever order and library they came: one Arrow table in one order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import SourceFailed

if TYPE_CHECKING:
    import pyarrow as pa


def in_one_order(table: pa.Table, entity: str) -> pa.Table:
    """The rows ordered by the entity, where there is such a column, then by all columns that have an order.

    A database gives rows in any order; equal rows shall be equal bytes.
    """
    import pyarrow.compute as pc

    names = sorted((field.name for field in table.schema if _has_order(field.type)), key=lambda name: name != entity)
    if not names or not len(table):
        return table
    places = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names])
    return table.take(places)


def _has_order(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return not (pa.types.is_nested(kind) or pa.types.is_dictionary(kind) or isinstance(kind, pa.BaseExtensionType))


def table_from(name: str, value: Any) -> pa.Table:
    """What another asset's IO manager gave, as one table; of several partitions all rows, in order of their keys.

    Args:
        value: a DataFrame of pandas or polars, an Arrow table, or a mapping of partition keys to such.
    Raises:
        SourceFailed: if it is none of these, or tables of several partitions have columns that do not unite.
    """
    import pandas as pd
    import pyarrow as pa

    if isinstance(value, Mapping):
        return _united(name, [table_from(name, value[key]) for key in sorted(value)])
    if isinstance(value, pa.Table):
        return value
    if isinstance(value, pd.DataFrame):
        return pa.Table.from_pandas(value, preserve_index=False)
    if hasattr(value, "__arrow_c_stream__"):
        return pa.table(value)
    raise SourceFailed(
        f"The source {name!r}: its IO manager gave a {type(value).__name__}, which is no table. Give a DataFrame or an Arrow "
        "table, or say how its rows are read: Upstream(…, query=Sql(…))."
    )


def _united(name: str, tables: list[pa.Table]) -> pa.Table:
    import pyarrow as pa

    if not tables:
        raise SourceFailed(f"The source {name!r}: none of the partitions that it is made from is there.")
    try:
        return pa.concat_tables(tables, promote_options="default")
    except pa.ArrowException as error:
        raise SourceFailed(f"The source {name!r}: its partitions have different columns: {error}.") from error
