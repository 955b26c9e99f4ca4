"""XGBoost's Booster and its scikit-learn estimators -> UBJSON, and of an estimator its parameters and what fitting it noted.

Two trainings give equal bytes, on one thread or several, see docs/REUSE.md. A Booster comes back without what only its
training needed (learning rate, device, threads): ``xgboost.train`` is given these again. Estimators keep all parameters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs import attributes, xgboost_form
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

FILE = "model.ubj"
ESTIMATORS = ("XGBClassifier", "XGBRegressor", "XGBRanker", "XGBRFClassifier", "XGBRFRegressor")
LEARNED: Mapping[str, type] = {"n_classes_": int, "evals_result_": dict}


class XGBoostCodec:
    """Files: ``model.ubj`` if it is fitted; ``attributes.json`` of an estimator. Meta: ``{"class": …}``."""

    name = "xgboost"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if is_instance(value, "xgboost.core", "Booster"):
            return Encoded(self.name, {"class": "Booster"}, {FILE: _to_bytes(value)})
        if not is_instance(value, "xgboost.sklearn", "XGBModel"):
            return None
        attributes.refuse_foreign(value, "xgboost", ESTIMATORS, instead=", or its booster: get_booster()")
        kind = type(value).__name__
        plain = {name: item for name, item in vars(value).items() if name != "_Booster"}
        fitted = {FILE: _to_bytes(value.get_booster())} if value.__sklearn_is_fitted__() else {}
        parts = {attributes.FILE: attributes.to_json(plain, kind), **fitted}
        return Encoded(self.name, {"class": kind}, parts)

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        import xgboost

        if meta["class"] == "Booster":
            return _from_bytes(parts[FILE])
        if meta["class"] not in ESTIMATORS:
            raise ValueError(f"XGBoost's {meta['class']!r} is none of {', '.join(ESTIMATORS)}")
        model = getattr(xgboost, meta["class"])()
        plain = attributes.from_json(parts[attributes.FILE])
        attributes.set_plain(model, plain, LEARNED)
        if FILE in parts.files:
            model._Booster = _from_bytes(parts[FILE], n_jobs=plain["n_jobs"])
        return model


def _to_bytes(booster: Any) -> bytes:
    data = bytes(booster.save_raw("ubj"))
    try:
        xgboost_form.refuse_broken(data)
    except (ValueError, LookupError, TypeError) as error:
        raise UnsupportedType(f"This XGBoost model would not be loaded again: {error}.") from error
    return data


def _from_bytes(data: bytes, **params: Any) -> Any:
    """The booster; ValueError for bytes that XGBoost would not write of it."""
    import xgboost

    xgboost_form.refuse_broken(data)
    booster = xgboost.Booster({name: value for name, value in params.items() if value is not None})
    booster.load_model(bytearray(data))
    if bytes(booster.save_raw("ubj")) != data:
        raise ValueError("XGBoost reads another model than these bytes say")
    return booster
