"""scipy's sparse arrays and matrices in rows (csr), columns (csc) or coordinates (coo) -> their arrays, in order.

Equal ones give equal bytes: indices are sorted, what stands twice at one place is summed, as scipy reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.array import from_npy, to_npy
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

FORMATS: Mapping[str, tuple[str, ...]] = {
    "csr": ("data", "indices", "indptr"), "csc": ("data", "indices", "indptr"), "coo": ("data", "row", "col")
}  # fmt: skip
CLASSES = tuple(f"{name}_{kind}" for name in FORMATS for kind in ("array", "matrix"))


class SparseCodec:
    """Files: ``data.npy`` and two of indices. Meta: ``{"class": "csr_array", "shape": [n, m]}``."""

    name = "sparse"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        if not is_instance(value, "scipy.sparse", "sparray") and not is_instance(value, "scipy.sparse", "spmatrix"):
            return None
        name = type(value).__name__
        if name not in CLASSES or len(value.shape) != 2 or value.dtype.hasobject:
            raise UnsupportedType(
                f"A {name} of {len(value.shape)} dimensions and {value.dtype} is not stored; of sparse ones those of two "
                f"dimensions, {', '.join(FORMATS)}, with numbers are. Convert it: .tocsr()."
            )
        settled = value.copy()
        settled.sum_duplicates()
        parts = {f"{part}.npy": to_npy(_narrow(part, getattr(settled, part))) for part in FORMATS[value.format]}
        return Encoded(self.name, {"class": name, "shape": list(value.shape)}, parts)

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        import scipy.sparse

        if meta["class"] not in CLASSES or not _is_shape(meta["shape"]):
            raise ValueError(f"no sparse {meta['class']!r} of {meta['shape']!r}")
        kind = meta["class"][:3]
        data, *indices = (from_npy(parts[f"{part}.npy"]) for part in FORMATS[kind])
        if any(array.ndim != 1 for array in (data, *indices)) or any(array.dtype.kind != "i" for array in indices):
            raise ValueError("the arrays of a sparse one are no lists")
        given = (data, tuple(indices)) if kind == "coo" else (data, *indices)
        made = getattr(scipy.sparse, meta["class"])(given, shape=tuple(meta["shape"]))
        if kind != "coo":  # whose indices are looked at when it is made
            made.check_format(full_check=True)
        return made


def _narrow(part: str, array: Any) -> Any:
    """Indices as scipy would choose them: int32 where they fit."""
    import numpy as np

    is_wide = part != "data" and array.dtype == np.int64
    return array.astype(np.int32) if is_wide and (not len(array) or array.max() <= np.iinfo(np.int32).max) else array


def _is_shape(shape: Json) -> bool:
    return len(shape) == 2 and all(type(n) is int and 0 <= n < 2**63 for n in shape)
