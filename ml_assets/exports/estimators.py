"""scikit-learn's estimators as ONNX, by skl2onnx.

It does not convert HistGradientBoosting (1.20.0 with scikit-learn 1.9.1): it is told how, see ``trees``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ml_assets.exports import trees
from ml_assets.exports.conversion import MACHINE_LEARNING, ML_OPSET, OPSET, Unconvertible, columns_of, named, set_opset
from ml_assets.exports.graph import Converted, Fed, Number, text_columns
from ml_assets.store import is_instance

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.exports.asked import Asked

Name = Callable[[str], str]  # a name that nothing in the graph has yet
TREES_OPSET = 5  # of the operators for machine learning: the first with TreeEnsemble
OPERATORS = 13  # of ONNX: those that are used here are since then as they are
TREES = ("sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "BaseHistGradientBoosting")


def estimator(asked: Asked, number: Number) -> Converted:
    """By skl2onnx. It does not convert HistGradientBoosting (1.20.0 with scikit-learn 1.9.1): that is done by ``trees``."""
    from skl2onnx import convert_sklearn

    model, types = asked.model.estimator, asked.features
    columns = columns_of(asked, getattr(model, "feature_names_in_", None), getattr(model, "n_features_in_", None))
    inputs = _by_column(columns, types, number) if _chooses_columns(model) else _matrix(model, columns, number)
    shapes, functions = _of_trees(number)
    made = convert_sklearn(
        model,
        initial_types=[(name, _type_of(fed)) for name, fed in inputs.items()],
        options=_without_zipmap(model),
        target_opset={"": OPSET, MACHINE_LEARNING: ML_OPSET},
        custom_shape_calculators=shapes,
        custom_conversion_functions=functions,
    )
    if any(node.op_type == "TreeEnsemble" for node in made.graph.node):
        set_opset(made, MACHINE_LEARNING, TREES_OPSET)
    return Converted(made, inputs, named("skl2onnx"))


def _by_column(columns: tuple[str, ...], types: pd.DataFrame, number: Number) -> dict[str, Fed]:
    text = text_columns(types)
    return {name: Fed((name,), "string" if name in text else number) for name in columns}


def _matrix(model: Any, columns: tuple[str, ...], number: Number) -> dict[str, Fed]:
    is_trees = is_instance(model, *TREES)
    codes = {columns[at]: of for at, of in trees.codes_of(model).items()} if is_trees else {}
    return {"columns": Fed(columns, number, codes)}


def _chooses_columns(model: Any) -> bool:
    """Whether it takes columns by their names: a ColumnTransformer, or a pipeline that begins with one."""
    while is_instance(model, "sklearn.pipeline", "Pipeline"):
        model = model.steps[0][1]
    return is_instance(model, "sklearn.compose", "ColumnTransformer")


def _without_zipmap(model: Any) -> dict[Any, Any] | None:
    """Probabilities as a matrix, not as a list of dicts."""
    from sklearn.base import is_classifier

    return {id(model): {"zipmap": False}} if is_classifier(model) else None


def _type_of(fed: Fed) -> Any:
    from skl2onnx.common import data_types as of

    kinds = {"string": of.StringTensorType, "float32": of.FloatTensorType, "float64": of.DoubleTensorType}
    return kinds[fed.dtype]([None, len(fed.columns)])


def _of_trees(number: Number) -> tuple[dict[type, Any], dict[type, Any]]:
    """What skl2onnx is told of HistGradientBoosting: the shapes of its outputs, and its nodes."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
    from sklearn.ensemble import HistGradientBoostingRegressor as Regressor

    def shapes(operator: Any) -> None:
        from skl2onnx.common.data_types import Int64TensorType

        model, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
        kind = type(_type_of(Fed(("one",), number)))
        operator.outputs[-1].type = kind([rows, len(getattr(model, "classes_", [0]))])
        if len(operator.outputs) == 2:
            operator.outputs[0].type = Int64TensorType([rows])

    def convert(scope: Any, operator: Any, container: Any) -> None:
        _add_trees(operator.raw_operator, operator, scope.get_unique_variable_name, container, number)

    kinds = (Classifier, Regressor)
    return dict.fromkeys(kinds, shapes), dict.fromkeys(kinds, convert)


def _add_trees(model: Any, operator: Any, name: Name, container: Any, number: Number) -> None:
    """Raw scores of the trees, what the loss makes of them, and of classes the place of the most probable."""
    import numpy as np
    from onnx import numpy_helper

    def add(kind: str, inputs: list[str], output: str, **more: Any) -> str:
        version = {"op_version": OPERATORS} if "op_version" not in more else {}
        container.add_node(kind, inputs, [output], name=name(kind.lower()), **version, **more)
        return output

    dtype = np.dtype(number).type
    attributes = trees.ensemble_of(model, dtype=dtype).attributes(model.n_trees_per_iteration_, dtype)
    of_trees = {"op_domain": MACHINE_LEARNING, "op_version": ML_OPSET}
    scores = add("TreeEnsemble", [operator.inputs[0].full_name], name("scores"), **of_trees, **attributes)
    start = numpy_helper.from_array(np.asarray(model._baseline_prediction, dtype).reshape(1, -1))
    raw = add("Add", [scores, add("Constant", [], name("start"), value=start)], name("raw"))
    answer = _add_link(type(model._loss.link).__name__, raw, operator.outputs[-1].full_name, add, name)
    if len(operator.outputs) == 2:
        add("ArgMax", [answer], operator.outputs[0].full_name, axis=1, keepdims=0)


def _add_link(link: str, raw: str, answer: str, add: Callable[..., str], name: Name) -> str:
    """What a loss makes of raw scores: of two classes the probabilities of both."""
    if link == "LogitLink":
        yes = add("Sigmoid", [raw], name("yes"))
        no = add("Sigmoid", [add("Neg", [raw], name("minus"))], name("no"))
        return add("Concat", [no, yes], answer, axis=1)
    known = {"IdentityLink": "Identity", "LogLink": "Exp", "MultinomialLogit": "Softmax"}
    if link not in known:
        raise Unconvertible(f"HistGradientBoosting with the link {link} has no form in ONNX here")
    return add(known[link], [raw], answer)
