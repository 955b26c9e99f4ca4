"""How values become bytes, one file per kind of value. See ``codec.py`` for what a codec is, docs/CODECS.md for your own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs import installed
from ml_assets.store.codecs.array import ArrayCodec
from ml_assets.store.codecs.arrow_table import ArrowCodec
from ml_assets.store.codecs.catboost_model import CatBoostCodec
from ml_assets.store.codecs.codec import MALFORMED, Codec, Encoded, Parts
from ml_assets.store.codecs.estimator import EstimatorCodec
from ml_assets.store.codecs.figure import FigureCodec
from ml_assets.store.codecs.folder import FolderCodec
from ml_assets.store.codecs.keras_model import KerasCodec
from ml_assets.store.codecs.lightgbm_model import LightGBMCodec
from ml_assets.store.codecs.onnx_model import OnnxCodec
from ml_assets.store.codecs.plain_json import JsonCodec
from ml_assets.store.codecs.record import RecordCodec
from ml_assets.store.codecs.sparse import SparseCodec
from ml_assets.store.codecs.table import TableCodec
from ml_assets.store.codecs.tables import TablesCodec
from ml_assets.store.codecs.tensors import TensorsCodec
from ml_assets.store.codecs.transformers_model import TransformersCodec
from ml_assets.store.codecs.xgboost_model import XGBoostCodec


def encode(value: Any) -> Encoded:
    """The parts of ``value``, by one of our codecs; by one that another package brings where ours do not take it.

    Raises:
        UnsupportedType: if no codec stores it.
    """
    try:
        return _by_ours(value)
    except UnsupportedType:
        encoded = installed.encode(value)
        if encoded is None:
            raise
        return encoded


def _by_ours(value: Any) -> Encoded:
    for codec in CODECS:
        encoded = codec.encode(value)
        if encoded is not None:
            return encoded
    raise UnsupportedType(
        f"No codec stores a {type(value).__module__}.{type(value).__qualname__}. Stored are DataFrames of pandas and polars, "
        "Arrow tables, dicts of DataFrames, ndarrays, sparse arrays, scikit-learn estimators, models of XGBoost, LightGBM, "
        "CatBoost, ONNX, transformers and Keras, dicts of tensors, figures, dataclasses registered by trust(), objects of "
        "classes that the problem lists in artifact_types, paths of folders, and plain JSON values. "
        "Return one of these, or add a codec of your own: see docs/CODECS.md."
    )


def check_storable(value: Any) -> None:
    """Raise what storing ``value`` would.

    Raises:
        UnsupportedType: if no codec stores it.
    """
    encode(value)


def decode(codec_name: str, meta: Mapping[str, Json], parts: Parts) -> Any:
    """The value that ``encode`` was given.

    Raises:
        UnreadableContent: if no codec of this name exists or the parts are not what it writes.
    """
    codec = next((codec for codec in CODECS if codec.name == codec_name), None) or installed.codec(codec_name)
    if codec is None:
        raise UnreadableContent(
            f"The content was written by a codec {codec_name!r}, which ml_assets does not have. "
            "Nothing was read. If a newer ml_assets wrote it, or a package with a codec of its own, install that; "
            "otherwise do not trust where it came from."
        )
    with explained(codec_name):
        return codec.decode(meta, parts)


EXTRAS = {
    "xgboost": "boosters", "lightgbm": "boosters", "catboost": "boosters", "onnx": "onnx", "polars": "polars",
    "transformers": "transformers", "tokenizers": "transformers", "keras": "keras",
}  # fmt: skip


@contextmanager
def explained(codec_name: str) -> Iterator[None]:
    """Turn what libraries raise for bytes that a codec did not write into an error that says what to do."""
    try:
        yield
    except MALFORMED as error:
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        if missing in EXTRAS:
            raise UnreadableContent(
                f"The content was written by the codec {codec_name!r}, which needs {missing}, and that is not installed here. "
                f"Nothing was read. Install it: pip install 'ml_assets[{EXTRAS[missing]}]'."
            ) from error
        raise UnreadableContent(
            f"The bytes are intact, but they are not what the codec {codec_name!r} writes: "
            f"{type(error).__name__}: {error}. Do not trust where they came from; make the value again."
        ) from error


CODECS: tuple[Codec, ...] = (
    TransformersCodec(),  # before tensors, which refuse networks
    KerasCodec(),  # likewise
    TensorsCodec(),  # before JSON, whose dicts they would be
    TablesCodec(),  # likewise
    JsonCodec(),
    TableCodec(),
    ArrowCodec(),
    ArrayCodec(),
    SparseCodec(),
    XGBoostCodec(),  # before scikit-learn's estimators, of which theirs are
    LightGBMCodec(),
    CatBoostCodec(),
    EstimatorCodec(),
    OnnxCodec(),
    FigureCodec(),
    FolderCodec(),
    RecordCodec(encode, decode),
)
