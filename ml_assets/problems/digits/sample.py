"""Real data for the demo: the digits that scikit-learn brings, in six batches that land one after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import NotLanded
from ml_assets.problems.digits.dataset import PIXELS

if TYPE_CHECKING:
    import pandas as pd

SAMPLE_BATCHES = tuple(f"batch-{number:02d}" for number in range(1, 7))


def sample_files(key: str) -> dict[str, pd.DataFrame]:
    """What lands for ``batch-01`` … ``batch-06``: file name -> about 300 pictures, in the order of the set.

    Raises:
        NotLanded: for a batch that the sample does not hold.
    """
    import numpy as np
    import pandas as pd
    from sklearn.datasets import load_digits

    if key not in SAMPLE_BATCHES:
        raise NotLanded(f"The sample holds no batch {key!r}. It has {SAMPLE_BATCHES[0]} to {SAMPLE_BATCHES[-1]}.")
    ink, digit = load_digits(return_X_y=True)
    rows = np.array_split(np.arange(len(digit)), len(SAMPLE_BATCHES))[SAMPLE_BATCHES.index(key)]
    batch = pd.DataFrame(ink[rows].astype("int64"), columns=list(PIXELS))
    batch.insert(0, "image", [f"picture {row:04d}" for row in rows])
    return {f"batches/{key}.parquet": batch.assign(digit=digit[rows].astype("float64"))}
