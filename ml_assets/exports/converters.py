"""From a model to an ONNX graph, by the library that converts its kind: skl2onnx, onnxmltools, CatBoost's own, torch.onnx.

Each is called here, with what it is known to get wrong: see the functions. What none converts is refused, with the name of the
model, the converter and its version.
"""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ml_assets.errors import Refused
from ml_assets.exports import trees
from ml_assets.exports.graph import Converted, Fed, Number, text_columns
from ml_assets.network import Codes, Numbers
from ml_assets.store import is_instance

if TYPE_CHECKING:
    import pandas as pd

    from ml_assets.exports.asked import Asked

OPSET, ONNXMLTOOLS_OPSET = 21, 15  # of ONNX, and the newest that onnxmltools knows
SKL2ONNX_OPSET, TREES_OPSET = (
    3,
    5,
)  # of its operators for machine learning: skl2onnx's newest, and the first with TreeEnsemble
NUMBERS: tuple[Number, ...] = ("float32", "float64")
Convert = Callable[["Asked", Number], Converted]


class Unconvertible(Exception):
    """A converter cannot do this model; the message says which and why."""


def converter_of(asked: Asked) -> tuple[Convert, tuple[Number, ...]]:
    """What converts this model, and the types of numbers that it can be tried with.

    Raises:
        Refused: if nothing does.
    """
    model = asked.model.estimator
    if asked.problem.network is not None:
        return _network, ("float32",)
    for module, name, convert, numbers in _KINDS:
        if is_instance(model, module, name):
            return convert, numbers
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise Refused(
        f"The model of {asked.key} is a {kind}, and no converter to ONNX knows what {asked.problem.name}'s predict does with it. "
        "Nothing was written. If it is a network of torch, say so with the problem's network; else export it with --to native "
        "or --to mlflow."
    )


def _estimator(asked: Asked, number: Number) -> Converted:
    """By skl2onnx. It does not convert HistGradientBoosting (1.20.0 with scikit-learn 1.9.1): that is done by ``trees``."""
    from skl2onnx import convert_sklearn

    model, types = asked.model.estimator, asked.features
    columns = _columns(asked, getattr(model, "feature_names_in_", None), getattr(model, "n_features_in_", None))
    inputs = _by_column(columns, types, number) if _chooses_columns(model) else _matrix(model, columns, number)
    shapes, functions = _of_trees(number)
    made = convert_sklearn(
        model,
        initial_types=[(name, _skl2onnx_type(fed)) for name, fed in inputs.items()],
        options=_without_zipmap(model),
        target_opset={"": OPSET, "ai.onnx.ml": SKL2ONNX_OPSET},
        custom_shape_calculators=shapes,
        custom_conversion_functions=functions,
    )
    if any(node.op_type == "TreeEnsemble" for node in made.graph.node):
        _set_opset(made, "ai.onnx.ml", TREES_OPSET)
    return Converted(made, inputs, _named("skl2onnx"))


def _set_opset(model: Any, domain: str, version: int) -> None:
    """Say which version of a domain's operators is meant: converters say the newest of the nodes that they made."""
    from onnx import helper

    for one in [one for one in model.opset_import if one.domain == domain]:
        model.opset_import.remove(one)
    model.opset_import.append(helper.make_opsetid(domain, version))


def _by_onnxmltools(model: Any) -> Any:
    """The model, said to be of the operators that were asked for, so that ours fit in."""
    _set_opset(model, "", ONNXMLTOOLS_OPSET)
    _set_opset(model, "ai.onnx.ml", SKL2ONNX_OPSET)
    return model


def _by_column(columns: tuple[str, ...], types: pd.DataFrame, number: Number) -> dict[str, Fed]:
    text = text_columns(types)
    return {name: Fed((name,), "string" if name in text else number) for name in columns}


def _matrix(model: Any, columns: tuple[str, ...], number: Number) -> dict[str, Fed]:
    is_trees = is_instance(model, *_TREES)
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


