"""What Dagster's chart makes of the values that we give it, as far as we use it: a double, for tests that need no network.

Written from what the chart's templates and its values.schema.json do (Dagster 1.13). It knows the keys that we set and
refuses every other one, as the chart's schema does, so that a misspelt value does not pass. The same tests run on the chart
itself where `helm dependency build deploy/chart` has fetched it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Values = Mapping[str, Any]

TOP = {
    *("global", "imagePullSecrets", "rbacEnabled", "serviceAccount", "generatePostgresqlPasswordSecret", "postgresql"),
    *("rabbitmq", "redis", "flower", "telemetry", "busybox", "dagsterWebserver", "dagsterDaemon", "retention"),
    *("additionalInstanceConfig", "computeLogManager", "runLauncher", "dagster-user-deployments"),
}
ANYWHERE = {
    *("image", "envConfigMaps", "podSecurityContext", "securityContext", "volumes", "volumeMounts", "resources"),
    *("livenessProbe", "readinessProbe", "startupProbe", "labels", "annotations"),
}
SERVER = ANYWHERE | {"checkDbReadyInitContainer", "initContainerResources"}
WEBSERVER = SERVER | {"replicaCount", "service"}
DAEMON = SERVER | {"enabled", "runCoordinator", "runMonitoring", "runRetries"}
DEPLOYMENT = ANYWHERE | {
    "name",
    "codeServerArgs",
    "port",
    "includeConfigInLaunchedRuns",
    "serviceAccount",
    "envSecrets",
}
S3_LOGS = {"bucket", "region", "prefix", "localDir", "skipEmptyFiles", "uploadInterval"}


def rendered(values: Values) -> list[dict[str, Any]]:
    """The objects that matter, for the release ``ml-assets``."""
    _only(values, TOP)
    (deployment,) = values["dagster-user-deployments"]["deployments"]
    return [
        _config_map("dagster-instance", {"dagster.yaml": yaml.safe_dump(instance(values))}),
        _webserver(values, deployment),
        _daemon(values, deployment),
        _code_server(values, deployment),
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": deployment["name"]},
            "spec": {"selector": {"component": "user-deployments"}, "ports": [{"port": deployment["port"]}]},
        },
    ]


def instance(values: Values) -> dict[str, Any]:
    """The ``dagster.yaml`` that it writes."""
    assert not values["postgresql"]["enabled"]
    assert not any(values["dagsterDaemon"][part]["enabled"] for part in ("runMonitoring", "runRetries"))
    assert not values["retention"]["enabled"]
    made = {
        "storage": {"postgres": {"postgres_db": _database(values["postgresql"])}},
        "run_launcher": _launcher(values),
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "QueuedRunCoordinator",
            "config": _snake(values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]),
        },
        "compute_logs": _logs(values["computeLogManager"]),
        "telemetry": values["telemetry"],
    }
    assert not made.keys() & values["additionalInstanceConfig"].keys(), "a key twice"
    return {**made, **values["additionalInstanceConfig"]}


def _database(postgres: Values) -> dict[str, Any]:
    return {
        "username": postgres["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": postgres["postgresqlHost"],
        "db_name": postgres["postgresqlDatabase"],
        "port": postgres["service"]["port"],
        "params": postgres["postgresqlParams"],
        "scheme": postgres["postgresqlScheme"],
    }


def _launcher(values: Values) -> dict[str, Any]:
    assert values["runLauncher"]["type"] == "CustomRunLauncher"
    given = values["runLauncher"]["config"]["customRunLauncher"]
    _only(given, {"module", "class", "config"})
    return dict(given)


def _logs(given: Values) -> dict[str, Any]:
    assert given["type"] == "S3ComputeLogManager"
    config = given["config"]["s3ComputeLogManager"]
    _only(config, S3_LOGS)
    return {
        "module": "dagster_aws.s3.compute_log_manager",
        "class": "S3ComputeLogManager",
        "config": _snake(config),
    }


def _webserver(values: Values, deployment: Values) -> dict[str, Any]:
    given = values["dagsterWebserver"]
    _only(given, WEBSERVER)
    command = f"dagster-webserver -h 0.0.0.0 -p {given['service']['port']} -w /dagster-workspace/workspace.yaml"
    return _server(values, deployment, given, "dagster-webserver", ["/bin/bash", "-c", command]) | {
        "metadata": {"name": "ml-assets-webserver"}  # named after the release, unlike all else
    }


def _daemon(values: Values, deployment: Values) -> dict[str, Any]:
    given = values["dagsterDaemon"]
    _only(given, DAEMON)
    command = "dagster-daemon run -w /dagster-workspace/workspace.yaml"
    return _server(values, deployment, given, "dagster-daemon", ["/bin/bash", "-c", command])


def _server(values: Values, deployment: Values, given: Values, name: str, command: list[str]) -> dict[str, Any]:
    assert given["checkDbReadyInitContainer"] is False
    image = values["busybox"]["image"]
    waits = {
        "name": f"init-user-deployment-{deployment['name']}",
        "image": f"{image['repository']}:{image['tag']}",
        "command": ["sh", "-c", f"until nslookup {deployment['name']}; do sleep 2; done"],
        "securityContext": given["securityContext"],
        "resources": given["initContainerResources"],
    }
    home = values["global"]["dagsterHome"]
    container = _container(given, "dagster", command)
    container["volumeMounts"] = [
        {"name": "dagster-instance", "mountPath": f"{home}/dagster.yaml", "subPath": "dagster.yaml"},
        {"name": "dagster-workspace-yaml", "mountPath": "/dagster-workspace/"},
        *given["volumeMounts"],
    ]
    container["env"] = [_password(values)]
    volumes = [
        {"name": "dagster-instance", "configMap": {"name": "dagster-instance"}},
        {"name": "dagster-workspace-yaml", "configMap": {"name": "dagster-workspace-yaml"}},
        *given["volumes"],
    ]
    spec = _pod(given, values["serviceAccount"]["name"], container, volumes) | {"initContainers": [waits]}
    return _deployment(name, name, spec, given.get("replicaCount", 1))


def _code_server(values: Values, given: Values) -> dict[str, Any]:
    _only(given, DEPLOYMENT)
    assert given["includeConfigInLaunchedRuns"] == {"enabled": False}
    command = ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", str(given["port"]), *given["codeServerArgs"]]
    container = _container(given, "dagster-user-deployments", command)
    container["env"] = [
        {"name": "DAGSTER_CURRENT_IMAGE", "value": f"{given['image']['repository']}:{given['image']['tag']}"},
        _password(values),
    ]
    container["volumeMounts"] = given["volumeMounts"]
    container["envFrom"] += [{"secretRef": secret} for secret in given["envSecrets"]]
    spec = _pod(given, given["serviceAccount"]["name"], container, given["volumes"])
    return _deployment(f"dagster-{given['name']}", "user-deployments", spec, 1)


def _container(given: Values, name: str, command: list[str]) -> dict[str, Any]:
    probes = {name: dict(given[name]) for name in ("livenessProbe", "readinessProbe", "startupProbe") if name in given}
    if probes.get("startupProbe", {}).pop("enabled", False):
        probes["startupProbe"].setdefault("exec", {"command": ["dagster", "api", "grpc-health-check", "-p", "4000"]})
    return {
        "name": name,
        "image": f"{given['image']['repository']}:{given['image']['tag']}",
        "imagePullPolicy": given["image"]["pullPolicy"],
        "command": command,
        "envFrom": [{"configMapRef": config_map} for config_map in given["envConfigMaps"]],
        "securityContext": given["securityContext"],
        "resources": given["resources"],
        **probes,
    }


def _pod(given: Values, account: str, container: Values, volumes: Any) -> dict[str, Any]:
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": True,
        "securityContext": given["podSecurityContext"],
        "containers": [container],
        "volumes": volumes,
    }


def _deployment(name: str, component: str, spec: Values, replicas: int) -> dict[str, Any]:
    labels = {"app.kubernetes.io/name": "dagster", "app.kubernetes.io/instance": "ml-assets", "component": component}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
        },
    }


def _password(values: Values) -> dict[str, Any]:
    secret = {"name": values["global"]["postgresqlSecretName"], "key": "postgresql-password"}
    return {"name": "DAGSTER_PG_PASSWORD", "valueFrom": {"secretKeyRef": secret}}


def _config_map(name: str, data: Values) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def _snake(given: Values) -> dict[str, Any]:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): v for key, v in given.items()}


def _only(given: Values, known: set[str]) -> None:
    unknown = given.keys() - known
    assert not unknown, f"Dagster's chart may not know {sorted(unknown)}: look it up, then say so in dagster_chart.py"
