"""The weekly collection: it is off, and does what `ml-assets gc` does."""

from __future__ import annotations

import dagster as dg

from ml_assets.store import Manifest
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import QUIET, build


def test_the_schedule_is_off_and_its_job_lets_go_of_nothing_that_is_young(tmp_path):
    world = build(tmp_path, [umbrellas.PROBLEM])
    schedule = world.definitions.resolve_schedule_def("ml_assets_gc")
    assert schedule.default_status == dg.DefaultScheduleStatus.STOPPED

    key = world.store.commit(Manifest("umbrellas/features", "2024-01", world.store.put([1, 2])))
    job = world.definitions.resolve_job_def("ml_assets_gc")
    assert job.execute_in_process(instance=world.instance, run_config=QUIET).success
    assert world.store.load(key) == [1, 2]
