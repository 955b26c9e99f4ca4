"""What must hold in the text of a LightGBM model before LightGBM reads it: it follows indices and sizes without looking.

Trees lie where ``tree_sizes`` says, children exist and come after their parent, each split asks for a feature that there is,
and each list is as long as the nodes, leaves or categories that it speaks of.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from typing import Any

TAIL = re.compile(  # what follows the trees: how often each feature is used, parameters, pandas' categories
    r"end of trees\n\nfeature_importances:\n(?:[^\n]+=\d+(?:\.\d+)?(?:e[+-]?\d+)?\n)*"
    r"\nparameters:\n(?:\[\w+: [^\n]*\]\n)+\nend of parameters\n\npandas_categorical:[^\n]+\n"
)
CATEGORICAL = 1  # bit of a decision's type
WHOLE = re.compile(r"(?:-?\d{1,18}(?: +|$))*")
REAL = re.compile(r"(?:-?(?:\d{1,400}(?:\.\d{1,400})?(?:e[+-]?\d{1,4})?|inf|nan)(?: +|$))*")
ZERO_OR_NONE = re.compile(r"-?(?:0(?:\.0*)?(?:e[+-]?\d{1,4})?|inf|nan)")
SINGLE, DOUBLE = (1.2e-38, 3.4e38), (sys.float_info.min, sys.float_info.max)
PER_SPLIT = {
    "split_feature": WHOLE, "split_gain": REAL, "threshold": REAL, "decision_type": WHOLE, "left_child": WHOLE,
    "right_child": WHOLE, "internal_value": REAL, "internal_weight": REAL, "internal_count": WHOLE,
}  # fmt: skip
PER_LEAF = {"leaf_value": REAL, "leaf_weight": REAL, "leaf_count": WHOLE, "leaf_const": REAL, "num_features": WHOLE}
OTHERS = {
    "Tree": WHOLE, "num_leaves": WHOLE, "num_cat": WHOLE, "is_linear": WHOLE, "shrinkage": REAL, "cat_boundaries": WHOLE,
    "cat_threshold": WHOLE, "leaf_features": WHOLE, "leaf_coeff": REAL,
}  # fmt: skip
KINDS = {**PER_SPLIT, **PER_LEAF, **OTHERS}


def refuse_broken(text: str) -> None:
    """ValueError or LookupError for what LightGBM would read beyond of."""
    head, trees = _sections(text)
    width = int(head["num_tree_per_iteration"])
    names, infos = head["feature_names"].split(" "), head["feature_infos"].split(" ")
    n_features = int(head["max_feature_idx"]) + 1
    _must(n_features == len(names) == len(infos), "features")
    _must(int(head["num_class"]) == width and width in range(1, max(len(trees), 1) + 1), "trees for each class")
    _must(len(trees) % width == 0 and int(head["label_index"]) in range(n_features + 1), "trees")
    told = re.search(r"num_class:(\d+)", head.get("objective", ""))
    is_multiclass = head.get("objective", "").startswith("multiclass")
    _must(int(told[1]) == width if told else not is_multiclass, "classes of the objective")
    for at, tree in enumerate(trees):
        _refuse_broken_tree(_fields(tree), at, n_features)


def _sections(text: str) -> tuple[dict[str, str], list[str]]:
    """The head and the text of each tree, cut where the head says, which is where LightGBM cuts it."""
    first, found, rest = text.partition("\n\n")
    _must(bool(found) and first.startswith("tree\n") and "\0" not in text, "its beginning")
    head = _fields(first)
    body = rest.encode()
    trees, at = [], 0
    for size in (int(size) for size in head["tree_sizes"].split()):
        tree = body[at : at + size].decode()
        _must(size > 0 and tree.startswith("Tree=") and tree.count("Tree=") == 1, "where trees lie")
        trees.append(tree)
        at += size
    _must(bool(TAIL.fullmatch(body[at:].decode())), "what follows the trees")
    return head, trees


def _fields(lines: str) -> dict[str, str]:
    pairs = [line.partition("=") for line in lines.split("\n") if line]
    found = {name: value for name, _, value in pairs}
    _must(len(found) == len(pairs), "fields, of which one stands there twice")
    return found


def _refuse_broken_tree(tree: Mapping[str, str], at: int, n_features: int) -> None:
    n_leaves, n_categorical = int(tree["num_leaves"]), int(tree["num_cat"])
    _must(int(tree["Tree"]) == at and n_leaves > 0 and n_categorical >= 0, "the size of a tree")
    _must(all(_are_numbers(name, line) for name, line in tree.items()), "numbers")
    _must(all(len(tree[name].split()) == n_leaves for name in PER_LEAF if tree.get(name)), "leaves")
    _refuse_broken_lines(tree, n_leaves, n_features)
    if n_leaves == 1:
        return
    import numpy as np

    _must(all(len(tree[name].split()) == n_leaves - 1 for name in PER_SPLIT), "splits")
    _must("leaf_value" in tree and "leaf_count" in tree, "leaves")
    asked, kinds, left, right = (
        _whole(tree, name) for name in ("split_feature", "decision_type", "left_child", "right_child")
    )
    nodes = np.arange(n_leaves - 1)
    for child in (left, right):
        _must(
            bool((((child > nodes) & (child < n_leaves - 1)) | ((child < 0) & (~child < n_leaves))).all()), "children"
        )
    _must(bool(((asked >= 0) & (asked < n_features)).all()), "features of splits")
    by_category = np.array(tree["threshold"].split(), "f8")[(kinds & CATEGORICAL) != 0]
    _must(bool(((by_category >= 0) & (by_category < n_categorical)).all()), "splits by categories")
    if n_categorical:
        ends, bits = _whole(tree, "cat_boundaries"), tree["cat_threshold"].split()
        _must(len(ends) == n_categorical + 1 and ends[0] == 0 and ends[-1] == len(bits), "categories")
        _must(bool((np.diff(ends) >= 0).all()), "categories")


def _are_numbers(name: str, line: str) -> bool:
    """Whether LightGBM reads a line as numbers of its kind: one too large or too small for it ends the process."""
    import numpy as np

    if not KINDS[name].fullmatch(line.strip(" ")):
        return False
    texts = line.split()
    if KINDS[name] is WHOLE:
        whole = np.array(texts, "i8")
        return bool(((whole >= -(2**31)) & (whole < 2 ** (32 if name == "cat_threshold" else 31))).all())
    values = np.abs(np.array(texts, "f8"))
    least, most = SINGLE if name == "split_gain" else DOUBLE
    odd = np.flatnonzero(~((values >= least) & (values <= most)))
    return all(ZERO_OR_NONE.fullmatch(texts[at]) for at in odd)


def _refuse_broken_lines(tree: Mapping[str, str], n_leaves: int, n_features: int) -> None:
    """Of a linear tree: the features of each leaf."""
    if int(tree.get("is_linear", "0")) == 0:
        return
    counts, features = _whole(tree, "num_features"), _whole(tree, "leaf_features")
    _must(len(counts) == n_leaves and bool((counts >= 0).all()), "leaves with lines")
    _must(int(counts.sum()) == len(features) == len(tree["leaf_coeff"].split()), "lines of leaves")
    _must(len(tree["leaf_const"].split()) == n_leaves, "lines of leaves")
    _must(bool(((features >= 0) & (features < n_features)).all()), "features of lines")


def _whole(tree: Mapping[str, str], name: str) -> Any:
    import numpy as np

    return np.array(tree[name].split(), "i8")


def _must(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"a LightGBM model does not agree with itself: {what}")
