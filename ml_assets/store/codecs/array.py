"""numpy.ndarray -> npy, without pickle in either direction."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts

if TYPE_CHECKING:
    import numpy as np


class ArrayCodec:
    """Files: ``array.npy``, in C order, padding between the fields of records zeroed."""

    name = "array"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        import numpy as np

        if type(value) is not np.ndarray:
            return None
        if value.dtype.hasobject:
            raise UnsupportedType(
                f"An array of dtype {value.dtype} holds Python objects, which only pickle could store. "
                "Convert it to numbers or fixed-length text (astype), or return a list or a DataFrame."
            )
        return Encoded(self.name, {}, {"array.npy": to_npy(value)})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return from_npy(parts["array.npy"])


def to_npy(array: np.ndarray, *, keep_order: bool = False) -> bytes:
    """Equal arrays give equal bytes, whatever their memory layout; or, with ``keep_order``, those laid out by columns others."""
    import numpy as np

    clean = np.zeros(array.shape, array.dtype, order="F" if keep_order and np.isfortran(array) else "C")
    clean[...] = array
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, clean, allow_pickle=False)
    return buffer.getvalue()


def from_npy(data: bytes) -> np.ndarray:
    """The array; ValueError if its header promises more or less than there is, or Python objects."""
    import numpy as np

    buffer = io.BytesIO(data)
    version = np.lib.format.read_magic(buffer)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read_header[version](buffer)
    n_items = 1
    for length in shape:
        n_items *= length
    if dtype.hasobject or n_items * dtype.itemsize != len(data) - buffer.tell():
        raise ValueError(f"the header says {shape} of {dtype}, {len(data) - buffer.tell()} bytes follow")
    buffer.seek(0)
    array: np.ndarray = np.lib.format.read_array(buffer, allow_pickle=False)
    return array
