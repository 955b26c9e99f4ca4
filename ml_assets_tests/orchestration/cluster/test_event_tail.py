"""No event of a pod is missed, and none is told twice."""

from __future__ import annotations

import sqlite3

import dagster as dg

from ml_assets.orchestration.cluster.event_tail import EventTail


@dg.job
def nothing() -> None:
    """Has no steps."""


def test_an_event_that_is_committed_after_one_with_a_higher_number_is_told_once(tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(nothing)
        tail = EventTail(instance, run.run_id)
        for number in range(3):
            instance.report_engine_event(f"event {number}", run)
        (database,) = tmp_path.rglob(f"{run.run_id}.db")
        with sqlite3.connect(database) as log:
            (late,) = log.execute("SELECT * FROM event_logs WHERE id = 2").fetchall()
            log.execute("DELETE FROM event_logs WHERE id = 2")
        told = [event.message for event in tail.fresh()]
        with sqlite3.connect(database) as log:
            marks = ", ".join("?" * len(late))
            log.execute(f"INSERT INTO event_logs VALUES ({marks})", late)  # of our own making
        told += [event.message for event in tail.fresh()]
        told += [event.message for event in tail.fresh()]

    assert told == ["event 0", "event 2", "event 1"]
