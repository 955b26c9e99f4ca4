"""What must hold in the bytes of an XGBoost model before XGBoost reads them: it follows indices and sizes without looking.

Children exist and come after their parent, each split asks for a feature that there is, categories lie where a tree says,
and each tree, group and weight is counted as often as there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.store.codecs import ubjson

MOST_FEATURES = 1 << 22  # where nothing else says how many there are; XGBoost takes memory for each
MOST_CATEGORIES = 1 << 24  # XGBoost's own limit
CATEGORICAL = 1


def refuse_broken(data: bytes) -> None:
    """ValueError, LookupError or TypeError for what XGBoost would read beyond of."""
    learner = ubjson.read(data)["learner"]
    size = learner["learner_model_param"]
    n_features = int(size["num_feature"])
    n_groups = max(int(size["num_class"]), int(size["num_target"]), 1)
    names = len(learner["feature_names"])
    _must(n_features == names if names else 0 <= n_features <= MOST_FEATURES, "features")
    _must(len(learner["feature_types"]) in (0, names or n_features), "types of features")
    booster = learner["gradient_booster"]
    if booster["name"] == "gblinear":
        _must(len(booster["model"]["weights"]) == (n_features + 1) * n_groups, "weights")
        return
    _must(booster["name"] in ("gbtree", "dart"), "a booster of this name")
    trees = booster["gbtree"] if booster["name"] == "dart" else booster
    _refuse_broken_trees(trees["model"], n_features, n_groups)
    _must(len(booster.get("weight_drop", trees["model"]["trees"])) == len(trees["model"]["trees"]), "weights of trees")


def _refuse_broken_trees(model: Mapping[str, Any], n_features: int, n_groups: int) -> None:
    trees, ends = model["trees"], [int(end) for end in model["iteration_indptr"]]
    _must(int(model["gbtree_model_param"]["num_trees"]) == len(trees) == len(model["tree_info"]), "trees")
    _must(n_groups <= max(len(trees), 1) or _is_vector(trees), "trees for each class")
    _must(int(model["gbtree_model_param"]["num_parallel_tree"]) in range(1, max(len(trees), 1) + 1), "parallel trees")
    _must(ends == sorted(ends) and ends[0] == 0 and ends[-1] == len(trees), "ends of iterations")
    _must(all(0 <= int(group) < n_groups for group in model["tree_info"]), "groups of trees")
    _refuse_broken_categories(model["cats"], n_features)
    for at, tree in enumerate(trees):
        _must(tree["id"] == at, "numbers of trees")
        _refuse_broken_tree(tree, n_features, n_groups)


def _is_vector(trees: list[Any]) -> bool:
    return bool(trees) and int(trees[0]["tree_param"]["size_leaf_vector"]) > 1


def _refuse_broken_tree(tree: Mapping[str, Any], n_features: int, n_groups: int) -> None:
    import numpy as np

    n, width = (int(tree["tree_param"][name]) for name in ("num_nodes", "size_leaf_vector"))
    _must(
        int(tree["tree_param"]["num_feature"]) == n_features and width in (1, n_groups) and n > 0, "the size of a tree"
    )
    each = ("default_left", "left_children", "loss_changes", "parents", "right_children", "split_conditions",
            "split_indices", "split_type", "sum_hessian")  # fmt: skip
    _must(all(len(tree[name]) == n for name in each) and len(tree["base_weights"]) == n * width, "nodes")
    left, right = (tree[side].astype(np.int64) for side in ("left_children", "right_children"))
    parents = np.flatnonzero(left != -1)
    for child in (left[parents], right[parents]):
        _must(bool(((child > parents) & (child < n)).all()), "children")
        _must(bool((tree["parents"][child] == parents).all()), "parents")
    asked = tree["split_indices"][parents]
    _must(bool(((asked >= 0) & (asked < n_features)).all()), "features of splits")
    if width > 1:
        leaves = right[left == -1]
        _must(bool(((leaves >= 0) & (leaves < len(tree["leaf_weights"]) // width)).all()), "leaves")
    _refuse_broken_bitsets(tree, n, parents)


def _refuse_broken_bitsets(tree: Mapping[str, Any], n: int, parents: Any) -> None:
    """Which categories go right at a node that splits by them."""
    import numpy as np

    nodes, starts, sizes = (tree[f"categories{name}"].astype(np.int64) for name in ("_nodes", "_segments", "_sizes"))
    _must(len(nodes) == len(starts) == len(sizes), "categories of nodes")
    _must(bool(np.isin(tree["split_type"], (0, CATEGORICAL)).all()), "types of splits")
    splits = parents[tree["split_type"][parents] == CATEGORICAL]
    _must(np.array_equal(nodes, np.flatnonzero(tree["split_type"] == CATEGORICAL)), "nodes that split by categories")
    _must(bool(np.isin(splits, nodes).all()), "nodes that split by categories")
    _must(bool((sizes > 0).all()) and np.array_equal(starts, np.cumsum(sizes) - sizes), "where categories lie")
    _must(int(sizes.sum()) == len(tree["categories"]), "categories")
    _must(bool(((tree["categories"] >= 0) & (tree["categories"] < MOST_CATEGORIES)).all()), "categories")


def _refuse_broken_categories(cats: Mapping[str, Any], n_features: int) -> None:
    """The names or numbers that categories had in training."""
    import numpy as np

    if not cats["enc"]:
        _must(not len(cats["feature_segments"]) and not len(cats["sorted_idx"]), "categories of features")
        return
    counts = [_count(of) for of in cats["enc"]]
    _must(len(counts) == n_features, "categories of features")
    _must(np.array_equal(cats["feature_segments"], np.cumsum([0, *counts])), "where categories of features lie")
    order = [np.arange(n) for n in counts]
    at = np.cumsum([0, *counts])
    _must(len(cats["sorted_idx"]) == at[-1], "the order of categories")
    found = (np.sort(cats["sorted_idx"][at[i] : at[i + 1]]) for i in range(n_features))
    _must(all(np.array_equal(one, other) for one, other in zip(found, order, strict=True)), "the order of categories")


def _count(of: Mapping[str, Any]) -> int:
    import numpy as np

    if "offsets" not in of:
        return len(of["values"])
    offsets = np.asarray(of["offsets"], np.int64)
    starts_and_ends = not len(offsets) or (offsets[0] == 0 and offsets[-1] == len(of["values"]))
    _must(bool(starts_and_ends and (np.diff(offsets) >= 0).all()), "names of categories")
    return max(len(offsets) - 1, 0)


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"an XGBoost model does not agree with itself: {what}")
