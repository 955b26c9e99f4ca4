"""A booster inside of a scikit-learn estimator -> the call that decodes it, with the files that its own codec writes.

skops would write the memory of a model of XGBoost, LightGBM or CatBoost, which their libraries believe without looking. So
a pipeline, a search or an ensemble holds of each what ``XGBoostCodec``, ``LightGBMCodec`` or ``CatBoostCodec`` writes, and what
these refuse is refused inside of anything. skops loads it by ``ConstructorFromReduceNode``: ``booster`` is on our list for that.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.catboost_model import CatBoostCodec
from ml_assets.store.codecs.codec import Codec, Parts
from ml_assets.store.codecs.lightgbm_model import LightGBMCodec
from ml_assets.store.codecs.xgboost_model import XGBoostCodec

CODECS: Mapping[str, Codec] = {codec.name: codec for codec in (XGBoostCodec(), LightGBMCodec(), CatBoostCodec())}
BASES = (
    ("xgboost", "Booster"), ("xgboost", "XGBModel"), ("lightgbm", "Booster"), ("lightgbm", "LGBMModel"),
    ("catboost", "CatBoost"),
)  # fmt: skip


def write_boosters() -> None:
    """Tell skops how the boosters of those libraries are written that this process has imported."""
    for library, base in BASES:
        if library in sys.modules:
            _write(library, base)


def booster(codec: str, meta: Mapping[str, Json], files: Mapping[str, bytes]) -> Any:
    """The model that a codec wrote; ValueError for what none of them writes."""
    if codec not in CODECS or type(files) is not dict or not all(type(data) is bytes for data in files.values()):
        raise ValueError(f"a booster inside of an estimator is written by {codec!r}")
    return CODECS[codec].decode(meta, Parts.of(files))


@lru_cache(maxsize=len(BASES))
def _write(library: str, base: str) -> None:
    from skops.io._utils import _get_state

    _get_state.register(getattr(sys.modules[library], base))(_call)


def _call(value: Any, context: Any) -> dict[str, Any]:
    from skops.io._utils import get_state

    for name, codec in CODECS.items():
        encoded = codec.encode(value)
        if encoded is not None:
            arguments = (name, dict(encoded.meta), dict(encoded.parts))
            return {
                "__class__": booster.__name__,
                "__module__": booster.__module__,
                "__loader__": "ConstructorFromReduceNode",
                "content": get_state(arguments, context),
            }
    raise UnsupportedType(f"A {type(value).__module__}.{type(value).__qualname__} is no booster that is stored.")
