"""Values that came over the wire, as the columns that a model was trained on; what does not fit is refused by column and row.

JSON says less than a type does: its numbers have no width, and times are text. So a list of values is read as its column asks:

    floats             numbers; null is missing. Never text, never truths, nothing infinite
    whole numbers      numbers without decimals
    truths             true, false
    text               text
    times, durations   text as ISO 8601 has it; an instant with its offset where the column has a zone
    categories         one of the list that the model knows; others are refused, or missing as in a batch, as is asked

Typed columns (of Arrow, or binary tensors) are taken where the type of training holds each value exactly, see ``values.as_type``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from math import isnan
from typing import TYPE_CHECKING, Any, Literal

from ml_assets import categories
from ml_assets.errors import NotAnswered
from ml_assets.values import as_type, with_missing

if TYPE_CHECKING:
    import pandas as pd

Unknown = Literal["refuse", "missing"]
"""What becomes of a category that the model does not know."""
NUMBER, WHOLE, TRUTH, TEXT, INSTANT, DURATION = "number", "whole number", "truth", "text", "time", "duration"
SEND = {
    NUMBER: "a number",
    WHOLE: "a whole number",
    TRUTH: "true or false",
    TEXT: "text",
    INSTANT: "a time as ISO 8601 has it, such as 2026-11-21T03:00:00Z",
    DURATION: "a duration as ISO 8601 has it, such as P1DT2H",
}
TAKES: Mapping[str, frozenset[type]] = {
    NUMBER: frozenset({float, int}),
    WHOLE: frozenset({int, float}),
    TRUTH: frozenset({bool}),
    TEXT: frozenset({str}),
    INSTANT: frozenset({str}),
    DURATION: frozenset({str}),
}
CALLED = {str: "text", bool: "a truth", int: "a whole number", float: "a number", list: "a list", dict: "an object"}
SHOWN = 40  # characters of a value in a message
FEW = 12  # categories or columns in a message


@dataclass(frozen=True)
class Column:
    """A column that a model, or the problem's ``features``, reads.

    Attributes:
        dtype: of pandas, by name.
        known: what the model knows of its categories; None where it is none, or nobody recorded them.
    """

    name: str
    dtype: str
    known: Mapping[str, Any] | None = None

    @cached_property
    def categorical(self) -> pd.CategoricalDtype | None:
        """The categories that are known."""
        return categories.restored(self.known) if self.known else None

    @cached_property
    def values_dtype(self) -> Any:
        """The type of its values, of categories that of the list."""
        import pandas as pd

        if self.dtype == "category":
            return (
                self.categorical.categories.dtype if self.categorical is not None else pd.api.types.pandas_dtype("str")
            )
        return pd.api.types.pandas_dtype(self.dtype)

    @cached_property
    def kind(self) -> str:
        """What its values are."""
        import pandas as pd

        if isinstance(self.values_dtype, pd.StringDtype):
            return TEXT
        kinds = {"i": WHOLE, "u": WHOLE, "f": NUMBER, "b": TRUTH, "M": INSTANT, "m": DURATION}
        return kinds.get(self.values_dtype.kind, TEXT)

    def read(self, given: Any, unknown: Unknown = "refuse") -> Any:
        """The values as this column has them.

        Args:
            given: a list as JSON has it, or a Series.
        Raises:
            NotAnswered: if they do not fit.
        """
        import pandas as pd

        typed = given if isinstance(given, pd.Series) else None
        if self.dtype == "category":
            return self._category(typed if typed is not None else given, unknown)
        return self._listed(given) if typed is None else self._typed(typed)

    # ------------------------------------------------------------ lists of JSON

    def _listed(self, given: Sequence[Any]) -> Any:
        found = set(map(type, given))
        if not found <= TAKES[self.kind] | {type(None)}:
            raise self._of_other_type(given)
        return _READ[self.kind](self, given, type(None) in found)

    def _numbers(self, given: Sequence[Any], has_missing: bool) -> Any:
        import numpy as np
        import pandas as pd

        plain = [np.nan if value is None else value for value in given] if has_missing else given
        try:
            exact = np.array(plain, dtype=np.float64)
        except OverflowError:
            exact = np.array([np.nan if value is None else _float(value) for value in given])
        with np.errstate(over="ignore"):
            held = exact if self.dtype == "float64" else exact.astype(f"f{self.values_dtype.itemsize}")
        if np.isinf(held).any():
            why, remedy = "is infinite or too large", "Send null where it is missing"
            raise self.refusal(int(np.isinf(held).argmax()), why, remedy)
        if int in set(map(type, given)):
            self._refuse_rounded(given)
        return held if held.dtype == self.values_dtype else pd.array(held, dtype=self.values_dtype)

    def _refuse_rounded(self, given: Sequence[Any]) -> None:
        for row, value in enumerate(given):
            if type(value) is int and abs(value) > 2**53 and int(float(value)) != value:
                raise self.refusal(row, f"is {_shown(value)}, which a float would round", "Send what a float holds")

    def _whole(self, given: Sequence[Any], has_missing: bool) -> Any:
        import pandas as pd

        whole = [
            None if value is None or isnan(value) else self._as_whole(row, value) for row, value in enumerate(given)
        ]
        try:
            held = pd.Series(whole, dtype="Int64" if None in whole else None)
        except (OverflowError, TypeError, ValueError):
            held = pd.Series(whole, dtype=object)
        return self._held(held, "number", given)

    def _as_whole(self, row: int, value: float) -> int:
        if isinstance(value, float) and not value.is_integer():  # of what is infinite, too
            raise self.refusal(row, f"is {_shown(value)}", "Send a whole number")
        return int(value)

    def _truths(self, given: Sequence[Any], has_missing: bool) -> Any:
        import numpy as np
        import pandas as pd

        return pd.array(given, dtype="boolean") if has_missing else np.array(given, dtype=bool)

    def _texts(self, given: Sequence[Any], has_missing: bool) -> Any:
        import pandas as pd

        try:
            return pd.Series(given, dtype=self.values_dtype)
        except UnicodeEncodeError:
            row = next(n for n, text in enumerate(given) if text is not None and not _is_unicode(text))
            raise self.refusal(row, "holds half of a letter (a lone surrogate)", "Send text that is Unicode") from None

    def _times(self, given: Sequence[Any], has_missing: bool) -> Any:
        import pandas as pd

        zone = getattr(self.values_dtype, "tz", None)
        read: list[Any] = [None if text is None else self._instant(row, text, zone) for row, text in enumerate(given)]
        return self._held(pd.Series(pd.to_datetime(read, utc=zone is not None)), "time", given, zone)

    def _instant(self, row: int, text: str, zone: Any) -> Any:
        import pandas as pd

        read: Any = pd.NaT
        with suppress(ValueError, OverflowError):
            read = pd.Timestamp(text)
        if read is pd.NaT or not text[:1].isdecimal():
            raise self.refusal(row, f"is {_shown(text)}, which is no time", f"Send {SEND[INSTANT]}")
        if (read.tzinfo is None) != (zone is None):
            offset = "with its offset, such as 2026-11-21T03:00:00Z" if zone else "without an offset"
            raise self.refusal(row, f"is {_shown(text)}, and the column is {self.dtype}", f"Send times {offset}")
        return read

    def _durations(self, given: Sequence[Any], has_missing: bool) -> Any:
        import pandas as pd

        for row, text in enumerate(given):
            try:
                pd.Timedelta(text)
            except (ValueError, OverflowError):
                raise self.refusal(row, f"is {_shown(text)}, which is no duration", f"Send {SEND[DURATION]}") from None
        return self._held(pd.Series(pd.to_timedelta(list(given))), "duration", given)

    # ------------------------------------------------------------ typed columns

    def _typed(self, given: pd.Series) -> Any:
        if self.kind == NUMBER:
            self._refuse_infinite(given)
        return self._held(given, f"column of {given.dtype}", given)

    def _refuse_infinite(self, given: pd.Series) -> None:
        import numpy as np

        if given.dtype.kind != "f":
            return
        infinite = np.isinf(given.to_numpy(dtype=np.float64, na_value=np.nan))
        if infinite.any():
            raise self.refusal(int(infinite.argmax()), "is infinite", "Send NaN or null where it is missing")

    def _held(self, given: pd.Series, what: str, shown: Any, zone: Any = None) -> Any:
        """The values in the type of training, or the one that also holds what is missing."""
        if zone is not None:
            given = given.dt.tz_convert(zone)
        for dtype in (self.values_dtype, with_missing(self.values_dtype)):
            held = as_type(given, dtype)
            if held is not None:
                return held
        row = next((n for n in range(len(given)) if self._fits_not(given.iloc[n : n + 1])), None)
        value = "" if row is None else f"is {_shown(shown[row] if isinstance(shown, list) else shown.iloc[row])}, "
        raise self.refusal(
            row, f"{value}{'which ' if value else f'is a {what}, which '}{self.dtype} does not hold exactly",
            f"Send {SEND[self.kind]} that {self.dtype} holds",
        )  # fmt: skip

    def _fits_not(self, one: pd.Series) -> bool:
        return as_type(one.reset_index(drop=True), with_missing(self.values_dtype)) is None

    # ------------------------------------------------------------ categories

    def _category(self, given: Any, unknown: Unknown) -> Any:
        import pandas as pd

        values = given
        if isinstance(given, pd.Series) and isinstance(given.dtype, pd.CategoricalDtype):
            values = given.astype(given.cat.categories.dtype)
        plain = Column(self.name, str(self.values_dtype))
        read = pd.Series(plain.read(values))
        if self.categorical is None:
            return read.astype("category")
        codes = self.categorical.categories.get_indexer(pd.Index(read))
        strange = (codes < 0) & read.notna().to_numpy()
        if strange.any() and unknown == "refuse":
            raise self._unknown(read, int(strange.argmax()))
        if not strange.any():
            return pd.Categorical.from_codes(codes, dtype=self.categorical)
        return pd.Categorical(read)  # the model's own cast makes them missing, and they are counted

    def _unknown(self, read: pd.Series, row: int) -> NotAnswered:
        listed = [*map(str, self.categorical.categories)] if self.categorical is not None else []
        near = listed if len(listed) <= FEW else get_close_matches(str(read.iloc[row]), listed, 3) or listed[:FEW]
        more = "" if len(near) == len(listed) else f" … ({len(listed)} in all)"
        return self.refusal(
            row,
            f"is {_shown(read.iloc[row])}, a category that the model does not know",
            f"It knows {', '.join(near)}{more}. Send one of these, or null, or ask with unknown_categories=missing to have it "
            "answered as a missing one, as batch predictions are",
        )

    # ------------------------------------------------------------ refusals

    def _of_other_type(self, given: Sequence[Any]) -> NotAnswered:
        takes = TAKES[self.kind]
        row = next(n for n, value in enumerate(given) if value is not None and type(value) not in takes)
        was = CALLED.get(type(given[row]), type(given[row]).__name__)
        return self.refusal(
            row,
            f"is {_shown(given[row])}, {was}",
            f"It is {self.dtype}: send {SEND[self.kind]}, or null where it is missing",
        )

    def refusal(self, row: int | None, why: str, remedy: str) -> NotAnswered:
        """That a value of this column does not fit, in one sentence each for why and what to send."""
        where = "" if row is None else f", row {row}"
        return NotAnswered(422, f"Column {self.name!r}{where}: it {why}. {remedy}.", column=self.name, row=row)


_READ: Mapping[str, Callable[[Column, Sequence[Any], bool], Any]] = {
    NUMBER: Column._numbers,
    WHOLE: Column._whole,
    TRUTH: Column._truths,
    TEXT: Column._texts,
    INSTANT: Column._times,
    DURATION: Column._durations,
}


def read_columns(wanted: Sequence[Column], given: Mapping[str, Any], unknown: Unknown = "refuse") -> pd.DataFrame:
    """The columns that are wanted, in their order; others that came along are left out.

    Args:
        given: name -> values of all rows, as many of each: lists as JSON has them, or Series.
    Raises:
        NotAnswered: if one is missing, or a value does not fit.
    """
    import pandas as pd

    lacking = [column for column in wanted if column.name not in given]
    if lacking:
        raise _lacking(lacking[0], len(lacking), given)
    return pd.DataFrame({column.name: column.read(given[column.name], unknown) for column in wanted}, copy=False)


def _lacking(column: Column, count: int, given: Mapping[str, Any]) -> NotAnswered:
    near = get_close_matches(column.name, [*given], 1)
    meant = f" (is it {near[0]!r}?)" if near else ""
    others = f", and {count - 1} more" if count > 1 else ""
    there = ", ".join([*map(str, given)][:FEW]) or "none"
    return NotAnswered(
        422,
        f"Column {column.name!r} is missing{meant}{others}: missing columns are never filled in. The request "
        f"has {_cut(there, 200)}. Send {column.name!r} as {column.dtype}; null where a value is not known.",
        column=column.name,
    )


def _float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: Any) -> str:
    """A value as JSON has it, cut."""
    import json

    return _cut(json.dumps(value, default=str), SHOWN)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
