"""XGBoost, LightGBM and CatBoost as ONNX: by onnxmltools, which converts the first two, and by CatBoost itself."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ml_assets.exports.conversion import MACHINE_LEARNING, ML_OPSET, Unconvertible, columns_of, named, set_opset
from ml_assets.exports.graph import Converted, Fed, Number

if TYPE_CHECKING:
    from ml_assets.exports.asked import Asked

ONNXMLTOOLS_OPSET = 15  # the newest that it knows


def xgboost_model(asked: Asked, number: Number) -> Converted:
    """By onnxmltools, which takes features that are called ``f0``, ``f1`` … only: a copy of the booster is called so."""
    import xgboost
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    model = asked.model.estimator
    booster = model if isinstance(model, xgboost.Booster) else model.get_booster()
    columns = columns_of(asked, booster.feature_names, booster.num_features())
    if "c" in (booster.feature_types or ()):
        raise Unconvertible("onnxmltools converts no categories of XGBoost")
    plain = xgboost.Booster(model_file=bytearray(booster.save_raw("ubj")))
    plain.feature_names = plain.feature_types = None
    types = [("columns", FloatTensorType([None, len(columns)]))]
    made = convert_xgboost(_best(plain, model), initial_types=types, target_opset=ONNXMLTOOLS_OPSET)
    return Converted(_by_onnxmltools(made), {"columns": Fed(columns, number)}, named("onnxmltools"))


def _best(booster: Any, model: Any) -> Any:
    """The trees up to the best iteration, where it was stopped early and predicts with these."""
    best = getattr(model, "best_iteration", None) if getattr(model, "early_stopping_rounds", None) else None
    return booster if best is None else booster[: best + 1]


def lightgbm_model(asked: Asked, number: Number) -> Converted:
    """By onnxmltools, with categories as the codes that LightGBM gave them."""
    import lightgbm
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common import data_types as of

    model = asked.model.estimator
    booster = model if isinstance(model, lightgbm.Booster) else model.booster_
    called = {name.replace(" ", "_"): name for name in asked.model.columns}  # as LightGBM calls them
    columns = columns_of(asked, [called.get(name, "") for name in booster.feature_name()], booster.num_feature())
    kind = of.FloatTensorType if number == "float32" else of.DoubleTensorType
    made = convert_lightgbm(
        booster,
        initial_types=[("columns", kind([None, len(columns)]))],
        zipmap=False,
        target_opset=ONNXMLTOOLS_OPSET,
    )
    return Converted(
        _by_onnxmltools(made), {"columns": Fed(columns, number, _codes(asked, columns))}, named("onnxmltools")
    )


def _codes(asked: Asked, columns: tuple[str, ...]) -> dict[str, dict[Any, float]]:
    """Of the columns that are categories, the place of each in the list that the model knows."""
    known = asked.model.categories or {}
    return {
        name: {value: float(place) for place, value in enumerate(known[name]["categories"])}
        for name in columns
        if name in known
    }


def _by_onnxmltools(model: Any) -> Any:
    """The model, said to be of the operators that were asked for, so that ours fit in."""
    set_opset(model, "", ONNXMLTOOLS_OPSET)
    set_opset(model, MACHINE_LEARNING, ML_OPSET)
    return model


def catboost_model(asked: Asked, number: Number) -> Converted:
    """By CatBoost itself. It writes no categories, and no classes that are floats, as labels are: a copy has their places."""
    import catboost
    import onnx

    model = asked.model.estimator
    columns = columns_of(asked, model.feature_names_, len(model.feature_names_))
    with TemporaryDirectory() as folder:
        file = Path(folder) / "model.onnx"
        try:
            _with_places_for_classes(model).save_model(str(file), format="onnx")
        except catboost.CatBoostError as error:
            raise Unconvertible(f"CatBoost writes no ONNX of it: {error}") from error
        made = onnx.load(file)
    _drop_zipmap(made)
    (name,) = (one.name for one in made.graph.input)
    return Converted(made, {name: Fed(columns, number)}, named("catboost"))


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
