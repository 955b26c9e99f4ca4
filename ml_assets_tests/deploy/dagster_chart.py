"""What Dagster's chart makes of the values that we give it, as far as we use it: a double, for tests that need no network.

It knows the keys that we set and refuses every other one: the chart's own schema lets many pass that then do nothing.
Where Dagster's chart is at hand, a test compares each object of the double with the chart's own.

Source: the templates, values.yaml and values.schema.json under ``helm/dagster`` of dagster-io/dagster (Apache 2.0) as of June
2026. The chart of the release that Chart.yaml pins was not at hand: deploy/README.md, "Upgrade", says how to test it. Each
function names its template; ``users:`` is the subchart ``charts/dagster-user-deployments``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

Values = Mapping[str, Any]
Manifest = dict[str, Any]

RELEASE = NAMESPACE = "ml-assets"

# values.schema.json: its top level and its $defs Webserver, Daemon, UserDeployment, S3ComputeLogManager, ConfigurableClass.
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
WEBSERVER = SERVER | {"replicaCount", "service", "nameOverride", "workspace"}
DAEMON = SERVER | {"enabled", "runCoordinator", "runMonitoring", "runRetries"}
USERS = {"enabled", "enableSubchart", "imagePullSecrets", "rbacEnabled", "serviceAccount", "deployments"}
DEPLOYMENT = ANYWHERE | {"name", "codeServerArgs", "port", "includeConfigInLaunchedRuns", "envSecrets"}
S3_LOGS = {"bucket", "region", "prefix", "localDir", "skipEmptyFiles", "uploadInterval"}
CLASS = {"module", "class", "config"}


def rendered(values: Values) -> list[Manifest]:
    """All of its objects, in the order of their templates."""
    _only(values, TOP)
    users = values["dagster-user-deployments"]
    _only(users, USERS)
    (deployment,) = users["deployments"]
    assert not values["rbacEnabled"] and not values["serviceAccount"]["create"]
    assert not users["rbacEnabled"] and not users["serviceAccount"]["create"]
    name = values["global"]["fullnameOverride"]
    return [
        *_users_environment(values, deployment),
        _code_server(values, deployment),
        _service(deployment["name"], deployment["port"], "grpc", _user_labels(deployment)),
        *(_config_map(f"{name}-{part}-env", _shared_env(values)) for part in ("daemon", "pipeline", "webserver")),
        _config_map(f"{name}-instance", {"dagster.yaml": yaml.safe_dump(instance(values))}),
        _config_map(f"{name}-workspace-yaml", {"workspace.yaml": yaml.safe_dump(workspace(values))}),
        _daemon(values, deployment),
        _webserver(values, deployment),
        _service(_webserver_name(values), values["dagsterWebserver"]["service"]["port"], "http", _labels("webserver")),
    ]


# -- dagster.yaml and workspace.yaml ---------------------------------------------------------------------------------------


def instance(values: Values) -> dict[str, Any]:
    """The ``dagster.yaml`` that it writes: templates/configmap-instance.yaml.

    Three storages, never ``storage``. Sensors and schedules are looked at by threads by default (values.yaml).
    """
    assert not any(values["dagsterDaemon"][part]["enabled"] for part in ("runMonitoring", "runRetries"))
    assert not values["retention"]["enabled"] and not values["postgresql"]["enabled"]
    threads = {"use_threads": True, "num_workers": 4}
    made = {
        "scheduler": {"module": "dagster._core.scheduler", "class": "DagsterDaemonScheduler"},
        **{
            f"{part}_storage": {
                "module": f"dagster_postgres.{module}",
                "class": f"Postgres{kind}Storage",
                "config": {"postgres_db": _database(values["postgresql"])},
            }
            for part, module, kind in STORAGES
        },
        "run_launcher": _launcher(values["runLauncher"]),
        "run_coordinator": _coordinator(values["dagsterDaemon"]["runCoordinator"]),
        "compute_logs": _logs(values["computeLogManager"]),
        "sensors": threads,
        "schedules": threads,
        "telemetry": values["telemetry"],
    }
    assert not made.keys() & values["additionalInstanceConfig"].keys(), "a key twice"
    return {**made, **values["additionalInstanceConfig"]}


STORAGES = [
    ("schedule", "schedule_storage", "Schedule"),
    ("run", "run_storage", "Run"),
    ("event_log", "event_log", "EventLog"),
]


def _database(postgres: Values) -> dict[str, Any]:
    """templates/helpers/instance/_postgresql.tpl."""
    return {
        "username": postgres["postgresqlUsername"],
        "password": {"env": "DAGSTER_PG_PASSWORD"},
        "hostname": postgres["postgresqlHost"],
        "db_name": postgres["postgresqlDatabase"],
        "port": postgres["service"]["port"],
        "params": postgres["postgresqlParams"],
        "scheme": postgres["postgresqlScheme"],
    }


def _launcher(given: Values) -> dict[str, Any]:
    """templates/helpers/instance/_run-launcher.tpl, of type CustomRunLauncher."""
    assert given["type"] == "CustomRunLauncher"
    _only(given["config"]["customRunLauncher"], CLASS)
    return dict(given["config"]["customRunLauncher"])


def _coordinator(given: Values) -> dict[str, Any]:
    """templates/helpers/instance/_run-coordinator.tpl: its own queue has a limit of runs, -1 where none is given."""
    if given["type"] == "CustomRunCoordinator":
        _only(given["config"]["customRunCoordinator"], CLASS)
        return dict(given["config"]["customRunCoordinator"])
    queue = {"maxConcurrentRuns": -1, "dequeueUseThreads": True, "dequeueNumWorkers": 4}
    return {
        "module": "dagster._core.run_coordinator",
        "class": "QueuedRunCoordinator",
        "config": _snake(queue | given["config"]["queuedRunCoordinator"]),
    }


def _logs(given: Values) -> dict[str, Any]:
    """templates/helpers/instance/_compute-log-manager.tpl, of type S3ComputeLogManager."""
    assert given["type"] == "S3ComputeLogManager"
    config = given["config"]["s3ComputeLogManager"]
    _only(config, S3_LOGS)
    return {
        "module": "dagster_aws.s3.compute_log_manager",
        "class": "S3ComputeLogManager",
        "config": {"verify": True, **_snake(config)},
    }


def workspace(values: Values) -> dict[str, Any]:
    """The ``workspace.yaml`` that it writes: templates/configmap-workspace.yaml, with servers of its own."""
    given = values["dagsterWebserver"]["workspace"]
    assert given["enabled"]
    servers = [
        {"grpc_server": {"host": each["host"], "port": each["port"], "location_name": each["name"]}}
        for each in given["servers"]
    ]
    return {"load_from": servers}


# -- Pods ------------------------------------------------------------------------------------------------------------------


def _webserver(values: Values, deployment: Values) -> Manifest:
    """templates/helpers/_deployment-webserver.tpl."""
    given = values["dagsterWebserver"]
    _only(given, WEBSERVER)
    command = f"dagster-webserver -h 0.0.0.0 -p {given['service']['port']} -w /dagster-workspace/workspace.yaml"
    made = _server(values, deployment, given, "webserver", command)
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["readinessProbe"] = {"successThreshold": 1, **given["readinessProbe"]}  # values.yaml
    container["ports"] = [{"name": "http", "containerPort": given["service"]["port"], "protocol": "TCP"}]
    made["metadata"]["name"] = _webserver_name(values)
    return made


def _webserver_name(values: Values) -> str:
    """templates/helpers/_helpers.tpl, dagster.webserver.fullname: after the release, unlike all else."""
    return f"{RELEASE}-{values['dagsterWebserver'].get('nameOverride', 'dagster-webserver')}"


def _daemon(values: Values, deployment: Values) -> Manifest:
    """templates/deployment-daemon.yaml."""
    given = values["dagsterDaemon"]
    _only(given, DAEMON)
    made = _server(values, deployment, given, "daemon", "dagster-daemon run -w /dagster-workspace/workspace.yaml")
    (container,) = made["spec"]["template"]["spec"]["containers"]
    container["env"].append({"name": "DAGSTER_DAEMON_HEARTBEAT_TOLERANCE", "value": "1800"})
    made["spec"]["strategy"] = {"type": "Recreate"}
    return made


def _server(values: Values, deployment: Values, given: Values, part: str, command: str) -> Manifest:
    """What the templates of webserver and daemon have in common."""
    assert given["checkDbReadyInitContainer"] is False
    home, name = values["global"]["dagsterHome"], values["global"]["fullnameOverride"]
    container = _container(given, "dagster", [f"{name}-{part}-env"])
    container["command"] = ["/bin/bash", "-c", command]
    container["env"] = [_password(values)]
    container["volumeMounts"] = [
        {"name": "dagster-instance", "mountPath": f"{home}/dagster.yaml", "subPath": "dagster.yaml"},
        {"name": "dagster-workspace-yaml", "mountPath": "/dagster-workspace/"},
        *given["volumeMounts"],
    ]
    volumes = [
        {"name": "dagster-instance", "configMap": {"name": f"{name}-instance"}},
        {"name": "dagster-workspace-yaml", "configMap": {"name": f"{name}-workspace-yaml"}},
        *given["volumes"],
    ]
    spec = _pod(given, values["serviceAccount"]["name"], container, volumes)
    spec["initContainers"] = [_waiting(values["busybox"]["image"], deployment["name"], given)]
    return _deployment(f"{name}-{part}", _labels(part), spec, given.get("replicaCount", 1))


def _waiting(image: Values, service: str, given: Values) -> dict[str, Any]:
    """The container that waits until the code server has a name, in the templates of webserver and daemon."""
    return {
        "name": f"init-user-deployment-{service}",
        "image": f"{image['repository']}:{image['tag']}",
        "command": ["sh", "-c", f"until nslookup {service}; do echo waiting for user service; sleep 2; done"],
        "securityContext": given["securityContext"],
        "resources": given["initContainerResources"],
    }


def _code_server(values: Values, given: Values) -> Manifest:
    """users: templates/deployment-user.yaml. All deployments have the account of the subchart; it gives arguments alone."""
    _only(given, DEPLOYMENT)
    assert given["includeConfigInLaunchedRuns"] == {"enabled": False}
    name = values["global"]["fullnameOverride"]
    container = _container(given, "dagster-user-deployments", [f"{name}-{part}-env" for part in _user_parts(given)])
    container["args"] = ["dagster", "code-server", "start", "-h", "0.0.0.0", "-p", str(given["port"])]
    container["args"] += given["codeServerArgs"]
    container["env"] = [{"name": "DAGSTER_CURRENT_IMAGE", "value": _image(given)}, _password(values)]
    celery = {"name": "dagster-celery-config-secret", "optional": True}
    container["envFrom"] += [{"secretRef": secret} for secret in [*given["envSecrets"], celery]]
    container["volumeMounts"] = given["volumeMounts"]
    assert "exec" in container["readinessProbe"] and "exec" in container["startupProbe"]  # else it adds one
    account = values["dagster-user-deployments"]["serviceAccount"]["name"]
    spec = _pod(given, account, container, given["volumes"])
    return _deployment(f"{name}-{given['name']}", _user_labels(given), spec, 1)


def _container(given: Values, name: str, environments: list[str]) -> dict[str, Any]:
    probes = {
        probe: {key: value for key, value in given[probe].items() if key != "enabled"}
        for probe in ("livenessProbe", "readinessProbe", "startupProbe")
        if probe in given
    }
    config_maps = [*({"name": each} for each in environments), *given["envConfigMaps"]]
    return {
        "name": name,
        "image": _image(given),
        "imagePullPolicy": given["image"]["pullPolicy"],
        "envFrom": [{"configMapRef": config_map} for config_map in config_maps],
        "securityContext": given["securityContext"],
        "resources": given["resources"],
        **probes,
    }


def _image(given: Values) -> str:
    return f"{given['image']['repository']}:{given['image']['tag']}"


def _pod(given: Values, account: str, container: Values, volumes: Any) -> dict[str, Any]:
    return {
        "serviceAccountName": account,
        "automountServiceAccountToken": True,
        "securityContext": given["podSecurityContext"],
        "containers": [container],
        "volumes": volumes,
    }


def _deployment(name: str, labels: Values, spec: Values, replicas: int) -> Manifest:
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


def _labels(part: str) -> dict[str, str]:
    """templates/helpers/_helpers.tpl, dagster.selectorLabels and dagster.webserver.componentName."""
    more = {"deployment": "daemon"} if part == "daemon" else {}
    return {**_selected("dagster"), "component": f"dagster-{part}", **more}


def _user_labels(deployment: Values) -> dict[str, str]:
    """users: templates/helpers/_helpers.tpl, dagster.selectorLabels."""
    more = {"component": "user-deployments", "deployment": deployment["name"]}
    return {**_selected("dagster-user-deployments"), **more}


def _selected(chart: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": chart, "app.kubernetes.io/instance": RELEASE}


# -- What pods are given ---------------------------------------------------------------------------------------------------


def _users_environment(values: Values, deployment: Values) -> list[Manifest]:
    """users: templates/configmap-env-shared.yaml and configmap-env-user.yaml."""
    name = values["global"]["fullnameOverride"]
    shared = {key: value for key, value in _shared_env(values).items() if "_IMAGE" not in key}
    return [
        _config_map(f"{name}-{part}-env", data)
        for part, data in zip(_user_parts(deployment), (shared, {}), strict=True)
    ]


def _user_parts(deployment: Values) -> tuple[str, str]:
    return "user-deployments-shared", f"{deployment['name']}-user"


def _shared_env(values: Values) -> dict[str, str]:
    """templates/helpers/_helpers.tpl, dagster.shared_env; the image is of runs for which no code server answers."""
    return {
        "DAGSTER_HOME": values["global"]["dagsterHome"],
        "DAGSTER_K8S_PIPELINE_RUN_NAMESPACE": NAMESPACE,
        "DAGSTER_K8S_PIPELINE_RUN_ENV_CONFIGMAP": f"{values['global']['fullnameOverride']}-pipeline-env",
        "DAGSTER_K8S_PIPELINE_RUN_IMAGE": "docker.io/dagster/user-code-example",
        "DAGSTER_K8S_PIPELINE_RUN_IMAGE_PULL_POLICY": "Always",
    }


def _password(values: Values) -> dict[str, Any]:
    secret = {"name": values["global"]["postgresqlSecretName"], "key": "postgresql-password"}
    return {"name": "DAGSTER_PG_PASSWORD", "valueFrom": {"secretKeyRef": secret}}


def _config_map(name: str, data: Values) -> Manifest:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": dict(data)}


def _service(name: str, port: int, port_name: str, labels: Values) -> Manifest:
    """templates/helpers/_service-webserver.tpl; users: templates/service-user.yaml."""
    ports = [{"name": port_name, "port": port, "protocol": "TCP"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"type": "ClusterIP", "ports": ports, "selector": labels},
    }


def _snake(given: Values) -> dict[str, Any]:
    return {"".join(f"_{c.lower()}" if c.isupper() else c for c in key): v for key, v in given.items()}


def _only(given: Values, known: set[str]) -> None:
    unknown = given.keys() - known
    assert not unknown, f"Dagster's chart may not know {sorted(unknown)}: look it up, then say so in dagster_chart.py"
