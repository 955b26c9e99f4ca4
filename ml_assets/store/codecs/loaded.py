"""What is looked at in a loaded estimator before anybody uses it.

A type that is trusted does not make its content so: compiled code of scikit-learn and scipy follows indices and sizes
without looking, and a crafted one reads outside of its memory. ``trees.py`` and ``arrays.py`` say what must hold.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

from ml_assets.store.codecs.arrays import refuse_broken_arrays
from ml_assets.store.codecs.trees import NOBODY_CHECKS, features_inside, refuse_broken_tree


def refuse_harmful(estimator: Any) -> None:
    """ValueError if anything inside ``estimator`` leads compiled code out of its memory."""
    pending: list[tuple[Any, int]] = [(estimator, NOBODY_CHECKS)]
    seen: dict[tuple[int, int], Any] = {}  # keeps what it has seen alive: ids are not reused
    while pending:
        value, n_features = pending.pop()
        if (id(value), n_features) in seen:
            continue
        seen[id(value), n_features] = value
        _refuse_hidden_methods(value)
        refuse_broken_tree(value, n_features)
        refuse_broken_arrays(value)
        inner = features_inside(value, n_features)
        pending.extend((item, inner) for item in _inside(value))


def _inside(value: Any) -> Iterable[Any]:
    import numpy as np

    if isinstance(value, str | bytes | int | float | type | FunctionType | None):
        return ()
    items: list[Any] = list(vars(value).values()) if hasattr(value, "__dict__") else []
    if isinstance(value, dict):
        items.extend(value.values())
    elif isinstance(value, list | tuple | set):
        items.extend(value)
    elif isinstance(value, np.ndarray) and value.dtype == object:
        items.extend(value.ravel().tolist())
    return items


def _refuse_hidden_methods(value: Any) -> None:
    """An attribute in place of a method would put off its checks: of how many features there are, say."""
    kind = type(value)
    if not kind.__module__.startswith("sklearn.") or not hasattr(value, "__dict__"):
        return
    hidden = [name for name in vars(value) if _is_method(getattr(kind, name, None))]
    if hidden:
        raise ValueError(f"a {kind.__name__} has {', '.join(map(repr, hidden))} in place of its own methods")


def _is_method(attribute: Any) -> bool:
    return hasattr(attribute, "__get__") and not hasattr(attribute, "__set__") and not isinstance(attribute, type)
