"""A column in another type, if that type holds all of its values; and the type that holds those of two columns.

The same column is written as different types from month to month: with a value missing whole numbers become nullable or
floats, another writer has other widths and other units of time, a column without any value has no type at all. Such columns
are one column. What is another thing (text and numbers, times with a zone and without, truths and whole numbers), or would be
rounded, has no common type:

    whole numbers          the wider type; nullable if one is; of int64 and uint64 the one that holds all values
    whole numbers, floats  float64 if it holds each of the whole numbers exactly, else whole numbers if the floats are
    floats                 only of one width: float32 holds rounded values of another quantity
    truths                 bool, boolean, objects that are True, False or missing
    instants, durations    the finer unit if it reaches as far, else the coarser one if nothing is finer; zones must be equal
    text                   str
    no value at all        the type of the other
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

EXACT_IN_FLOATS = 2**53  # up to here each whole number is a float64
UNITS = ("ns", "us", "ms", "s")  # finest first
WHOLE, FLOAT, TRUTH, INSTANT, DURATION, TEXT, OTHER = "whole", "float", "truth", "instant", "duration", "text", "other"


def as_type(column: pd.Series, dtype: Any) -> pd.Series | None:
    """The column as ``dtype``; None if that does not hold all of its values and what is missing, or is another thing."""
    import pandas as pd

    wanted = pd.api.types.pandas_dtype(dtype)
    if column.dtype == wanted:
        return column
    if _is_empty(column):
        return _missing(column, wanted)
    convert = _CONVERSIONS.get((_kind(column), _kind_of_type(wanted)))
    if convert is None or (column.hasnans and not _holds_missing(wanted)):
        return None
    return convert(column, wanted)


def as_declared(frame: pd.DataFrame, types: Mapping[str, Any]) -> pd.DataFrame:
    """The frame with each of these columns in its declared type, if that holds all of its values; others stay as they are.

    So a column that landed as int64 in a month that lacks no value, and as Int64 in the next one, is what the schema says in
    both; what does not fit is left for the schema to refuse.
    """
    other = {name: dtype for name, dtype in types.items() if name in frame and frame[name].dtype != dtype}
    typed = {name: as_type(frame[name], dtype) for name, dtype in other.items()}
    return frame.assign(**{name: column for name, column in typed.items() if column is not None})


def in_one_type(one: pd.Series, other: pd.Series) -> tuple[pd.Series, pd.Series] | None:
    """Both columns in the type that holds all of their values; None if there is none."""
    for dtype in _candidates(one, other):
        both = as_type(one, dtype), as_type(other, dtype)
        if both[0] is not None and both[1] is not None:
            return both[0], both[1]
    return None


def as_numpy(frame: pd.DataFrame) -> pd.DataFrame:
    """Nullable numbers as floats with NaN, which estimators and arrays take; as they are where that would round one."""
    nullable = {str(name): column for name, column in frame.items() if is_nullable_number(column)}
    plain = {name: as_type(column, _float_name(column.dtype)) for name, column in nullable.items()}
    return frame.assign(**{name: column for name, column in plain.items() if column is not None})


def with_missing(dtype: Any) -> Any:
    """The type that holds the values of ``dtype`` and missing ones: Int64 of int64, boolean of bool, others as they are."""
    import pandas as pd

    plain = pd.api.types.pandas_dtype(dtype)
    return plain if _holds_missing(plain) else pd.api.types.pandas_dtype(_nullable_name(plain.name))


def is_number(column: pd.Series) -> bool:
    """Whether it holds whole numbers or floats."""
    return _kind(column) in (WHOLE, FLOAT)


def is_nullable_number(column: pd.Series) -> bool:
    """Whether it holds numbers in a type of pandas' own, in which one may be missing."""
    return _is_nullable(column) and is_number(column)


def is_time(column: pd.Series) -> bool:
    """Whether it holds instants or durations."""
    return _kind(column) in (INSTANT, DURATION)


# ---------------------------------------------------------------- few rows for all


def rows_that_decide(frame: pd.DataFrame) -> np.ndarray:
    """Positions, ascending, of few rows that have the same types in common with other columns as all rows have.

    Of each column a missing and a present value, the extremes, and a value that is no whole number, is in no float, or lies
    between the ticks of a coarser unit; of objects one of each Python type. So of rows that come in pieces a few are kept.
    """
    import numpy as np

    found = {at for _, column in frame.items() for at in _deciding(column)}
    return np.array(sorted(found | {0} if len(frame) else found), dtype=np.intp)


