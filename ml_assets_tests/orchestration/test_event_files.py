"""While a run is under way, storing an event does not close the file that it goes to for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run_iterator

from ml_assets.orchestration.event_files import held_open
from ml_assets.orchestration.processes import local_executor


@pytest.fixture
def instance(tmp_path) -> Iterator[dg.DagsterInstance]:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with dg.DagsterInstance.from_config(str(tmp_path)) as opened:
        yield opened


def logs(folder: Path) -> set[str]:
    """The files of events whose logs SQLite has not written back."""
    return {path.name.removesuffix(".db-wal") for path in (folder / "history" / "runs").glob("*.db-wal")}


def say(instance: dg.DagsterInstance, run: dg.DagsterRun) -> None:
    instance.report_engine_event("said", run)


def test_the_files_stay_open_until_the_run_has_ended(tmp_path, instance):
    run = instance.create_run_for_job(job_def=dg.GraphDefinition(name="nothing").to_job())
    say(instance, run)
    assert logs(tmp_path) == set(), "whoever leaves last writes the log back"

    with held_open(instance, run.run_id):
        say(instance, run)
        assert logs(tmp_path) >= {run.run_id}

    assert logs(tmp_path) == set()
    assert [record.message for record in instance.all_logs(run.run_id)] == ["said", "said"]


def test_a_run_by_our_executor_holds_its_files(tmp_path, instance):
    seen: list[set[str]] = []

    @dg.job(executor_def=local_executor)
    def looking() -> None:
        dg.op(name="look")(lambda: seen.append(logs(tmp_path)))()

    run = instance.create_run_for_job(job_def=looking)
    list(execute_run_iterator(InMemoryJob(looking), run, instance))

    assert [run.run_id in held for held in seen] == [True]


def test_others_write_and_clear_what_is_held_open(tmp_path, instance):
    run = instance.create_run_for_job(job_def=dg.GraphDefinition(name="nothing").to_job())
    say(instance, run)

    with held_open(instance, run.run_id), dg.DagsterInstance.from_config(str(tmp_path)) as other:
        say(other, run)
        other.delete_run(run.run_id)


def test_a_file_that_is_not_there_yet_is_not_made(tmp_path, instance):
    with held_open(instance, "of-nobody"):
        assert not (tmp_path / "history" / "runs" / "of-nobody.db").exists()


def test_where_no_files_are_there_is_nothing_to_hold():
    with dg.DagsterInstance.ephemeral() as nowhere, held_open(nowhere, "any"):
        pass
