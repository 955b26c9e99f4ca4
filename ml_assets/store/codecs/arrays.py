"""Arrays whose sizes and indices compiled code believes: they must fit each other, as they do after ``fit``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def refuse_broken_arrays(value: Any) -> None:
    """ValueError if ``value`` is of a type that has a check here, and does not pass it."""
    for kind in type(value).__mro__:
        check = CHECKS.get(f"{kind.__module__}.{kind.__name__}")
        if check is not None and not check(value):
            raise ValueError(f"the arrays of a {type(value).__name__} do not fit each other")


def _sparse_stays_inside(matrix: Any) -> bool:
    """Indices of rows and columns lead nowhere else. (The other formats are checked when they are made.)"""
    if matrix.format in ("csr", "csc", "bsr"):
        matrix.check_format(full_check=True)
    return True


def _weights_are_those_of_points(tree: Any) -> bool:
    return tree.sample_weight is None or len(tree.sample_weight) == len(tree.data)


def _centers_have_all_features(means: Any) -> bool:
    centers = getattr(means, "cluster_centers_", None)
    return centers is None or _has_features(centers, means, means.n_clusters)


def _bisections_have_all_features(means: Any) -> bool:
    pending = [tree] if (tree := getattr(means, "_bisecting_tree", None)) is not None else []
    while pending:
        node = pending.pop()
        if not _has_features(node.center.reshape(1, -1), means):
            return False
        pending.extend(child for child in (node.left, node.right) if child is not None)
    return True


def _has_features(rows: Any, estimator: Any, n_rows: int | None = None) -> bool:
    """Whether ``rows`` (n, d) have the features of which the estimator makes sure."""
    n_features = getattr(estimator, "n_features_in_", None)
    return type(n_features) is int and rows.ndim == 2 and rows.shape == (n_rows or rows.shape[0], n_features)


def _machine_is_whole(machine: Any) -> bool:
    """What libsvm is given: of each pair of classes an intercept, of each support vector all coefficients."""
    if not hasattr(machine, "support_"):
        return True
    vectors, counts = machine.support_vectors_, machine._n_support
    n, classes = len(machine.support_), len(counts)
    pairs = classes * (classes - 1) // 2
    rows_fit = machine.support_.min(initial=0) >= 0 and machine.support_.max(initial=-1) < machine.shape_fit_[0]
    by_kernel = machine.kernel == "precomputed" or callable(machine.kernel)  # then it keeps no vectors
    return bool(
        rows_fit
        and (by_kernel or _has_features(vectors, machine, n))
        and (counts >= 0).all()
        and (counts.sum() == n or machine._impl not in ("c_svc", "nu_svc"))
        and machine._dual_coef_.shape == (classes - 1, n)
        and machine._dual_coef_.size == (classes - 1) * n  # of a sparse one: how many it holds
        and machine._intercept_.shape == (pairs,)
        and all(len(p) in (0, pairs) for p in (machine._probA, machine._probB))
    )


def _stages_fit_the_answer(boosting: Any) -> bool:
    """Each tree of a stage adds to a column of the answer: there must be as many."""
    import numpy as np

    trees = getattr(boosting, "estimators_", None)
    if trees is None:
        return True
    row = np.zeros((1, boosting.n_features_in_), dtype=np.float32)
    return bool(trees.ndim == 2 and boosting._raw_predict_init(row).shape == (1, trees.shape[1]))


CHECKS: dict[str, Callable[[Any], bool]] = {
    "scipy.sparse._base._spbase": _sparse_stays_inside,
    "sklearn.neighbors._kd_tree.KDTree": _weights_are_those_of_points,
    "sklearn.neighbors._ball_tree.BallTree": _weights_are_those_of_points,
    "sklearn.cluster._kmeans.KMeans": _centers_have_all_features,
    "sklearn.cluster._kmeans.MiniBatchKMeans": _centers_have_all_features,
    "sklearn.cluster._bisect_k_means.BisectingKMeans": _bisections_have_all_features,
    "sklearn.svm._base.BaseLibSVM": _machine_is_whole,
    "sklearn.ensemble._gb.BaseGradientBoosting": _stages_fit_the_answer,
}