def _deciding(column: pd.Series) -> Iterator[int]:
    """The positions of one column; see ``rows_that_decide``."""
    import numpy as np

    missing = column.isna().to_numpy()
    yield from np.flatnonzero(missing)[:1].tolist()
    present, kind = np.flatnonzero(~missing), _kind_of_type(column.dtype)
    if not len(present):
        return
    if column.dtype == object:
        first = {type(value): at for at, value in zip(present[::-1].tolist(), column.iloc[present[::-1]], strict=True)}
        yield from first.values()
        return
    yield int(present[0])
    if kind in (WHOLE, FLOAT, INSTANT, DURATION):
        values = _present(column) if kind in (WHOLE, FLOAT) else column.iloc[present].astype("int64").to_numpy()
        yield from present[[values.argmin(), values.argmax()]].tolist()
        for odd in _odd(values, kind):
            yield from present[np.flatnonzero(odd)[:1]].tolist()


def _odd(values: np.ndarray, kind: str) -> Iterator[np.ndarray]:
    """Which values (n,) another type of number or unit of time may not hold."""
    import numpy as np

    if kind == FLOAT:
        yield np.trunc(values) != values
    elif kind == WHOLE:
        yield _in_no_float(values)
    else:
        yield from (values % 1000**coarser != 0 for coarser in range(1, len(UNITS)))


# ---------------------------------------------------------------- kinds


def _kind(column: pd.Series) -> str:
    import pandas as pd

    if column.dtype == object:
        return {"boolean": TRUTH, "string": TEXT}.get(pd.api.types.infer_dtype(column, skipna=True), OTHER)
    return _kind_of_type(column.dtype)


def _kind_of_type(dtype: Any) -> str:
    import pandas as pd

    if isinstance(dtype, pd.StringDtype):
        return TEXT
    if isinstance(dtype, pd.ArrowDtype | pd.SparseDtype):
        return OTHER
    return {"i": WHOLE, "u": WHOLE, "f": FLOAT, "b": TRUTH, "M": INSTANT, "m": DURATION}.get(dtype.kind, OTHER)


def _is_empty(column: pd.Series) -> bool:
    """Whether it has no value, and a type that says nothing: what is written where all values are missing."""
    return column.dtype.kind in "Of" and bool(column.isna().all())


def _holds_missing(dtype: Any) -> bool:
    import numpy as np

    return not (isinstance(dtype, np.dtype) and dtype.kind in "iub")


def _is_nullable(column: pd.Series) -> bool:
    import pandas as pd

    return column.dtype.kind in "iubf" and isinstance(column.dtype, pd.api.extensions.ExtensionDtype)


def _nullable_name(name: str) -> str:
    return "boolean" if name == "bool" else name.replace("int", "Int").replace("uI", "UI")


def _float_name(dtype: Any) -> str:
    return f"float{8 * _size(dtype)}" if dtype.kind == "f" else "float64"


def _missing(column: pd.Series, wanted: Any) -> pd.Series | None:
    """As many missing values of a type; None if it has none of those."""
    import pandas as pd

    if not _holds_missing(wanted):
        return None if len(column) else column.astype(wanted)
    return pd.Series(index=column.index, dtype=wanted, name=column.name)


# ---------------------------------------------------------------- which types are tried


def _candidates(one: pd.Series, other: pd.Series) -> list[Any]:
    """The types that two columns may have in common, the likeliest first."""
    if one.dtype == other.dtype:
        return [one.dtype]
    for empty, full in ((one, other), (other, one)):
        if _is_empty(empty):
            return [full.dtype, with_missing(full.dtype)]
    of_kinds = _TYPES.get(frozenset((_kind(one), _kind(other))))
    return list(of_kinds(one, other)) if of_kinds else []


def _whole_types(one: pd.Series, other: pd.Series) -> list[str]:
    import numpy as np

    plain = [np.dtype(f"{of.dtype.kind}{_size(of.dtype)}") for of in (one, other)]
    both = np.promote_types(*plain)
    names = [both.name] if both.kind in "iu" else ["int64", "uint64"]
    return list(map(_nullable_name, names)) if _is_nullable(one) or _is_nullable(other) else names