def _skl2onnx_type(fed: Fed) -> Any:
    from skl2onnx.common import data_types as of

    kinds = {"string": of.StringTensorType, "float32": of.FloatTensorType, "float64": of.DoubleTensorType}
    return kinds[fed.dtype]([None, len(fed.columns)])


_TREES = ("sklearn.ensemble._hist_gradient_boosting.gradient_boosting", "BaseHistGradientBoosting")


def _of_trees(number: Number) -> tuple[dict[type, Any], dict[type, Any]]:
    """What skl2onnx is told of HistGradientBoosting: the shapes of its outputs, and its nodes."""
    from sklearn.ensemble import HistGradientBoostingClassifier as Classifier
    from sklearn.ensemble import HistGradientBoostingRegressor as Regressor

    def shapes(operator: Any) -> None:
        from skl2onnx.common.data_types import Int64TensorType

        model, rows = operator.raw_operator, operator.inputs[0].get_first_dimension()
        kind = type(_skl2onnx_type(Fed(("one",), number)))
        operator.outputs[-1].type = kind([rows, len(getattr(model, "classes_", [0]))])
        if len(operator.outputs) == 2:
            operator.outputs[0].type = Int64TensorType([rows])

    def convert(scope: Any, operator: Any, container: Any) -> None:
        _add_trees(operator.raw_operator, operator, scope.get_unique_variable_name, container, number)

    kinds = (Classifier, Regressor)
    return dict.fromkeys(kinds, shapes), dict.fromkeys(kinds, convert)


def _add_trees(model: Any, operator: Any, name: Callable[[str], str], container: Any, number: Number) -> None:
    """Raw scores of the trees, and what the loss makes of them."""
    import numpy as np
    from onnx import numpy_helper

    dtype = np.dtype(number).type
    many = model.n_trees_per_iteration_
    outputs = operator.outputs
    scores, raw, first = name("scores"), name("raw"), name("first")
    attributes = trees.ensemble_of(model, dtype=dtype).attributes(many, dtype)
    container.add_node(
        "TreeEnsemble",
        [operator.inputs[0].full_name],
        [scores],
        op_domain="ai.onnx.ml",
        op_version=SKL2ONNX_OPSET,
        name=name("trees"),
        **attributes,
    )
    start = numpy_helper.from_array(np.asarray(model._baseline_prediction, dtype).reshape(1, -1))
    container.add_node("Constant", [], [first], op_version=OPSET, name=name("start"), value=start)
    container.add_node("Add", [scores, first], [raw], op_version=14, name=name("add"))
    answer = outputs[-1].full_name
    _add_link(type(model._loss.link).__name__, raw, answer, name, container)
    if len(outputs) == 2:
        container.add_node(
            "ArgMax", [answer], [outputs[0].full_name], op_version=13, name=name("label"), axis=1, keepdims=0
        )


def _add_link(link: str, raw: str, answer: str, name: Callable[[str], str], container: Any) -> None:
    if link == "LogitLink":
        yes, no = name("yes"), name("no")
        minus = name("minus")
        container.add_node("Sigmoid", [raw], [yes], op_version=13, name=name("sigmoid"))
        container.add_node("Neg", [raw], [minus], op_version=13, name=name("neg"))
        container.add_node("Sigmoid", [minus], [no], op_version=13, name=name("sigmoid"))
        container.add_node("Concat", [no, yes], [answer], op_version=13, name=name("both"), axis=1)
        return
    known = {"IdentityLink": "Identity", "LogLink": "Exp", "MultinomialLogit": "Softmax"}
    if link not in known:
        raise Unconvertible(f"HistGradientBoosting with the link {link} has no form in ONNX here")
    container.add_node(known[link], [raw], [answer], op_version=13, name=name(known[link].lower()))


