"""HistGradientBoosting as ONNX, against scikit-learn itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from ml_assets.exports.trees import ensemble_of

ROWS = 3_000


def table(*, categories: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Numbers, of which some are missing, and in the second column categories, of which some are missing."""
    rng = np.random.default_rng(3)
    X = rng.normal(size=(ROWS, 4)).round(2)
    X[:, 1] = rng.integers(0, categories, ROWS)
    score = 2 * X[:, 0] + np.sin(X[:, 1]) * 3 + X[:, 2] * X[:, 3] + rng.normal(size=ROWS)
    X[rng.random(X.shape) < 0.1] = np.nan
    return X, score


def raw(model: Any, X: np.ndarray, dtype: Any) -> np.ndarray:
    """The trees' raw scores by onnxruntime, without what they start from."""
    targets, kind = model.n_trees_per_iteration_, TensorProto.DOUBLE if dtype is np.float64 else TensorProto.FLOAT
    node = helper.make_node(
        "TreeEnsemble", ["X"], ["Y"], domain="ai.onnx.ml", **ensemble_of(model, dtype=dtype).attributes(targets, dtype)
    )
    shapes = [helper.make_tensor_value_info(name, kind, [None, size]) for name, size in (("X", 4), ("Y", targets))]
    graph = helper.make_graph([node], "trees", shapes[:1], shapes[1:])
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 5)], ir_version=10)
    (found,) = onnxruntime.InferenceSession(made.SerializeToString()).run(None, {"X": X.astype(dtype)})
    return found.astype(np.float64)


def of_sklearn(model: Any, X: np.ndarray) -> np.ndarray:
    return model._raw_predict(X).reshape(len(X), -1) - model._baseline_prediction


MODELS = {
    "numbers": HistGradientBoostingRegressor(max_iter=20),
    "categories": HistGradientBoostingRegressor(max_iter=20, categorical_features=[1]),
    "two classes": HistGradientBoostingClassifier(max_iter=20, categorical_features=[1]),
    "three classes": HistGradientBoostingClassifier(max_iter=5, categorical_features=[1], max_leaf_nodes=7),
    "a leaf each": HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=ROWS),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", MODELS)
def test_trees_answer_as_those_of_scikit_learn(name: str, dtype: Any):
    X, score = table()
    label = {"two classes": score > 0, "three classes": np.searchsorted([-2, 2], score)}.get(name, score)
    model = MODELS[name].fit(
        X.astype(np.float32), label
    )  # midpoints of float32 are no float32: thresholds are rounded down

    found = raw(model, X.astype(np.float32), dtype)

    np.testing.assert_allclose(
        found, of_sklearn(model, X.astype(np.float32)), atol=1e-12 if dtype is np.float64 else 1e-5
    )


def test_a_category_that_training_never_saw_goes_where_missing_ones_go():
    X, score = table(categories=12)
    model = HistGradientBoostingRegressor(max_iter=30, categorical_features=[1]).fit(X, score)
    asked = X.copy()
    asked[:, 1] = 99

    found = raw(model, asked, np.float64)

    np.testing.assert_allclose(found, of_sklearn(model, asked), atol=1e-12)
    assert (
        len(
            {tree.nodes["missing_go_to_left"][tree.nodes["is_categorical"] == 1].max() for (tree,) in model._predictors}
        )
        == 2
    )


def test_thresholds_keep_every_bit_as_doubles():
    X, score = table()
    model = HistGradientBoostingRegressor(max_iter=2).fit(X, score)
    splits = numpy_helper.to_array(ensemble_of(model, dtype=np.float64).attributes(1, np.float64)["nodes_splits"])

    nodes = np.concatenate([tree.nodes for (tree,) in model._predictors])
    assert set(splits) == set(nodes["num_threshold"][nodes["is_leaf"] == 0])
