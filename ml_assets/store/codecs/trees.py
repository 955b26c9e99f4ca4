"""Decision trees hold indices that scikit-learn follows without looking: a crafted one reads outside of its memory.

So every tree of a loaded estimator is checked before anybody predicts with it: children exist and come after their
parent, and each split asks for a feature that the estimators around the tree make sure is there.
"""

from __future__ import annotations

from typing import Any

# Estimators that hand their input to the trees inside them without checking it again.
_HOLDERS = (
    "sklearn.tree._classes",
    "sklearn.ensemble._forest",
    "sklearn.ensemble._gb",
    "sklearn.ensemble._iforest",
    "sklearn.ensemble._bagging",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting",
)
NOBODY_CHECKS = 2**62


def refuse_broken_tree(value: Any, n_features: int) -> None:
    """ValueError if ``value`` is a tree that gets ``n_features`` and has an index that leads out of it."""
    kind = f"{type(value).__module__}.{type(value).__name__}"
    if kind == "sklearn.tree._tree.Tree":
        _check_tree(value, n_features)
    elif kind == "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor":
        _check_predictor(value, n_features)
    elif hasattr(value, "_bin_mapper") and hasattr(value, "_predictors"):
        _check_categories(value)


def features_inside(value: Any, n_features: int) -> int:
    """How many features a tree inside ``value`` may count on, if ``value`` itself gets ``n_features``."""
    module = type(value).__module__
    if module in _HOLDERS:
        own = getattr(value, "n_features_in_", 0)
        return min(n_features, own) if type(own) is int else 0
    return NOBODY_CHECKS if module.startswith("sklearn.") else n_features


def _check_tree(tree: Any, n_features: int) -> None:
    if tree.node_count != tree.capacity:
        raise ValueError(f"a tree says it has {tree.node_count} nodes and has {tree.capacity}")
    splits = tree.children_left != -1
    _check_splits(splits, tree.children_left, tree.children_right, tree.feature, n_features)


def _check_predictor(predictor: Any, n_features: int) -> None:
    nodes = predictor.nodes
    splits = nodes["is_leaf"] == 0
    _check_splits(splits, nodes["left"], nodes["right"], nodes["feature_idx"], n_features)
    by_category = splits & (nodes["is_categorical"] != 0)
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        if bitsets.ndim != 2 or bitsets.shape[1] != 8 or (nodes["bitset_idx"][by_category] >= len(bitsets)).any():
            raise ValueError("a tree splits by categories that it does not have")


def _check_categories(boosting: Any) -> None:
    """Only features that the bins know as categories are split as such: others have no row in the bitsets of the known."""
    import numpy as np

    known = boosting._bin_mapper.is_categorical_
    for predictor in (predictor for stage in boosting._predictors for predictor in stage):
        nodes = predictor.nodes
        asked = nodes["feature_idx"][(nodes["is_leaf"] == 0) & (nodes["is_categorical"] != 0)]
        if len(known) != boosting.n_features_in_ or not np.isin(asked, np.flatnonzero(known)).all():
            raise ValueError("a tree splits a feature by categories of which the estimator knows none")


def _check_splits(splits: Any, left: Any, right: Any, feature: Any, n_features: int) -> None:
    """``splits`` (n,) says which nodes split; the others are arrays of the same length."""
    import numpy as np

    parents = np.flatnonzero(splits)
    if not len(splits) or n_features == NOBODY_CHECKS:
        raise ValueError("a tree without nodes, or outside of an estimator that checks what it is asked")
    for child in (left[parents].astype(np.int64), right[parents].astype(np.int64)):
        if ((child <= parents) | (child >= len(splits))).any():
            raise ValueError("a tree's node has a child that does not exist or comes before it")
    wanted = feature[parents].astype(np.int64)
    if ((wanted < 0) | (wanted >= n_features)).any():
        raise ValueError(f"a tree splits by a feature beyond the {n_features} there are")