def _xgboost(asked: Asked, number: Number) -> Converted:
    """By onnxmltools, which takes features that are called ``f0``, ``f1`` … only: a copy of the booster is called so."""
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = asked.model.estimator
    booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
    columns = _columns(asked, booster.feature_names, booster.num_features())
    if "c" in (booster.feature_types or ()):
        raise Unconvertible("onnxmltools converts no categories of XGBoost")
    plain = xgboost.Booster(model_file=bytearray(booster.save_raw("ubj")))
    plain.feature_names = plain.feature_types = None
    types = [("columns", FloatTensorType([None, len(columns)]))]
    made = convert_xgboost(_best(plain, model), initial_types=types, target_opset=ONNXMLTOOLS_OPSET)
    return Converted(_by_onnxmltools(made), {"columns": Fed(columns, number)}, _named("onnxmltools"))


def _best(booster: Any, model: Any) -> Any:
    """The trees up to the best iteration, where it was stopped early and predicts with these."""
    best = getattr(model, "best_iteration", None) if getattr(model, "early_stopping_rounds", None) else None
    return booster if best is None else booster[: best + 1]


def _lightgbm(asked: Asked, number: Number) -> Converted:
    """By onnxmltools, with categories as the codes that LightGBM gave them."""
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common import data_types as of

    model = asked.model.estimator
    booster = model if isinstance(model, lightgbm.Booster) else model.booster_
    called = {name.replace(" ", "_"): name for name in asked.model.columns}  # as LightGBM calls them
    columns = _columns(asked, [called.get(name, "") for name in booster.feature_name()], booster.num_feature())
    kind = of.FloatTensorType if number == "float32" else of.DoubleTensorType
    made = convert_lightgbm(
        booster,
        initial_types=[("columns", kind([None, len(columns)]))],
        zipmap=False,
        target_opset=ONNXMLTOOLS_OPSET,
    )
    return Converted(
        _by_onnxmltools(made), {"columns": Fed(columns, number, _codes(asked, columns))}, _named("onnxmltools")
    )


def _codes(asked: Asked, columns: tuple[str, ...]) -> dict[str, dict[Any, float]]:
    """Of the columns that are categories, the place of each in the list that the model knows."""
    known = asked.model.categories or {}
    return {
        name: {value: float(place) for place, value in enumerate(known[name]["categories"])}
        for name in columns
        if name in known
    }


def _catboost(asked: Asked, number: Number) -> Converted:
    """By CatBoost itself, which writes no categories, and no classes that are floats, as labels here are: a copy has their places."""
    import catboost
    import onnx

    model = asked.model.estimator
    columns = _columns(asked, model.feature_names_, len(model.feature_names_))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        try:
            _with_places_for_classes(model).save_model(str(file), format="onnx")
        except catboost.CatBoostError as error:
            raise Unconvertible(f"CatBoost writes no ONNX of it: {error}") from error
        made = onnx.load(file)
    _drop_zipmap(made)
    (name,) = (one.name for one in made.graph.input)
    return Converted(made, {name: Fed(columns, number)}, _named("catboost"))


def _with_places_for_classes(model: Any) -> Any:
    import catboost

    copy = catboost.CatBoost()
    copy.load_model(blob=model._serialize_model())
    about = copy.get_metadata()
    if "class_params" in set(about.keys()):
        told = json.loads(about["class_params"])
        places = list(range(len(told["class_to_label"])))
        about["class_params"] = json.dumps(
            {**told, "class_label_type": "Integer", "class_to_label": places, "class_names": places}
        )
    return copy


def _drop_zipmap(model: Any) -> None:
    """Probabilities as a matrix, not as a list of dicts."""
    from onnx import TensorProto, helper

    for node in [node for node in model.graph.node if node.op_type == "ZipMap"]:
        outputs = {output.name: output for output in model.graph.output}
        model.graph.output.remove(outputs[node.output[0]])
        model.graph.output.append(helper.make_tensor_value_info(node.input[0], TensorProto.FLOAT, None))
        model.graph.node.remove(node)


