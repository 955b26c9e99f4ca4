"""Where two contents first differ: which file, and in tables, arrays and JSON which value."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any

from ml_assets.errors import StoreError
from ml_assets.store import Content, File, Store

SHOWN_DIGITS = 12
LONGEST_VALUE = 60
NOTHING = "nothing"


def first_difference(store: Store, recorded: Content, own: Store, rebuilt: Content) -> str:
    """The first file that differs, as a sentence, with the first value that does where the format can tell.

    Args:
        store, own: where the recorded and the rebuilt content are.
    """
    before, after = ({file.path: file for file in content.files} for content in (recorded, rebuilt))
    for path in sorted({*before, *after}):
        old, new = before.get(path), after.get(path)
        if old is None or new is None:
            return f"{path} was {'recorded' if old else 'rebuilt'}, and not {'rebuilt' if old else 'recorded'}"
        if old.digest != new.digest:
            digests = f"{old.digest[:SHOWN_DIGITS]} recorded, {new.digest[:SHOWN_DIGITS]} rebuilt"
            return f"{path} {digests}{_inside(store, old, own, new)}"
    return f"{recorded.codec}: the same files, described differently{_first_in(recorded.meta, rebuilt.meta)}"


def _inside(store: Store, recorded: File, own: Store, rebuilt: File) -> str:
    compare = _READERS.get(recorded.path.rpartition(".")[2])
    if compare is None:
        return ""
    try:
        before, after = store.read(recorded), own.read(rebuilt)
    except StoreError as error:
        return f" ({error})"
    return compare(before, after)


def _in_tables(before: bytes, after: bytes) -> str:
    import pyarrow as pa
    import pyarrow.parquet as pq

    old, new = (pq.read_table(pa.BufferReader(data)) for data in (before, after))
    if old.column_names != new.column_names:
        return _first_in(old.column_names, new.column_names, "columns")
    for name in old.column_names:
        if old.schema.field(name).type != new.schema.field(name).type:
            return f": column {name} is {old.schema.field(name).type} recorded, {new.schema.field(name).type} rebuilt"
        found = next(_different(old.column(name).to_pylist(), new.column(name).to_pylist()), None)
        if found is not None:
            return f": column {name}, row {found[0]}: {_both(*found[1:])}"
    return ": every value is equal, in other bytes"


def _in_arrays(before: bytes, after: bytes) -> str:
    import io

    import numpy as np

    old, new = (np.load(io.BytesIO(data), allow_pickle=False) for data in (before, after))
    if old.shape != new.shape or old.dtype != new.dtype:
        return f": {old.dtype} {old.shape} recorded, {new.dtype} {new.shape} rebuilt"
    return _first_in(old.tolist(), new.tolist())


def _in_json(before: bytes, after: bytes) -> str:
    return _first_in(json.loads(before), json.loads(after))


_READERS: Mapping[str, Callable[[bytes, bytes], str]] = {"parquet": _in_tables, "npy": _in_arrays, "json": _in_json}


def _first_in(old: Any, new: Any, at: str = "") -> str:
    """The first leaf of two nested values that differs."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        names = [*old, *(name for name in new if name not in old)]
        pairs = [(f"{at}.{name}" if at else name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in names]
    elif isinstance(old, list) and isinstance(new, list):
        pairs = [(f"{at}[{n}]", x, y) for n, (x, y) in enumerate(zip_longest(old, new, fillvalue=NOTHING))]
    else:
        return "" if repr(old) == repr(new) else f": {at or 'the value'} is {_both(old, new)}"
    return next((found for name, x, y in pairs if (found := _first_in(x, y, name))), "")


def _different(old: Sequence[Any], new: Sequence[Any]) -> Iterator[tuple[int, Any, Any]]:
    """Rows with other values; by their spelling, in which NaN equals itself and -0.0 is not 0.0."""
    return ((n, x, y) for n, (x, y) in enumerate(zip_longest(old, new, fillvalue=NOTHING)) if repr(x) != repr(y))


def _both(old: Any, new: Any) -> str:
    return f"{_shown(old)} recorded, {_shown(new)} rebuilt"


def _shown(value: Any) -> str:
    text = str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
