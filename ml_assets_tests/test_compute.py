from __future__ import annotations

import pytest

from ml_assets.compute import Compute, Devices, devices_for

CASES = [
    (None, 8, True, Devices(), "cpu x 1"),
    (Compute(cpus=4), 8, True, Devices(), "cpu x 1"),
    (Compute(gpus=1), 0, False, Devices(), "cpu x 1"),
    (Compute(gpus=1), 1, False, Devices(kind="cuda"), "cuda x 1"),
    (Compute(gpus=1), 0, True, Devices(kind="cuda"), "cuda x 1"),
    (Compute(gpus=8), 8, False, Devices(8, kind="cuda"), "cuda x 8"),
    (Compute(gpus=8), 4, False, Devices(), "cpu x 1"),
    (Compute(gpus=8), 0, True, Devices(8, kind="cuda"), "cuda x 8"),
    (Compute(gpus=8, nodes=2), 8, False, Devices(), "cpu x 1"),
    (Compute(gpus=8, nodes=2), 0, True, Devices(8, 2, "cuda"), "cuda x 16"),
    (Compute(nodes=2), 0, True, Devices(nodes=2), "cpu x 2"),
    (Compute(nodes=2), 8, False, Devices(), "cpu x 1"),
]


@pytest.mark.parametrize(("compute", "gpus_here", "on_cluster", "expected", "told"), CASES)
def test_a_training_has_the_devices_that_it_asks_for_where_they_can_be_had(
    compute: Compute | None, gpus_here: int, on_cluster: bool, expected: Devices, told: str
):
    devices = devices_for(compute, gpus_here, on_cluster=on_cluster)
    assert (devices, str(devices)) == (expected, told)
