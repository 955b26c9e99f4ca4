"""A category is its value, not its place in a list: which rows a month happens to have must not change what a code means.

    features of a partition       the list that ``features()`` gave them, as it is
    window                        one list for all partitions, see ``united``
    a model's train rows          what it knows, see ``learnt``; kept with it
    validation, test, later rows  cast to that list, see ``cast``; what it lacks is missing, and counted, see ``unseen``

Learnt is what the *train* rows have: a list of the window would give a code to what only the rows that judge have, which the
model never saw; at prediction such a value is missing, so it is when the model is chosen and judged. An ordered list is a
scale and is kept whole: the place of a value between others means something, whether or not a train row has it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

from ml_assets.errors import FeatureMismatch

if TYPE_CHECKING:
    import pandas as pd

Description = dict[str, Any]  # plain JSON: categories, dtype, ordered
SHOWN = 6  # categories of a list in a message

# ---------------------------------------------------------------- as plain JSON


def described(dtype: pd.CategoricalDtype) -> Description:
    """A list of categories as plain JSON; times as whole numbers of their unit since 1970, in UTC."""
    values: Any = dtype.categories
    plain = values.asi8 if values.dtype.kind == "M" else values
    return {"categories": plain.tolist(), "dtype": str(values.dtype), "ordered": bool(dtype.ordered)}


def restored(description: Mapping[str, Any]) -> pd.CategoricalDtype:
    """The inverse of ``described``."""
    import pandas as pd

    values, dtype = description["categories"], description["dtype"]
    of_times = str(dtype).startswith("datetime64")
    index = pd.Index(values, dtype="int64").astype(dtype) if of_times else pd.Index(values, dtype=dtype)
    return pd.CategoricalDtype(index, ordered=description["ordered"])


def same_list(one: pd.CategoricalDtype, other: pd.CategoricalDtype) -> bool:
    """Whether equal codes mean equal values: the same categories in the same order. (To pandas, unordered ones have none.)"""
    return bool(
        one.ordered == other.ordered
        and one.categories.dtype == other.categories.dtype
        and one.categories.equals(other.categories)
    )


# ---------------------------------------------------------------- of a window


def united(frames: Mapping[str, pd.DataFrame]) -> list[pd.DataFrame]:
    """The frames, each column that is categorical in all of them with one list of categories.

    An unordered list is sorted where each was, as pandas makes them; else values come in the order in which they first appear.
    An ordered one is what the lists together say. What all frames have alike is left as it is.

    Args:
        frames: partition -> its rows, oldest first.
    Raises:
        FeatureMismatch: if values are of different kinds, only some lists are ordered, or orders contradict each other.
    """
    lists = {name: {at: _list_of(frame[name]) for at, frame in frames.items()} for name in _categorical(frames)}
    differing = {name: of for name, of in lists.items() if not _alike(list(of.values()))}
    if not differing:
        return list(frames.values())
    dtypes = {name: _united(name, of) for name, of in differing.items()}
    return [_with(frame, dtypes) for frame in frames.values()]


def _categorical(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """The columns that are so in every frame. What is so in some only is another type: that is for others to judge."""
    import pandas as pd

    first, *others = frames.values()
    return [
        str(name)
        for name in first
        if all(name in frame and isinstance(frame[name].dtype, pd.CategoricalDtype) for frame in (first, *others))
    ]


def _list_of(column: pd.Series) -> pd.CategoricalDtype:
    dtype: Any = column.dtype
    categorical: pd.CategoricalDtype = dtype
    return categorical


def _alike(dtypes: Sequence[pd.CategoricalDtype]) -> bool:
    return all(same_list(dtypes[0], dtype) for dtype in dtypes[1:])


def _united(name: str, dtypes: Mapping[str, pd.CategoricalDtype]) -> pd.CategoricalDtype:
    import pandas as pd

    used = {
        at: dtype for at, dtype in dtypes.items() if len(dtype.categories)
    }  # where all is missing, no type is known
    if not used or _alike(list(used.values())):
        return next(iter(used.values()), next(iter(dtypes.values())))
    _refuse_several(name, "of", {at: kind(dtype.categories) for at, dtype in used.items()})
    _refuse_several(name, "", {at: "ordered" if dtype.ordered else "not ordered" for at, dtype in used.items()})
    ordered = next(iter(used.values())).ordered
    lists = {at: dtype.categories.tolist() for at, dtype in used.items()}
    values = _on_one_scale(name, lists) if ordered else _together(lists.values())
    return pd.CategoricalDtype(_index(name, values, {str(d.categories.dtype) for d in used.values()}), ordered=ordered)


def kind(values: Any) -> str:
    """What categories, an Index, are, whatever type holds them; empty for none."""
    from pandas.api import types

    if not len(values):
        return ""
    if types.is_bool_dtype(values.dtype):
        return "truths"
    if types.is_numeric_dtype(values.dtype):
        return "numbers"
    if types.is_datetime64_any_dtype(values.dtype):
        return "times without a zone" if values.tz is None else "times"
    return "text"


def _refuse_several(name: str, verb: str, found: Mapping[str, str]) -> None:
    first, *_ = found
    other = next((at for at in found if found[at] != found[first]), None)
    if other is not None:
        said = [" ".join(filter(None, [verb, found[at]])) for at in (first, other)]
        raise FeatureMismatch(
            f"The categories of {name!r} are {said[0]} in {first} and {said[1]} in {other}. They cannot be one column: let "
            f"features() give {name!r} the same kind of categories for all partitions, and materialize the features again."
        )


def _together(lists: Collection[list[Any]]) -> list[Any]:
    found = [*dict.fromkeys(chain.from_iterable(lists))]
    return sorted(found) if all(values == sorted(values) for values in lists) else found


def _on_one_scale(name: str, lists: Mapping[str, list[Any]]) -> list[Any]:
    """The one order that all lists together say; numbers and times that they leave open are in their own order."""
    below: dict[Any, set[Any]] = {value: set() for value in chain.from_iterable(lists.values())}
    for values in lists.values():
        for lower, higher in pairwise(values):
            below[higher].add(lower)
    said = "; ".join(f"{at}: {_shown(values, ' < ')}" for at, values in lists.items())
    advice = (
        f"Let features() give {name!r} the whole scale for all partitions, such as "
        "pd.CategoricalDtype(['low', 'middle', 'high'], ordered=True), and materialize the features again."
    )
    try:
        order = [*TopologicalSorter(below).static_order()]
    except CycleError as cycle:
        around = _shown(cycle.args[1], " < ")
        raise FeatureMismatch(
            f"The orders of the categories of {name!r} contradict each other ({around}). {said}. {advice}"
        ) from cycle
    open_pair = next((pair for pair in pairwise(order) if pair[0] not in below[pair[1]]), None)
    if open_pair is None:
        return order
    if not isinstance(order[0], str) and all(values == sorted(values) for values in lists.values()):
        return sorted(order)
    raise FeatureMismatch(
        f"Nothing says which category of {name!r} is higher, {_shown(open_pair, ' or ')}. {said}. {advice}"
    )


def _index(name: str, values: list[Any], dtypes: set[str]) -> pd.Index:
    """The values in the type that all had; of several types in one that holds every value exactly."""
    import pandas as pd

    if len(dtypes) == 1:
        same: pd.Index = pd.Index(values, dtype=dtypes.pop())
        return same
    if getattr(values[0], "tzinfo", None) is not None:
        values = [value.tz_convert("UTC") for value in values]  # of several zones pandas makes objects
    index: pd.Index = pd.Index(values)
    if index.tolist() != values or (index.dtype == object and not isinstance(values[0], str)):
        raise FeatureMismatch(
            f"The categories of {name!r} are {' and '.join(sorted(dtypes))} in other partitions, and no one type holds all of "
            "their values. Let features() turn them into text: .astype('str').astype('category')."
        )
    return index


def _shown(values: Sequence[Any], between: str) -> str:
    more = [f"… ({len(values)} in all)"] if len(values) > SHOWN else []
    return between.join([*map(repr, values[:SHOWN]), *more])


# ---------------------------------------------------------------- of a model


def learnt(features: pd.DataFrame) -> dict[str, Description]:
    """What a model that is trained on these rows knows of each categorical feature; empty if there is none."""
    return learnt_in(features, [features])


def learnt_in(types: pd.DataFrame, batches: Iterable[pd.DataFrame]) -> dict[str, Description]:
    """The same of rows that come in batches.

    Args:
        types: has the columns and types of all of them.
        batches: need not have columns that are no categories.
    """
    import numpy as np

    lists = {name: _list_of(types[name]) for name in categorical(types)}
    used: dict[str, set[int]] = {name: set() for name in lists}
    for batch in batches if lists else ():
        for name, codes in used.items():
            codes.update(np.unique(batch[name].cat.codes).tolist())
    return {name: described(_occurring(dtype, used[name])) for name, dtype in lists.items()}


def categorical(features: pd.DataFrame) -> list[str]:
    """The names of the columns that are categories."""
    import pandas as pd

    return [str(name) for name, dtype in features.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)]


def _occurring(dtype: pd.CategoricalDtype, used: set[int]) -> pd.CategoricalDtype:
    """The list of what the codes ``used`` (-1: missing) stand for; an ordered one is kept whole."""
    import pandas as pd

    return dtype if dtype.ordered else pd.CategoricalDtype(dtype.categories.take(sorted(used - {-1})))


def cast(features: pd.DataFrame, known: Mapping[str, Description]) -> pd.DataFrame:
    """The rows with exactly the categories that a model knows; values that it does not are missing.

    Args:
        known: by ``learnt``; ``features`` has each of these columns, as categories of the same kind, see ``other_kinds``.
    """
    return _with(features, {name: restored(of) for name, of in known.items()})


def unseen(features: pd.DataFrame, known: Mapping[str, Description]) -> dict[str, int]:
    """In how many rows a feature has a value that a model does not know: those that ``cast`` makes missing; none left out."""
    found = {}
    for name, of in known.items():
        column = features[name]
        is_new = ~column.cat.categories.isin(restored(of).categories)
        if is_new.any():
            found[name] = int(column.cat.codes.isin(is_new.nonzero()[0]).sum())
    return {name: rows for name, rows in found.items() if rows}


def other_kinds(features: pd.DataFrame, known: Mapping[str, Description]) -> dict[str, tuple[str, str]]:
    """The features whose categories are of another kind than those that a model knows: ``("text", "numbers")``."""
    import pandas as pd

    given = {name: features[name].dtype for name in known if name in features}
    kinds = {
        name: (kind(restored(known[name]).categories), kind(dtype.categories))
        for name, dtype in given.items()
        if isinstance(dtype, pd.CategoricalDtype)
    }
    return {name: pair for name, pair in kinds.items() if all(pair) and pair[0] != pair[1]}


def _with(frame: pd.DataFrame, dtypes: Mapping[str, pd.CategoricalDtype]) -> pd.DataFrame:
    columns = {
        name: frame[name].cat.set_categories(dtype.categories, ordered=dtype.ordered)
        for name, dtype in dtypes.items()
        if not same_list(_list_of(frame[name]), dtype)
    }
    return frame.assign(**columns) if columns else frame
