"""A sample of a problem's rows: the same ones each time, and of the same entities in each partition.

Rows are taken by a digest of their entity, smallest first: an entity with a small one is in the sample of every partition that
has it. It is another digest than that by which ``EntityHash`` splits, so that each part keeps its share of the sample.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ml_assets.problem import FeatureTable, Partition, Problem, Source

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

SALT = b"sample "
OF_A_SAMPLE = ("volume", "features_sound", "classes")
"""The checks that judge how many rows there are, or that each value occurs: a sample may fail them though the data does not."""


def places(entities: Iterable[Any], rows: int) -> np.ndarray:
    """Which rows are in the sample, as positions in ascending order (at most ``rows``, all where there are fewer)."""
    import numpy as np
    from blake3 import blake3

    digests = [blake3(SALT + str(entity).encode()).digest(8) for entity in entities]
    order = np.argsort(np.array(digests, dtype="S8"), kind="stable")
    return np.sort(order[:rows])


def sample_of(table: pd.DataFrame | FeatureTable, entity: str, rows: int) -> pd.DataFrame | FeatureTable:
    """The rows of a stored dataset or feature table that are in the sample."""
    if isinstance(table, FeatureTable):
        return table.rows(places(table.keys[entity], rows))
    return table.iloc[places(table[entity], rows)].reset_index(drop=True)


def on_sample(problem: Problem, rows: int) -> Problem:
    """The same problem on so many rows of each dataset; what a sample may fail informs and does not block."""
    said = f"only a sample of {rows:,} rows is tried"
    return replace(
        problem,
        dataset=partial(_sampled, problem.dataset, problem.entity, rows),
        waive={**dict.fromkeys(OF_A_SAMPLE, said), **problem.waive},
    )


def _sampled(dataset: Callable[[Partition, Source], Any], entity: str, rows: int, at: Partition, source: Source) -> Any:
    """What ``dataset`` returns, as far as it is in the sample. What is no table, or has no such column, others refuse."""
    import pandas as pd

    landed = dataset(at, source)
    if not isinstance(landed, pd.DataFrame) or list(landed.columns).count(entity) != 1 or len(landed) <= rows:
        return landed
    taken = landed.iloc[places(landed[entity], rows)]
    return taken.reset_index(drop=True) if isinstance(landed.index, pd.RangeIndex) else taken
