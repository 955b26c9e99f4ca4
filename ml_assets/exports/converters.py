"""Which converter takes which model. What none takes is refused, with the name of the model and what to do instead."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ml_assets.errors import Refused
from ml_assets.exports.boosters import catboost_model, lightgbm_model, xgboost_model
from ml_assets.exports.conversion import Unconvertible
from ml_assets.exports.estimators import estimator
from ml_assets.exports.graph import Converted, Number
from ml_assets.exports.networks import network_of_torch, onnx_model
from ml_assets.store import is_instance

if TYPE_CHECKING:
    from ml_assets.exports.asked import Asked

Convert = Callable[["Asked", Number], Converted]
FLOATS: tuple[Number, ...] = ("float32",)
BOTH: tuple[Number, ...] = ("float32", "float64")

_KINDS: tuple[tuple[str, str, Convert, tuple[Number, ...]], ...] = (
    ("xgboost", "XGBModel", xgboost_model, FLOATS),
    ("xgboost", "Booster", xgboost_model, FLOATS),
    ("lightgbm.sklearn", "LGBMModel", lightgbm_model, BOTH),
    ("lightgbm.basic", "Booster", lightgbm_model, BOTH),
    ("catboost.core", "CatBoost", catboost_model, FLOATS),
    ("onnx", "ModelProto", onnx_model, BOTH),
    ("sklearn.base", "BaseEstimator", estimator, BOTH),
)


def converter_of(asked: Asked) -> tuple[Convert, tuple[Number, ...]]:
    """What converts this model, and the types of numbers that it can be tried with.

    Raises:
        Refused: if nothing does.
    """
    model = asked.model.estimator
    if asked.problem.network is not None:
        return network_of_torch, FLOATS
    for module, name, convert, numbers in _KINDS:
        if is_instance(model, module, name):
            return convert, numbers
    kind = f"{type(model).__module__}.{type(model).__qualname__}"
    raise Refused(
        f"The model of {asked.key} is a {kind}, and no converter to ONNX knows what {asked.problem.name}'s predict does with it. "
        "Nothing was written. If it is a network of torch, say so with the problem's network; else export it with --to native "
        "or --to mlflow."
    )


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
