"""Landed files as they must be: the columns that are wanted, each of its type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableFile

if TYPE_CHECKING:
    import pandas as pd

UTC_MICROSECONDS = "datetime64[us, UTC]"


def typed(frame: pd.DataFrame, name: str, columns: Mapping[str, str]) -> pd.DataFrame:
    """The named columns of a landed file, each of its type; others are left out, so that a new one upstream changes nothing.

    Raises:
        UnreadableFile: if it lacks columns or holds other types.
    """
    if lacking := [column for column in columns if column not in frame.columns]:
        raise UnreadableFile(
            f"{name} lacks the columns {', '.join(lacking)}; it has {', '.join(map(str, frame.columns)) or 'none'}. "
            "It was cut or comes from another source. Land the file as it was published."
        )
    return frame[list(columns)].assign(
        **{column: _converted(frame[column], f"{name}: column {column}", dtype) for column, dtype in columns.items()}
    )


def _converted(values: pd.Series, name: str, dtype: str) -> pd.Series:
    import pandas as pd

    try:
        if dtype == UTC_MICROSECONDS:
            return pd.to_datetime(values, utc=True).dt.as_unit("us")
        return values.astype(pd.api.types.pandas_dtype(dtype))
    except (ValueError, TypeError) as error:
        raise UnreadableFile(f"{name} does not hold {dtype}: {error}. Land the file as it was published.") from error
