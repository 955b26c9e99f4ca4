"""pandas.DataFrame -> Parquet. What would not come back with the same types is refused when it is written."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json, canonical, parse
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

if TYPE_CHECKING:
    import pandas as pd

CATEGORIES = b"ml_assets.categories"


class TableCodec:
    """Files: ``table.parquet``: zstd, pandas' metadata, and the categories of categorical columns."""

    name = "table"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "pandas", "DataFrame"):
            return None
        data = to_parquet(value)
        _refuse_changes(value, from_parquet(data))
        return Encoded(self.name, {}, {"table.parquet": data})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return from_parquet(parts["table.parquet"])


def to_parquet(frame: pd.DataFrame) -> bytes:
    """Equal frames give equal bytes with the same pyarrow and pandas.

    Raises:
        UnsupportedType: if a column or its name has no Parquet type.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    _refuse_names(frame)
    categories = _categories(frame)
    try:
        table = pa.Table.from_pandas(frame)
        table = table.replace_schema_metadata({**(table.schema.metadata or {}), CATEGORIES: canonical(categories)})
        buffer = io.BytesIO()
        pq.write_table(table, buffer, compression="zstd")
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UnsupportedType(
            f"A DataFrame has a column without a Parquet type: {error}. Convert that column."
        ) from error
    return buffer.getvalue()


def from_parquet(data: bytes) -> pd.DataFrame:
    """The frame, with the dtypes and index it had."""
    import pandas as pd
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(pa.BufferReader(data))
        frame: pd.DataFrame = table.to_pandas()
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error
    for name, kind in parse((table.schema.metadata or {}).get(CATEGORIES, b"{}")).items():
        dtype = pd.CategoricalDtype(pd.Index(kind["categories"], dtype=kind["dtype"]), ordered=kind["ordered"])
        if frame[name].dtype != dtype:
            frame[name] = frame[name].astype(dtype)
    return frame


def _categories(frame: pd.DataFrame) -> dict[str, Json]:
    """The categories of categorical columns: Parquet forgets unused ones, numbers, and all of them without rows."""
    import pandas as pd

    kinds = {}
    for name, dtype in frame.dtypes.items():
        if isinstance(dtype, pd.CategoricalDtype):
            values = dtype.categories
            if str(values.dtype) not in ("str", "int64", "float64", "bool"):
                raise UnsupportedType(
                    f"Column {name!r} has categories of type {values.dtype}; str, int64, float64 and bool can be "
                    f"stored. Convert it: frame[{name!r}].astype('str').astype('category')."
                )
            kinds[str(name)] = {
                "categories": values.tolist(), "dtype": str(values.dtype), "ordered": bool(dtype.ordered)
            }  # fmt: skip
    return kinds


def _refuse_names(frame: pd.DataFrame) -> None:
    odd = [name for name in frame.columns if type(name) is not str]
    if odd or not frame.columns.is_unique:
        raise UnsupportedType(
            f"A DataFrame's columns must have unique names of type str; {odd or list(frame.columns)} cannot be stored. "
            "Rename them: frame.columns = frame.columns.map(str)."
        )


def _refuse_changes(frame: pd.DataFrame, stored: pd.DataFrame) -> None:
    """Refuse a frame that would come back with other dtypes or another index than it has."""
    for name in frame.columns:
        if frame[name].dtype != stored[name].dtype:
            raise UnsupportedType(
                f"Column {name!r} is {frame[name].dtype} and would come back as {stored[name].dtype}. "
                f"Convert it before you return the DataFrame, e.g. frame[{name!r}].astype('{stored[name].dtype}')."
            )
    if not frame.index.equals(stored.index) or frame.index.names != stored.index.names:
        raise UnsupportedType(f"The index {frame.index!r} would not come back as it is. Use frame.reset_index().")
