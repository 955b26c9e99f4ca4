"""A run whose process is gone is given up, and only such a one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster._core.test_utils import instance_for_test

from ml_assets.orchestration.run_launcher import HOST_TAG, LocalRunLauncher

LAUNCHER = {"module": LocalRunLauncher.__module__, "class": LocalRunLauncher.__name__}


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test(overrides={"run_launcher": LAUNCHER}) as instance:
        yield instance


def of_an_ended_process() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


@pytest.mark.parametrize(
    ("pid", "host", "status"),
    [
        (os.getpid(), socket.gethostname(), WorkerStatus.RUNNING),
        (of_an_ended_process(), socket.gethostname(), WorkerStatus.NOT_FOUND),
        (of_an_ended_process(), "elsewhere", WorkerStatus.RUNNING),
    ],
    ids=["at work", "killed", "on another machine"],
)
def test_a_run_from_the_command_line_is_given_up_when_its_process_is_gone(instance, pid, host, status):
    run = instance.create_run_for_job(
        job_def=dg.GraphDefinition("job").to_job(), tags={HOST_TAG: host}, status=dg.DagsterRunStatus.STARTED
    )
    start = dg.DagsterEvent(dg.DagsterEventType.RUN_START.value, run.job_name, pid=pid)
    instance.report_dagster_event(start, run.run_id)

    assert instance.run_launcher.check_run_worker_health(run).status == status
