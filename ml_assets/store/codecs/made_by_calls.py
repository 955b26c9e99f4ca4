"""Objects that skops would write as their memory, written as the call that makes them again: a constructor and its arguments.

A search tree's nodes hold indices that scikit-learn follows without looking, a scipy distribution a template that it
executes: whoever could write the state of one could do harm with it. Their constructors check what they are given, and
the same arguments give the same bits. (skops can load them without us: ``ConstructorFromReduceNode`` is its own.)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

NAMED_DISTRIBUTIONS = "scipy.stats"


@lru_cache(maxsize=1)
def write_as_calls() -> None:
    """Tell skops, once in a process, how these types are written."""
    from scipy.interpolate import BSpline
    from scipy.stats._distn_infrastructure import rv_frozen, rv_generic
    from sklearn.metrics import DistanceMetric
    from sklearn.neighbors import BallTree, KDTree
    from skops.io._utils import _get_state

    ways: dict[type, Callable[[Any], tuple[Any, ...]]] = {
        KDTree: _of_search_tree,
        BallTree: _of_search_tree,
        DistanceMetric: _of_distance,
        BSpline: lambda spline: (spline.t, spline.c, spline.k, spline.extrapolate, spline.axis),
        rv_frozen: _of_distribution,
    }
    for kind, arguments in ways.items():
        _get_state.register(kind)(partial(_call, arguments))
    _get_state.register(rv_generic)(_name_of_distribution)


def _call(arguments: Callable[[Any], tuple[Any, ...]], value: Any, context: Any) -> dict[str, Any]:
    from skops.io._utils import get_state

    return {
        "__class__": type(value).__name__,
        "__module__": type(value).__module__,
        "__loader__": "ConstructorFromReduceNode",
        "content": get_state(arguments(value), context),
    }


def _of_search_tree(tree: Any) -> tuple[Any, ...]:
    """Points (n, d), leaf size, distance, weights (n,) or None."""
    state = tree.__getstate__()
    return state[0], state[4], state[11], state[12]


def _of_distance(distance: Any) -> tuple[Any, ...]:
    """What its constructor takes: by its name without the number of bits at the end."""
    p, vector, matrix, *function = distance.__getstate__()
    name = type(distance).__name__[:-2]
    if name == "MinkowskiDistance":
        return (p, vector) if len(vector) else (p,)
    if name == "SEuclideanDistance":
        return (vector,)
    if name == "MahalanobisDistance":
        return None, matrix
    if name == "PyFuncDistance":
        return (partial(function[0], **function[1]) if function[1] else function[0],)
    return ()


def _of_distribution(frozen: Any) -> tuple[Any, ...]:
    shapes, location, scale = frozen.dist._parse_args(*frozen.args, **frozen.kwds)
    return frozen.dist, *shapes, location, *([scale] if scale is not None and _has_scale(frozen) else [])


def _has_scale(frozen: Any) -> bool:
    from scipy.stats import rv_continuous

    return isinstance(frozen.dist, rv_continuous)


def _name_of_distribution(distribution: Any, _: Any) -> dict[str, Any]:
    """A distribution by its name in ``scipy.stats``, as a function is written.

    Raises:
        ValueError: if there is none of that name and type.
    """
    from scipy import stats

    name = str(distribution.name)
    if type(getattr(stats, name, None)) is not type(distribution):
        raise ValueError(f"the distribution {name!r} is none of those that scipy.stats names")
    return {"__class__": name, "__module__": NAMED_DISTRIBUTIONS, "__loader__": "FunctionNode"}
