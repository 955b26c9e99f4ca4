"""LightGBM's Booster and its scikit-learn estimators -> the model's text, with all of its trees, and what is not in that text.

The number of threads is not in the bytes of a Booster. It changes no bit of a model of some ten thousand rows, and may of one
of some hundred thousand, see docs/REUSE.md. An estimator keeps the parameter ``n_jobs`` that it was given, like any other.
Names of features are LightGBM's own: it writes ``a_b`` for ``a b``, also in the model that was trained.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs import attributes, lightgbm_form
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

FILE = "model.txt"
BOOSTER = "booster.json"
ESTIMATORS = ("LGBMClassifier", "LGBMRegressor", "LGBMRanker")
THREADS = ("num_threads", "num_thread", "nthread", "nthreads", "n_jobs")
NOT_PLAIN = ("_Booster", "_le")
LEARNED: Mapping[str, type | tuple[type, ...]] = {
    "_evals_result": dict, "_best_score": dict, "_best_iteration": int, "_other_params": dict, "_n_classes": int,
    "_class_map": (dict, type(None)), "_n_features": int, "_n_features_in": int, "fitted_": bool,
}  # fmt: skip


class LightGBMCodec:
    """Files: ``model.txt`` and ``booster.json`` if it is fitted; ``attributes.json`` of an estimator. Meta: ``{"class": …}``."""

    name = "lightgbm"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if is_instance(value, "lightgbm.basic", "Booster"):
            return Encoded(self.name, {"class": "Booster"}, _booster_parts(value))
        if not is_instance(value, "lightgbm.sklearn", "LGBMModel"):
            return None
        attributes.refuse_foreign(value, "lightgbm", ESTIMATORS, instead=", or its booster: booster_")
        kind = type(value).__name__
        plain = {name: item for name, item in vars(value).items() if name not in NOT_PLAIN}
        fitted = _booster_parts(value.booster_) if value.__sklearn_is_fitted__() else {}
        return Encoded(self.name, {"class": kind}, {attributes.FILE: attributes.to_json(plain, kind), **fitted})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        import lightgbm

        if meta["class"] == "Booster":
            return _booster(parts)
        if meta["class"] not in ESTIMATORS:
            raise ValueError(f"LightGBM's {meta['class']!r} is none of {', '.join(ESTIMATORS)}")
        model = getattr(lightgbm, meta["class"])()
        attributes.set_plain(model, attributes.from_json(parts[attributes.FILE]), LEARNED)
        if FILE in parts.files:
            model._Booster = _booster(parts)
            _restore_labels(model)
        return model


def _restore_labels(model: Any) -> None:
    """A classifier's encoder of labels follows from its classes."""
    import numpy as np
    from sklearn.preprocessing import LabelEncoder

    if model._classes is None:
        return
    if not isinstance(model._classes, np.ndarray) or len(model._classes) != model._n_classes:
        raise ValueError("the classes are not as many as the estimator says")
    model._le = LabelEncoder()
    model._le.classes_ = model._classes


def _booster_parts(booster: Any) -> dict[str, bytes | Any]:
    text = _without_threads(booster.model_to_string(num_iteration=-1))
    try:
        lightgbm_form.refuse_broken(text)
    except (ValueError, LookupError) as error:
        raise UnsupportedType(f"This LightGBM model would not be loaded again: {error}.") from error
    params = {name: value for name, value in booster.params.items() if name not in THREADS}
    rest = {"params": params, "best_iteration": booster.best_iteration, "best_score": booster.best_score}
    return {FILE: text.encode(), BOOSTER: attributes.to_json(rest, "Booster")}


def _without_threads(text: str) -> str:
    return re.sub(r"^\[num_threads: -?\d+\]$", "[num_threads: 0]", text, count=1, flags=re.MULTILINE)


def _booster(parts: Parts) -> Any:
    """The booster; ValueError for bytes that LightGBM would not write of it."""
    import lightgbm

    text, rest = parts[FILE].decode(), attributes.from_json(parts[BOOSTER])
    lightgbm_form.refuse_broken(text)
    if not isinstance(rest["params"], dict) or type(rest["best_iteration"]) is not int:
        raise TypeError("the parameters of a Booster are no dict, or its best iteration no number")
    try:
        booster = lightgbm.Booster(model_str=text)
    except lightgbm.basic.LightGBMError as error:
        raise ValueError(str(error)) from error
    if booster.model_to_string(num_iteration=-1) != text:
        raise ValueError("LightGBM reads another model than this text says")
    booster.params, booster.best_iteration, booster.best_score = (
        rest["params"], rest["best_iteration"], rest["best_score"]
    )  # fmt: skip
    return booster
