"""The rows of several partitions in one frame: each column in the one type that holds all of its values (``values.py``).

A column without that type is refused with the names of both types. Where columns are only passed on (keys, history), one that
is two things altogether, text and numbers say, becomes objects, as in pandas; nothing is ever rounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.categories import united
from ml_assets.errors import FeatureMismatch
from ml_assets.values import in_one_type, is_number, is_time

if TYPE_CHECKING:
    import pandas as pd


def joined(frames: Mapping[str, pd.DataFrame], of: str, *, strict: bool = False) -> pd.DataFrame:
    """The rows of all frames in order, with a default index; a column that one lacks is missing there.

    Args:
        frames: partition -> its rows, at least one.
        of: what the columns are, as errors call them: ``feature``.
        strict: refuse also columns that are two things altogether.
    Raises:
        FeatureMismatch: if no type holds the values of a column.
    """
    import pandas as pd

    frames = dict(zip(frames, united(frames), strict=True))
    apart = {name: column for name in _changing(frames) if (column := _united(name, frames, of, strict)) is not None}
    rest = [frame.drop(columns=[name for name in apart if name in frame]) for frame in frames.values()]
    whole = pd.concat(rest, ignore_index=True).assign(**apart)
    return whole[list(dict.fromkeys(name for frame in frames.values() for name in frame))]


def pair(one: pd.Series, other: pd.Series) -> tuple[pd.Series, pd.Series] | None:
    """Two columns of one name in the type that they have in common; None if there is none."""
    return in_one_type(one, other)


def _changing(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """The columns that do not have one type in all frames. (Categories have one list by now.)"""
    import pandas as pd

    types: dict[str, list[Any]] = {}
    for frame in frames.values():
        for name, dtype in frame.dtypes.items():
            types.setdefault(str(name), []).append(dtype)
    return [
        name
        for name, of in types.items()
        if len(of) < len(frames) or any(dtype != of[0] for dtype in of)
        if not all(isinstance(dtype, pd.CategoricalDtype) for dtype in of)
    ]


def _united(name: str, frames: Mapping[str, pd.DataFrame], of: str, strict: bool) -> pd.Series | None:
    """All values of a column in order, with a default index; None where pandas may make objects of them."""
    import pandas as pd

    columns = {partition: _column(frame, name) for partition, frame in frames.items()}
    (first, known), *rest = columns.items()
    for partition, column in rest:
        both = pair(known, column)
        if both is None and not strict and not _would_be_rounded(known, column):
            return None
        if both is None:
            raise _apart(name, of, (first, known), (partition, column))
        known = pd.concat(both, ignore_index=True)
    return known


def _column(frame: pd.DataFrame, name: str) -> pd.Series:
    import pandas as pd

    return frame[name] if name in frame else pd.Series(None, index=frame.index, dtype=object)


def _would_be_rounded(one: pd.Series, other: pd.Series) -> bool:
    """Whether pandas would find a type for both that does not hold their values."""
    return all(map(is_number, (one, other))) or all(map(is_time, (one, other)))


def _apart(name: str, of: str, one: tuple[str, pd.Series], other: tuple[str, pd.Series]) -> FeatureMismatch:
    said = " and ".join(f"{column.dtype} in {partition}" for partition, column in (one, other))
    return FeatureMismatch(
        f"The {of} {name!r} is {said}, and no type holds the values of both as they are. Give it one type in every partition, "
        f"in the problem's dataset() or features(), such as .astype('{other[1].dtype}'); then materialize {one[0]} again."
    )