def _truth_types(one: pd.Series, other: pd.Series) -> list[str]:
    return ["boolean"] if _is_nullable(one) or _is_nullable(other) else ["bool", "boolean"]


def _time_types(one: pd.Series, other: pd.Series) -> list[Any]:
    return sorted((one.dtype, other.dtype), key=lambda dtype: UNITS.index(_unit(dtype)))


_TYPES: Mapping[frozenset[str], Callable[[pd.Series, pd.Series], Sequence[Any]]] = {
    frozenset({WHOLE}): _whole_types,
    frozenset({WHOLE, FLOAT}): lambda one, other: ["float64", "Int64", "UInt64"],
    frozenset({FLOAT}): lambda one, other: [f"float{8 * _size(one.dtype)}"],
    frozenset({TRUTH}): _truth_types,
    frozenset({INSTANT}): _time_types,
    frozenset({DURATION}): _time_types,
    frozenset({TEXT}): lambda one, other: ["str"],
}


def _size(dtype: Any) -> int:
    """Bytes of a value."""
    return int(dtype.itemsize)


def _unit(dtype: Any) -> str:
    import numpy as np

    return str(np.datetime_data(dtype)[0]) if isinstance(dtype, np.dtype) else str(dtype.unit)


# ---------------------------------------------------------------- conversions that lose nothing, or None


def _present(column: pd.Series) -> np.ndarray:
    """The values that are not missing, as NumPy's numbers."""
    import numpy as np

    values: np.ndarray = column[column.notna()].to_numpy(dtype=np.dtype(f"{column.dtype.kind}{_size(column.dtype)}"))
    return values


def _limits(dtype: Any) -> tuple[int, int]:
    import numpy as np

    info = np.iinfo(f"{dtype.kind}{_size(dtype)}")
    return int(info.min), int(info.max)


def _whole_to_whole(column: pd.Series, wanted: Any) -> pd.Series | None:
    values, (lowest, highest) = _present(column), _limits(wanted)
    fit = not len(values) or (int(values.min()) >= lowest and int(values.max()) <= highest)
    return column.astype(wanted) if fit else None


def _whole_to_float(column: pd.Series, wanted: Any) -> pd.Series | None:
    fit = _size(wanted) == 8 and not _in_no_float(_present(column)).any()
    return column.astype(wanted) if fit else None


def _in_no_float(values: np.ndarray) -> np.ndarray:
    """Which whole numbers (n,) a float64 would round."""
    import numpy as np

    rounded = np.zeros(len(values), dtype=bool)
    large = np.flatnonzero((values > EXACT_IN_FLOATS) | (values < -EXACT_IN_FLOATS))
    rounded[large] = [int(float(value)) != int(value) for value in values[large]]
    return rounded


def _float_to_whole(column: pd.Series, wanted: Any) -> pd.Series | None:
    import numpy as np

    values, (lowest, highest) = _present(column), _limits(wanted)
    fit = _size(column.dtype) == 8 and bool(
        ((values >= lowest) & (values < float(highest + 1)) & (np.trunc(values) == values)).all()
    )
    return column.astype(wanted) if fit else None


def _float_to_float(column: pd.Series, wanted: Any) -> pd.Series | None:
    return column.astype(wanted) if _size(column.dtype) == _size(wanted) else None


def _time_to_time(column: pd.Series, wanted: Any) -> pd.Series | None:
    import pandas as pd

    if str(getattr(column.dtype, "tz", None)) != str(getattr(wanted, "tz", None)):
        return None
    try:
        converted: pd.Series = column.dt.as_unit(_unit(wanted))
    except (pd.errors.OutOfBoundsDatetime, pd.errors.OutOfBoundsTimedelta):
        return None
    return converted if converted.dt.as_unit(_unit(column.dtype)).equals(column) else None


def _as_it_is(column: pd.Series, wanted: Any) -> pd.Series:
    return column.astype(wanted)


_CONVERSIONS = {
    (WHOLE, WHOLE): _whole_to_whole,
    (WHOLE, FLOAT): _whole_to_float,
    (FLOAT, WHOLE): _float_to_whole,
    (FLOAT, FLOAT): _float_to_float,
    (TRUTH, TRUTH): _as_it_is,
    (INSTANT, INSTANT): _time_to_time,
    (DURATION, DURATION): _time_to_time,
    (TEXT, TEXT): _as_it_is,
}