def _onnx(asked: Asked, number: Number) -> Converted:
    """A model that is ONNX already: one matrix of all features, or an input for each."""
    from onnx import TensorProto

    model, columns = asked.model.estimator, asked.model.columns
    weights = {one.name for one in model.graph.initializer}
    inputs = {one.name: one.type.tensor_type for one in model.graph.input if one.name not in weights}
    kinds = {
        TensorProto.FLOAT: "float32",
        TensorProto.DOUBLE: "float64",
        TensorProto.INT64: "int64",
        TensorProto.STRING: "string",
    }
    dtypes = {name: kinds.get(of.elem_type, "") for name, of in inputs.items()}
    if not all(dtypes.values()) or not (len(inputs) == 1 or set(inputs) <= set(columns)):
        raise Unconvertible(f"nothing says which features its inputs {', '.join(inputs)} are")
    by_name = set(inputs) <= set(columns)
    fed = {name: Fed((name,) if by_name else columns, dtype) for name, dtype in dtypes.items()}
    return Converted(model, fed, _named("onnx"))


def _network(asked: Asked, number: Number) -> Converted:
    """By torch.onnx, from what the problem says of its network."""
    import torch

    if asked.problem.network is None:
        raise Unconvertible("the problem says nothing of its network")
    network = asked.problem.network(asked.model.estimator)
    inputs = {name: _fed_to(of) for name, of in network.inputs.items()}
    rows = torch.export.Dim.DYNAMIC
    program = torch.onnx.export(
        network.module.eval().cpu(),
        tuple(_example(fed) for fed in inputs.values()),
        input_names=list(inputs),
        output_names=["answer"],
        dynamic_shapes=tuple({0: rows} for _ in inputs),
        opset_version=OPSET,
        dynamo=True,
        verbose=False,
    )
    if program is None:
        raise Unconvertible("torch.onnx returned nothing")
    return Converted(program.model_proto, inputs, _named("torch"))


def _fed_to(of: Numbers | Codes) -> Fed:
    if isinstance(of, Numbers):
        return Fed(of.columns, "float32", shape=of.shape)
    return Fed(tuple(of.columns), "int64", of.columns, other=0.0)


def _example(fed: Fed) -> Any:
    import torch

    rows = 3  # one or two would be taken for a size that always holds
    return torch.zeros((rows, *(fed.shape or (len(fed.columns),))), dtype=getattr(torch, fed.dtype))


_KINDS: tuple[tuple[str, str, Convert, tuple[Number, ...]], ...] = (
    ("xgboost", "XGBModel", _xgboost, ("float32",)),
    ("xgboost", "Booster", _xgboost, ("float32",)),
    ("lightgbm.sklearn", "LGBMModel", _lightgbm, NUMBERS),
    ("lightgbm.basic", "Booster", _lightgbm, NUMBERS),
    ("catboost.core", "CatBoost", _catboost, ("float32",)),
    ("onnx", "ModelProto", _onnx, NUMBERS),
    ("sklearn.base", "BaseEstimator", _estimator, NUMBERS),
)


def _columns(asked: Asked, names: Any, count: int | None) -> tuple[str, ...]:
    """The features that a model takes, in its order: by the names that it knows, or all, where it takes as many."""
    known = asked.model.columns
    if names is not None and set(names) <= set(known):
        return tuple(map(str, names))
    if count == len(known):
        return known
    raise Unconvertible(f"it takes {count} features, and nothing says which of the {len(known)} that its problem makes")


def _named(distribution: str) -> str:
    return f"{distribution} {metadata.version(distribution)}"


# What converters raise for a model that they cannot do.
CANNOT = (
    Unconvertible, ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError,
)  # fmt: skip


@contextmanager
def quiet() -> Iterator[None]:
    """Converters warn of what their own code does; whether an export is right, is measured."""
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(disabled)
