"""scikit-learn's HistGradientBoosting as ONNX's TreeEnsemble, which skl2onnx does not convert.

A node asks ``value <= threshold``, or of a category whether it is among some. In scikit-learn a missing value, and a category
that training never saw, goes where the node says that missing ones go. In ONNX a category that is none of a node's members takes
the false branch, and so does NaN. So the members of a node are those that go the *other* way than missing ones: then both agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

AT_MOST, MEMBER = 0, 6  # ONNX's modes of a node
SUM, UNCHANGED = 1, 0  # its ways to aggregate and to transform
BITS = 32  # of a word of scikit-learn's sets


@dataclass
class Ensemble:
    """The lists of ONNX's TreeEnsemble, version 5 of its operators for machine learning, as they fill.

    A child is the number of a node, or of a leaf where ``…leafs`` says 1.
    """

    roots: list[int] = field(default_factory=list)
    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    true: list[int] = field(default_factory=list)
    true_leafs: list[int] = field(default_factory=list)
    false: list[int] = field(default_factory=list)
    false_leafs: list[int] = field(default_factory=list)
    missing_true: list[int] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)

    def attributes(self, n_targets: int, dtype: Any) -> dict[str, Any]:
        """As ONNX names them."""
        import numpy as np
        from onnx import numpy_helper

        def tensor(values: Sequence[float], of: Any = dtype) -> Any:
            return numpy_helper.from_array(np.array(values, of))

        return {
            "aggregate_function": SUM, "post_transform": UNCHANGED, "n_targets": n_targets, "tree_roots": self.roots,
            "nodes_featureids": self.features, "nodes_modes": tensor(self.modes, np.uint8),
            "nodes_splits": tensor(self.splits), "nodes_truenodeids": self.true, "nodes_trueleafs": self.true_leafs,
            "nodes_falsenodeids": self.false, "nodes_falseleafs": self.false_leafs,
            "nodes_missing_value_tracks_true": self.missing_true,
            "leaf_targetids": self.targets, "leaf_weights": tensor(self.weights),
            **({"membership_values": tensor(self.members)} if self.members else {}),
        }  # fmt: skip


@dataclass(frozen=True)
class Columns:
    """The columns of a fitted HistGradientBoosting as its trees see them.

    Attributes:
        original: of each column of the trees, the column of the matrix that it was given: categories come first.
        values: of each column of categories, the value of each code.
    """

    original: tuple[int, ...]
    values: dict[int, np.ndarray]

    @classmethod
    def of(cls, model: Any) -> Columns:
        """Those of a model. A category that is text is known by its place in the model's list, see ``codes_of``."""
        import numpy as np

        given = model.is_categorical_
        if given is None:
            return cls(tuple(range(model.n_features_in_)), {})
        original = (*np.flatnonzero(given).tolist(), *np.flatnonzero(~given).tolist())
        return cls(original, {n: _numbers(known) for n, known in enumerate(_categories(model))})


def codes_of(model: Any) -> dict[int, dict[Any, float]]:
    """Column of the matrix -> category -> the number that the trees know it by; of those whose categories are text."""
    import numpy as np

    if model.is_categorical_ is None:
        return {}
    columns = np.flatnonzero(model.is_categorical_).tolist()
    known = dict(zip(columns, _categories(model), strict=True))
    return {
        column: {value: float(place) for place, value in enumerate(values) if isinstance(value, str)}
        for column, values in known.items()
        if values.dtype.kind not in "fiub"
    }


def _categories(model: Any) -> list[np.ndarray]:
    found: list[np.ndarray] = model._preprocessor.named_transformers_["encoder"].categories_
    return found


def _numbers(values: np.ndarray) -> np.ndarray:
    import numpy as np

    return values.astype(np.float64) if values.dtype.kind in "fiub" else np.arange(len(values), dtype=np.float64)


def ensemble_of(model: Any, *, dtype: Any) -> Ensemble:
    """The trees of a fitted HistGradientBoosting, one target for each of its raw scores.

    Args:
        dtype: of the numbers that ONNX compares, NumPy's float32 or float64.
    """
    found, columns = Ensemble(), Columns.of(model)
    for stage in model._predictors:
        for target, tree in enumerate(stage):
            _add(found, tree, target, columns, dtype)
    return found


@dataclass(frozen=True)
class Child:
    """Where a branch leads: the number of a node or of a leaf."""

    place: int
    is_leaf: bool


def _add(found: Ensemble, tree: Any, target: int, columns: Columns, dtype: Any) -> None:
    """One tree, whose raw score is added to a target."""
    children = _placed(found, tree.nodes, target)
    if children[0].is_leaf:  # which is all of the tree: a node whose branches both lead to it
        found.roots.append(len(found.features))
        _append(found, 0, 0.0, children[0], children[0])
        return
    found.roots.append(children[0].place)
    for node in tree.nodes:
        if node["is_leaf"]:
            continue
        left, right = (children[int(node[side])] for side in ("left", "right"))
        if node["is_categorical"]:
            _append_category(found, node, tree, columns, (left, right))
        else:
            threshold, column = _not_above(node["num_threshold"], dtype), columns.original[int(node["feature_idx"])]
            _append(found, column, threshold, left, right, missing_true=bool(node["missing_go_to_left"]))


def _placed(found: Ensemble, nodes: np.ndarray, target: int) -> list[Child]:
    """The number that each node of a tree will have; leaves are written at once."""
    children, inner = [], len(found.features)
    for node in nodes:
        children.append(Child(len(found.weights) if node["is_leaf"] else inner, bool(node["is_leaf"])))
        if node["is_leaf"]:
            found.weights.append(float(node["value"]))
            found.targets.append(target)
        else:
            inner += 1
    return children


def _append_category(found: Ensemble, node: Any, tree: Any, columns: Columns, sides: tuple[Child, Child]) -> None:
    """A node of a category: true for those that go the other way than missing ones."""
    feature, missing_left = int(node["feature_idx"]), bool(node["missing_go_to_left"])
    goes_left = _set(tree.raw_left_cat_bitsets[node["bitset_idx"]])
    moved = [value for code, value in enumerate(columns.values[feature]) if (code in goes_left) != missing_left]
    members = [float(value) for value in moved if value == value]  # noqa: PLR0124  # NaN is none
    false, true = sides if missing_left else sides[::-1]
    if not members:  # nobody takes the true branch: no number is at most -∞
        _append(found, columns.original[feature], float("-inf"), true, false)
        return
    _append(found, columns.original[feature], 0.0, true, false, mode=MEMBER)
    found.members += [*members, float("nan")]  # which ends a node's list


def _append(
    found: Ensemble,
    feature: int,
    split: float,
    true: Child,
    false: Child,
    *,
    mode: int = AT_MOST,
    missing_true: bool = False,
) -> None:
    found.features.append(feature)
    found.modes.append(mode)
    found.splits.append(split)
    found.true.append(true.place)
    found.true_leafs.append(int(true.is_leaf))
    found.false.append(false.place)
    found.false_leafs.append(int(false.is_leaf))
    found.missing_true.append(int(missing_true))


def _set(words: np.ndarray) -> set[int]:
    return {BITS * n + bit for n, word in enumerate(words) for bit in range(BITS) if int(word) >> bit & 1}


def _not_above(threshold: float, dtype: Any) -> float:
    """The largest number of a type that is not above a threshold: then ``value <= threshold`` is the same for its values."""
    import numpy as np

    near = dtype(threshold)
    return float(np.nextafter(near, dtype(-np.inf)) if float(near) > threshold else near)
