"""numpy.ndarray -> npy, without pickle in either direction."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts

if TYPE_CHECKING:
    import numpy as np

FILE = "array.npy"


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
        return Encoded(self.name, {}, {FILE: to_npy(value)})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return from_npy(parts[FILE])


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
    _header(buffer, len(data))
    buffer.seek(0)
    array: np.ndarray = np.lib.format.read_array(buffer, allow_pickle=False)
    return array


def read_batches(path: Path, rows: int) -> Iterator[np.ndarray]:
    """The rows of an array in order, ``rows`` at a time; one array without rows if it has none."""
    import numpy as np

    with path.open("rb") as file:
        shape, dtype = _header(file, path.stat().st_size)
        length, *width = shape
        for first in range(0, max(length, 1), rows):
            n = min(rows, length - first)
            yield np.fromfile(file, dtype, n * math.prod(width)).reshape(n, *width)


def _header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of an array whose file has ``size`` bytes; what is read next are its values."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = read_header[version](file)
    follow = size - file.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != follow:
        raise ValueError(f"the header says {shape} of {dtype}, {follow} bytes follow")
    return shape, dtype
