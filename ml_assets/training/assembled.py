"""One frame of the rows of many, which are held once: each piece is copied to its place and let go of.

``pandas.concat`` would hold all pieces and the whole. Columns of one NumPy type lie in one block, as in a frame that was made at
once: what estimators make of it, a matrix, is a view.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def assembled(pieces: Iterable[pd.DataFrame], types: pd.DataFrame, rows: int) -> pd.DataFrame:
    """The rows of all pieces in order, with a default index.

    Args:
        pieces: each with exactly the columns and types of ``types``.
        rows: how many they have together.
    """
    import numpy as np
    import pandas as pd

    plain = _by_type(types)
    blocks = {dtype: np.empty((len(names), rows), dtype=dtype) for dtype, names in plain.items()}
    others = {name: [types[name]] for name in map(str, types) if not isinstance(types[name].dtype, np.dtype)}
    first = 0
    for piece in pieces:
        for dtype, names in plain.items():
            blocks[dtype][:, first : first + len(piece)] = piece[names].to_numpy(dtype=dtype).T
        for name, columns in others.items():
            columns.append(piece[name])
        first += len(piece)
    frames = [pd.DataFrame(blocks[dtype].T, columns=names, dtype=dtype, copy=False) for dtype, names in plain.items()]
    columns = [pd.concat(others.pop(name), ignore_index=True) for name in [*others]]
    return pd.concat([pd.DataFrame(index=range(rows)), *frames, *columns], axis=1)[list(types)]


def _by_type(types: pd.DataFrame) -> dict[np.dtype[Any], list[str]]:
    """NumPy's types -> the columns that have them, in order."""
    import numpy as np

    found: dict[np.dtype[Any], list[str]] = {}
    for name, dtype in types.dtypes.items():
        if isinstance(dtype, np.dtype):
            found.setdefault(dtype, []).append(str(name))
    return found
