from __future__ import annotations

import pytest

from ml_assets.orchestration.distributed import Ranks, ranks_for
from ml_assets.problem import Compute

CASES = [
    (None, 8, True, Ranks()),
    (Compute(), 8, True, Ranks()),
    (Compute(gpus=1), 1, False, Ranks()),
    (Compute(gpus=8), 8, False, Ranks(8)),
    (Compute(gpus=8), 4, False, Ranks()),
    (Compute(gpus=8), 0, True, Ranks(8)),
    (Compute(gpus=8, nodes=2), 8, False, Ranks()),
    (Compute(gpus=8, nodes=2), 0, True, Ranks(8, 2)),
    (Compute(nodes=2), 0, True, Ranks(1, 2)),
]


@pytest.mark.parametrize(("compute", "gpus_here", "on_cluster", "expected"), CASES)
def test_as_many_processes_train_as_are_asked_for_where_they_can_be_had(
    compute: Compute | None, gpus_here: int, on_cluster: bool, expected: Ranks
):
    assert ranks_for(compute, gpus_here, on_cluster=on_cluster) == expected
