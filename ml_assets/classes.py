"""A column of probabilities belongs to a class by its label, not by its place.

An estimator answers a column for each class that its train rows have (scikit-learn's ``classes_``); a network one for each that
it was built with. Where a class has no train rows the two differ, and a class read from the place of its column is another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidPrediction

if TYPE_CHECKING:
    import numpy as np

Classes = tuple[int, ...]  # labels in ascending order, each once


def classes_in(label: np.ndarray) -> Classes:
    """The classes that some row has; missing labels (NaN) are none."""
    import numpy as np

    return tuple(int(found) for found in np.unique(label[~np.isnan(label)]))


def every_class(declared: Classes | None, seen: Classes) -> Classes:
    """The classes that there are: those of ``Problem.classes``; without them 0 … the highest ``seen``."""
    return declared or tuple(range(max(seen, default=-1) + 1))


def united(*classes: Iterable[int]) -> Classes:
    """All of them."""
    return tuple(sorted({label for of in classes for label in of}))


def widened(values: np.ndarray, classes: Classes, wanted: Classes) -> np.ndarray:
    """The columns of ``wanted``, 0 for a class that ``classes`` lacks.

    Args:
        values: shape (n, len(classes)).
        wanted: all of ``classes``, and more.
    """
    import numpy as np

    if classes == wanted:
        return values
    wide = np.zeros((len(values), len(wanted)), dtype=values.dtype)
    wide[:, np.searchsorted(wanted, classes)] = values
    return wide


def by_column(label: np.ndarray, values: np.ndarray, classes: Classes) -> tuple[np.ndarray, np.ndarray]:
    """Each label as the place of its column, as metrics read it, with a column of 0 for a label that has none.

    Args:
        label: shape (n,), no NaN.
        values: shape (n, len(classes)).
        classes: the label of each column; empty where ``values`` are no probabilities of classes: then both are as they were.
    """
    import numpy as np

    if not classes:
        return label, values
    every = united(classes, classes_in(label))
    return np.searchsorted(every, label).astype(label.dtype), widened(values, classes, every)


def for_every_class(
    answer: np.ndarray, seen: Classes, declared: Classes | None, *, name: str, source: str = "predict"
) -> np.ndarray:
    """An answer with a column for every class that there is; those that it lacks are 0.

    Args:
        answer: shape (n, k), with a column for each class that was ``seen`` in training, or for every one. Any other number of
            dimensions is left to who judges it.
        seen: none where nobody recorded them: then it has a column for every class.
        declared: see ``every_class``.
        name, source: how an error calls what answers, and the function that does.
    Raises:
        InvalidPrediction: if nothing says which columns belong to which classes.
    """
    if answer.ndim != 2:
        return answer
    width = answer.shape[1]
    every = every_class(declared, seen or tuple(range(width)))
    if lost := sorted(set(seen) - set(every)):
        raise InvalidPrediction(
            f"{name} was trained on the classes {in_words(seen)}, and the problem's classes lack {in_words(lost)}. "
            "Add what is missing to classes, or train a new model."
        )
    if width == len(every):
        return answer
    if width != len(seen):
        trained = (
            f"its train rows have {len(seen)} ({in_words(seen)})"
            if seen
            else "those of its train rows are not recorded"
        )
        raise InvalidPrediction(
            f"{name} answers with {width} columns, and there are {len(every)} classes ({in_words(every)}), {trained}: nothing "
            f"says which class a column belongs to. Let the problem's {source} return a column for each class of the train "
            "rows, in ascending order, or for every class; if there are more, name all in the problem's classes, such as "
            "classes=tuple(range(10))."
        )
    return widened(answer, seen, every)


def in_words(classes: Sequence[int]) -> str:
    """``0 to 9`` where none is left out, else ``0, 2, 3``."""
    if len(classes) > 2 and list(classes) == list(range(classes[0], classes[-1] + 1)):
        return f"{classes[0]} to {classes[-1]}"
    return ", ".join(map(str, classes)) or "none"
