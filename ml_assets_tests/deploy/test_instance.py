"""The dagster.yaml of the cluster and that of one machine are such as Dagster takes, and mean what the laptop's means."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.errors import DagsterInvalidConfigError
from dagster._core.instance.config import dagster_instance_config
from dagster._core.run_coordinator import QueuedRunCoordinator

from ml_assets.orchestration.cluster.run_launcher import ClusterRunLauncher
from ml_assets_tests.deploy.conftest import DAEMON, DEPLOY, NAMESPACE, documents, environment, launcher_of, named
from ml_assets_tests.doubles.postgres import Postgres, postgres

LOCAL = yaml.safe_load((DEPLOY.parent / "dagster.yaml").read_text())
ONE_MACHINE = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
ENVIRONMENT = {**DAEMON, "ML_ASSETS_BUCKET": "ml-assets", "AWS_ENDPOINT_URL": "http://s3:9000"}


@pytest.fixture(params=["cluster", "one machine"])
def configuration(request) -> dict[str, Any]:
    return deepcopy(request.getfixturevalue("instance") if request.param == "cluster" else ONE_MACHINE)


def assert_taken(schema: Any, config: Any) -> None:
    result = process_config(resolve_to_config_type(schema), config)
    assert result.success, [error.message for error in result.errors or []]


def loaded(configuration: dict[str, Any], folder: Path) -> dg.DagsterInstance:
    (folder / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    return dg.DagsterInstance.from_config(str(folder))


def test_dagster_takes_it(configuration, tmp_path: Path):
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(configuration))
    with environment(ENVIRONMENT):
        _, schema = dagster_instance_config(str(tmp_path))
        assert_taken(schema, configuration)


def test_it_loads_as_an_instance_with_the_limits_of_runs(configuration, tmp_path: Path):
    without_database = {key: part for key, part in configuration.items() if not key.endswith("storage")}
    with environment(ENVIRONMENT), loaded(without_database, tmp_path) as instance:
        queue = instance.get_concurrency_config().run_queue_config

        assert isinstance(instance.run_coordinator, QueuedRunCoordinator)
        assert queue is not None
        assert queue.max_concurrent_runs == configuration["concurrency"]["runs"]["max_concurrent_runs"] > 0
        assert [dict(limit) for limit in queue.tag_concurrency_limits] == [
            {"key": "ml_assets/chain", "value": {"applyLimitPerUniqueValue": True}, "limit": 1}
        ]
        assert instance.run_monitoring_enabled and instance.run_retries_enabled


def test_with_the_charts_own_queue_dagster_would_refuse_it(render, tmp_path: Path):
    # why dagsterDaemon.runCoordinator is of another type: -1 beside concurrency.runs
    queue = {"type": "QueuedRunCoordinator", "config": {"queuedRunCoordinator": {"dequeueIntervalSeconds": 2}}}
    objects = render({"dagster": {"dagsterDaemon": {"runCoordinator": queue}}})
    (refused,) = documents(named(objects, "ConfigMap", "dagster-instance")["data"]["dagster.yaml"])

    assert refused["run_coordinator"]["config"]["max_concurrent_runs"] == -1
    with environment(ENVIRONMENT), pytest.raises(DagsterInvalidConfigError, match="max_concurrent_runs"):
        loaded(refused, tmp_path)


def databases(configuration: dict[str, Any]) -> list[dict[str, Any]]:
    """What each storage is told of the database: Dagster's chart says it three times."""
    if "storage" in configuration:
        return [configuration["storage"]["postgres"]["postgres_db"]]
    parts = [configuration[f"{part}_storage"]["config"] for part in ("run", "event_log", "schedule")]
    return [part["postgres_db"] for part in parts]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as running:
        yield running


@pytest.mark.slow
def test_it_keeps_runs_in_postgresql(configuration, server: Postgres, tmp_path: Path):
    for database in databases(configuration):
        assert {"hostname", "username", "db_name", "port"} <= database.keys()
        database.update(server.as_dagster_says_it())
    with (
        environment({**ENVIRONMENT, "DAGSTER_PG_PASSWORD": server.password}),
        loaded(configuration, tmp_path) as instance,
    ):
        run = instance.add_run(dg.DagsterRun(job_name="flight_delays"))

        assert instance.get_run_by_id(run.run_id) == run


@pytest.mark.parametrize("part", ["run_launcher", "run_coordinator", "compute_logs"])
def test_each_part_takes_its_configuration(configuration, part):
    given = configuration[part]
    cls = getattr(importlib.import_module(given["module"]), given["class"])
    with environment(ENVIRONMENT):
        assert_taken(cls.config_type(), given.get("config", {}))


def test_the_database_takes_its_configuration(configuration):
    from dagster_postgres import DagsterPostgresStorage

    with environment(ENVIRONMENT):
        for database in databases(configuration):
            assert_taken(DagsterPostgresStorage.config_type(), {"postgres_db": database})


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
    for database in databases(configuration):
        assert database["password"] == {"env": "DAGSTER_PG_PASSWORD"}


def test_the_workspace_leads_to_the_code_server_under_its_usual_name(objects, tmp_path: Path):
    from dagster._core.workspace.load import location_origins_from_yaml_paths

    (tmp_path / "workspace.yaml").write_text(
        named(objects, "ConfigMap", "dagster-workspace-yaml")["data"]["workspace.yaml"]
    )
    (origin,) = location_origins_from_yaml_paths([str(tmp_path / "workspace.yaml")])
    (local,) = location_origins_from_yaml_paths([str(DEPLOY.parent / "workspace.yaml")])
    service = named(objects, "Service", origin.host)
    (container,) = named(objects, "Deployment", "dagster-ml-assets")["spec"]["template"]["spec"]["containers"]

    assert origin.location_name == local.location_name
    assert [each["port"] for each in service["spec"]["ports"]] == [origin.port]
    assert container["args"][-4:] == ["-p", str(origin.port), "-m", "ml_assets.definitions"]


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
