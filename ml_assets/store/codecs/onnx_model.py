"""An ONNX model -> its protocol buffer, written in one order. Its weights are in it: a path to a file of others is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

FILE = "model.onnx"


class OnnxCodec:
    """Files: ``model.onnx``."""

    name = "onnx"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "onnx", "ModelProto"):
            return None
        try:
            data = bytes(value.SerializeToString(deterministic=True))
            _read(data)
        except ValueError as error:
            raise UnsupportedType(
                f"This ONNX model would not be loaded again: {error}. If its weights lie in other files, load them into it: "
                "onnx.load(path) does, onnx.external_data_helper.load_external_data_for_model(model, folder) too."
            ) from error
        return Encoded(self.name, {}, {FILE: data})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return _read(parts[FILE])


def _read(data: bytes) -> Any:
    """The model; ValueError if it is none that ONNX's own checker lets pass, or names files."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.ModelProto.FromString(data)
        outside = next(_outside(model), None)
        if outside is not None:
            raise ValueError(f"the tensor {outside!r} lies in another file")
        onnx.checker.check_model(model)
    except (DecodeError, onnx.checker.ValidationError) as error:
        raise ValueError(str(error)) from error
    if model.SerializeToString(deterministic=True) != data:
        raise ValueError("the bytes are not in the order in which ONNX writes them")
    return model


def _outside(message: Any) -> Iterator[str]:
    """Names of the tensors, however deep, whose numbers are said to lie in a file."""
    import onnx

    if isinstance(message, onnx.TensorProto):
        if message.data_location == onnx.TensorProto.EXTERNAL or message.external_data:
            yield message.name
        return
    for field, value in message.ListFields():
        if field.message_type is not None:
            for item in [value] if hasattr(value, "ListFields") else value:
                yield from _outside(item)
