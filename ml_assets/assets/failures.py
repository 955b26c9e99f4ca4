"""predictions -> failures: what the champion got badly wrong, once the outcomes are known; challengers are held to it later.

The decisions of later partitions read these as they read the ledger: by what the branch names then, not as an input. Among
assets it would be a circle: failures come of predictions, these of a champion, and that was held to the failures of before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.declaration import Asset, Input
from ml_assets.problem import FAILURES as REMEMBERED

if TYPE_CHECKING:
    from ml_assets.problem import Problem


def _is_held_to_them(problem: Problem) -> bool:
    return problem.held_to(REMEMBERED) is not None


FAILURES = Asset(
    name="failures",
    role="remembers",
    made_by="ml_assets.orchestration.failures:failures",
    description=lambda problem: (
        "Rows of the partition on which the champion that predicted them was surely wrong, of many that are alike one."
    ),
    inputs=(Input("features"), Input("predictions")),
    uses=("gates", "task", "entity", "event_time"),
    kinds=("pandas", "parquet"),
    when=_is_held_to_them,
)
