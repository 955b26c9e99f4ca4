"""The dagster.yaml of the cluster and that of one machine are such as Dagster takes, and mean what the laptop's means."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.instance.config import dagster_instance_config

from ml_assets.orchestration.cluster.run_launcher import ClusterRunLauncher
from ml_assets_tests.deploy.conftest import DAEMON, DEPLOY, NAMESPACE, environment, launcher_of

LOCAL = yaml.safe_load((DEPLOY.parent / "dagster.yaml").read_text())
ONE_MACHINE = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
ENVIRONMENT = {**DAEMON, "ML_ASSETS_BUCKET": "ml-assets", "AWS_ENDPOINT_URL": "http://s3:9000"}


@pytest.fixture(params=["cluster", "one machine"])
def configuration(request) -> dict[str, Any]:
    return request.getfixturevalue("instance") if request.param == "cluster" else ONE_MACHINE


def assert_taken(schema: Any, config: Any) -> None:
    result = process_config(resolve_to_config_type(schema), config)
    assert result.success, [error.message for error in result.errors or []]


def test_dagster_takes_it(configuration, tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    with environment(ENVIRONMENT):
        _, schema = dagster_instance_config(str(tmp_path))
        assert_taken(schema, configuration)


@pytest.mark.parametrize("part", ["run_launcher", "run_coordinator", "compute_logs"])
def test_each_part_takes_its_configuration(configuration, part):
    given = configuration[part]
    cls = getattr(importlib.import_module(given["module"]), given["class"])
    with environment(ENVIRONMENT):
        assert_taken(cls.config_type(), given.get("config", {}))


def test_the_database_takes_its_configuration(configuration):
    from dagster_postgres import DagsterPostgresStorage

    with environment(ENVIRONMENT):
        assert_taken(DagsterPostgresStorage.config_type(), configuration["storage"]["postgres"])


@pytest.mark.parametrize("key", ["run_retries", "retention", "telemetry", "nux"])
def test_what_has_nothing_to_do_with_the_place_is_as_on_a_laptop(configuration, key):
    assert configuration[key] == LOCAL[key]


def test_partitions_of_a_problem_wait_for_each_other_everywhere(configuration):
    limits = [each["concurrency"]["runs"]["tag_concurrency_limits"] for each in (configuration, LOCAL)]

    assert limits[0] == limits[1]


def test_runs_that_are_gone_are_noticed_and_those_that_wait_for_a_node_are_left(instance):
    assert instance["run_monitoring"]["enabled"]
    assert instance["run_monitoring"]["start_timeout_seconds"] >= 1200, "a node with a GPU takes up to 15 minutes"
    assert instance["run_monitoring"]["poll_interval_seconds"] <= 60


def test_a_run_that_dies_is_told_from_an_api_that_does_not_answer_and_is_retried_not_resumed(instance, tmp_path: Path):
    with environment(ENVIRONMENT):
        launcher = launcher_of(instance, tmp_path)

    assert isinstance(launcher, ClusterRunLauncher)
    assert launcher.job_namespace == NAMESPACE
    assert instance["run_monitoring"]["max_resume_run_attempts"] == 0


def test_no_configuration_holds_a_password(configuration):
    assert configuration["storage"]["postgres"]["postgres_db"]["password"] == {"env": "DAGSTER_PG_PASSWORD"}


def test_a_run_has_the_settings_the_database_and_its_own_account_and_no_other_secret(run_job):
    spec = run_job["spec"]["template"]["spec"]
    (container,) = spec["containers"]
    secrets = [each["valueFrom"]["secretKeyRef"]["name"] for each in container["env"] if "valueFrom" in each]

    assert spec["serviceAccountName"] == "ml-assets-runs"
    assert {"configMapRef": {"name": "ml-assets-settings"}} in container["envFrom"]
    assert secrets == ["ml-assets-postgres"]
    assert not [each for each in container["envFrom"] if "secretRef" in each]


def test_a_run_whose_pod_is_gone_is_not_started_again_by_kubernetes(run_job):
    # the pod that replaced it would find its steps begun, and end without doing them
    assert run_job["spec"]["backoffLimit"] == 0
    assert run_job["spec"]["template"]["spec"]["restartPolicy"] == "Never"
