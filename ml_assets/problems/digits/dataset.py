"""The dataset: one row per picture of a landed batch, its grey values and the digit that was written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import UnreadableFile
from ml_assets.problem import Partition, Source

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

SIDE = 8  # pixels
DARKEST = 16  # of a pixel: how many of its 4 × 4 dots were inked
DIGITS = 10
PIXELS = tuple(f"pixel_{row}_{column}" for row in range(SIDE) for column in range(SIDE))
COLUMNS = ("image", *PIXELS, "digit")


def load_batch(partition: Partition, source: Source) -> pd.DataFrame:
    """The pictures of a batch, from ``batches/<partition>.parquet``; columns that are not named here are left out.

    Returns:
        ``image`` (the picture's name), ``pixel_0_0`` … ``pixel_7_7`` (0 white to 16 black, by row and column) and ``digit``
        (0 to 9; NaN where nobody has said).
    Raises:
        NotLanded: if the file is missing.
        UnreadableFile: if it lacks columns.
    """
    name = f"batches/{partition.key}.parquet"
    landed = source.parquet(name)
    if lacking := [column for column in COLUMNS if column not in landed.columns]:
        raise UnreadableFile(
            f"{name} lacks {len(lacking)} columns, such as {lacking[0]}; it has {', '.join(map(str, landed.columns[:3]))} … "
            "Land one row per picture, with image, pixel_0_0 … pixel_7_7 and digit."
        )
    batch: pd.DataFrame = landed[list(COLUMNS)].astype({"digit": "float64"})
    return batch


def schema() -> pa.DataFrameSchema:
    """What a valid batch is."""
    import pandera.pandas as pa

    pixels = {name: pa.Column("int64", pa.Check.in_range(0, DARKEST)) for name in PIXELS}
    digit = pa.Column("float64", pa.Check.isin([float(digit) for digit in range(DIGITS)]), nullable=True)
    return pa.DataFrameSchema({"image": pa.Column("str", unique=True), **pixels, "digit": digit}, strict=True)
