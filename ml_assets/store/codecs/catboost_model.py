"""CatBoost's models and its scikit-learn estimators -> cbm, without the time, the random id and the threads of their training.

The value itself is not touched: these three are blanked in a copy. Kept are the parameters, what was learnt, the histories
of its metrics and the importances that it computed; not kept are the answers for its evaluation rows (``get_test_eval``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs import attributes, catboost_form
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

FILE = "model.cbm"
ESTIMATORS = ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker")
CHANCE = ("train_finish_time", "model_guid")
NOT_PLAIN = ("_object", "_canonized_params")
LEARNED: Mapping[str, type | tuple[type, ...]] = {
    "_init_params": dict, "_is_fitted_": bool, "_random_seed": int, "_learning_rate": (float, type(None)),
    "_tree_count": int, "_n_features_in": int, "_prediction_values_change": (list, type(None)),
    "_loss_value_change": (list, type(None)),
}  # fmt: skip


class CatBoostCodec:
    """Files: ``model.cbm`` if it is fitted; ``attributes.json``. Meta: ``{"class": …}``."""

    name = "catboost"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "catboost.core", "CatBoost"):
            return None
        attributes.refuse_foreign(value, "catboost", ESTIMATORS)
        kind = type(value).__name__
        plain = {name: item for name, item in vars(value).items() if name not in NOT_PLAIN and item is not None}
        fitted = {FILE: _to_bytes(value)} if value.is_fitted() else {}
        return Encoded(self.name, {"class": kind}, {attributes.FILE: attributes.to_json(plain, kind), **fitted})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        import catboost

        if meta["class"] not in ESTIMATORS:
            raise ValueError(f"CatBoost's {meta['class']!r} is none of {', '.join(ESTIMATORS)}")
        model = getattr(catboost, meta["class"])()
        plain = attributes.from_json(parts[attributes.FILE])
        if set(plain) - set(LEARNED):
            raise ValueError(f"a model of CatBoost has no {sorted(set(plain) - set(LEARNED))}")
        try:
            if FILE in parts.files:
                _load(model, parts[FILE])
        except catboost.CatBoostError as error:
            raise ValueError(str(error)) from error
        return attributes.set_plain(model, plain, LEARNED)


def _to_bytes(model: Any) -> bytes:
    import catboost

    blank = catboost.CatBoost()
    blank.load_model(blob=model._serialize_model())
    metadata = blank.get_metadata()
    for name in CHANCE:
        metadata[name] = ""
    metadata["params"] = re.sub(r'"thread_count":-?\d+', '"thread_count":0', metadata["params"])
    data = bytes(blank._serialize_model())
    try:
        catboost_form.refuse_broken(data)
    except (ValueError, LookupError, TypeError) as error:
        raise UnsupportedType(
            f"This CatBoost model would not be loaded again: {error}. Models of text and of embeddings are not stored."
        ) from error
    return data


def _load(model: Any, data: bytes) -> None:
    catboost_form.refuse_broken(data)
    model.load_model(blob=data)
    if bytes(model._serialize_model()) != data:
        raise ValueError("CatBoost reads another model than these bytes say")
