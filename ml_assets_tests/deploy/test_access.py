"""Each part may do what it does, in the cluster and through the network, and no more."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pytest

from ml_assets.orchestration.distributed.objects import TRAINING
from ml_assets.settings import Settings
from ml_assets_tests.deploy.conftest import CHART, DEPLOY, NAMESPACE, named, of_kind, templates

VERBS = {"create": "create", "read": "get", "list": "list", "delete": "delete"}
OURS = {("create", "services"), ("delete", "services"), ("watch", "jobs"), ("watch", "pods")}
NEVER = {("create", "pods")}  # dagster-k8s' Pipes client, which we do not use


def called_by_dagster_k8s() -> set[tuple[str, str]]:
    """(verb, resource) of every call to the cluster's API in dagster-k8s."""
    from dagster_k8s import client, executor, launcher, pipes

    source = "".join(map(inspect.getsource, (client, executor, launcher, pipes)))
    calls = re.findall(r"_api\.(create|read|list|delete)_namespaced_(job|pod|event)(_log|_status)?\b", source)
    return {(VERBS[verb], f"{noun}s{part.replace('_', '/')}") for verb, noun, part in calls}


def test_the_role_allows_what_is_asked_of_the_cluster_and_nothing_that_is_not(objects):
    role = named(objects, "Role", "ml-assets-launching")
    allowed = {(verb, resource) for rule in role["rules"] for verb in rule["verbs"] for resource in rule["resources"]}
    needed = (called_by_dagster_k8s() - NEVER) | OURS

    assert ("create", "jobs") in needed and ("get", "pods/log") in needed
    assert needed <= allowed
    assert allowed - needed == {("get", "jobs"), ("get", "services")}  # to see what a lost reply had done
    assert not any("*" in verb or "*" in resource for verb, resource in allowed)


@pytest.fixture
def pods(objects, run_job) -> dict[str, dict[str, Any]]:
    """The template of each part's pods."""
    makers = {
        "run": run_job,
        "pages": named(objects, "Deployment", "ml-assets-pages"),
        "code": named(objects, "Deployment", "dagster-ml-assets"),
        "ui": named(objects, "Deployment", "ml-assets-webserver"),
        "daemon": named(objects, "Deployment", "dagster-daemon"),
    }
    served = {part: templates(objects)[f"ml-assets-serve-{name}"] for part, name in SERVED.items()}
    return {part: maker["spec"]["template"] for part, maker in makers.items()} | served


SERVED = {"serving": "flights", "recording": "kserved"}
ACCOUNTS = {"ui": "control", "daemon": "control", "code": "code", "pages": "code", "run": "runs"}
ACCOUNTS |= {"serving": "code", "recording": "runs"}  # what records answers writes to the store
ASKS_THE_CLUSTER = {"ui", "daemon", "run"}


def test_only_what_starts_and_watches_pods_may_ask_the_cluster(objects, pods):
    (binding,) = of_kind(objects, "RoleBinding")
    (role,) = of_kind(objects, "Role")
    subjects = {(each["kind"], each["name"], each["namespace"]) for each in binding["subjects"]}
    allowed = {
        part
        for part, pod in pods.items()
        if ("ServiceAccount", pod["spec"]["serviceAccountName"], NAMESPACE) in subjects
        and pod["spec"]["automountServiceAccountToken"]
    }

    assert binding["roleRef"]["name"] == role["metadata"]["name"]
    assert allowed == ASKS_THE_CLUSTER
    assert not [each for each in objects if each["kind"] in ("ClusterRole", "ClusterRoleBinding")]


@pytest.mark.parametrize("part", ACCOUNTS)
def test_every_pod_has_the_account_that_takes_the_role_of_its_part(objects, pods, part):
    account = named(objects, "ServiceAccount", pods[part]["spec"]["serviceAccountName"])
    (role,) = account["metadata"]["annotations"].values()

    assert account["metadata"]["name"] == f"ml-assets-{ACCOUNTS[part]}"
    assert role.endswith(f"role/ml-assets-{ACCOUNTS[part]}")


def test_no_account_is_made_that_nobody_has(objects, pods):
    made = {each["metadata"]["name"] for each in of_kind(objects, "ServiceAccount")}

    assert made == {pod["spec"]["serviceAccountName"] for pod in pods.values()}


def test_everything_reads_the_same_settings_and_they_are_ones_we_know(objects, run_job):
    data = named(objects, "ConfigMap", "ml-assets-settings")["data"]
    settings = Settings.from_environment(data)

    assert (settings.store, settings.landing) == ("s3://example-ml-assets/store", "s3://example-ml-assets/landing")
    assert settings.image == "registry.example.com/ml_assets:0.1.0"
    assert settings.user == "dagster" and settings.landing_queue == ""
    assert data["ML_ASSETS_EXECUTION"] == "kubernetes"
    for name, pod in (templates(objects) | {"run": run_job["spec"]["template"]}).items():
        (container,) = pod["spec"]["containers"]
        assert {"configMapRef": {"name": "ml-assets-settings"}} in container["envFrom"], name


# -- The network -----------------------------------------------------------------------------------------------------------


def matches(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    asked = selector.get("matchExpressions", [])
    operators = {
        "In": lambda each: labels.get(each["key"]) in each["values"],
        "NotIn": lambda each: labels.get(each["key"]) not in each["values"],
        "Exists": lambda each: each["key"] in labels,
    }
    wanted = selector.get("matchLabels", {})
    return wanted.items() <= labels.items() and all(operators[each["operator"]](each) for each in asked)


def ports(objects: list[Any], direction: str, labels: dict[str, str], peer: dict[str, str] | str) -> set[int | None]:
    """The ports that policies open between a pod and its peer: labels of a pod, the name of a namespace or a network."""
    found: set[int | None] = set()
    for policy in of_kind(objects, "NetworkPolicy"):
        if matches(policy["spec"]["podSelector"], labels):
            for rule in policy["spec"].get(direction, []):
                if any(is_peer(each, peer) for each in rule["from" if direction == "ingress" else "to"]):
                    found |= {each["port"] for each in rule.get("ports", [{"port": None}])}
    return found


def is_peer(given: dict[str, Any], peer: dict[str, str] | str) -> bool:
    if isinstance(peer, dict):
        return "podSelector" in given and matches(given["podSelector"], peer)
    named = given.get("namespaceSelector", {}).get("matchLabels", {}).get("kubernetes.io/metadata.name")
    return peer in (named, given.get("ipBlock", {}).get("cidr"))


@pytest.fixture
def labels(pods) -> dict[str, dict[str, str]]:
    return {part: pod["metadata"]["labels"] for part, pod in pods.items()}


def test_what_no_policy_opens_is_closed(objects, labels):
    policy = named(objects, "NetworkPolicy", "ml-assets-nothing-else")

    assert policy["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert ports(objects, "ingress", labels["pages"], labels["run"]) == set()
    assert ports(objects, "ingress", labels["code"], labels["run"]) == set()
    assert ports(objects, "ingress", labels["run"], labels["ui"]) == set()


@pytest.mark.parametrize("part", ACCOUNTS)
def test_every_pod_finds_names_and_the_object_store(objects, labels, part):
    assert ports(objects, "egress", labels[part], "kube-system") == {53}
    assert ports(objects, "egress", labels[part], "0.0.0.0/0") == {443, 6443}


@pytest.mark.parametrize("part", ["run", "code", "ui", "daemon"])
def test_what_uses_dagsters_database_reaches_it(objects, labels, part):
    assert ports(objects, "egress", labels[part], "10.0.0.0/16") == {5432}


@pytest.mark.parametrize("part", ["pages", *SERVED])
def test_what_reads_the_store_alone_does_not_reach_dagsters_database(objects, labels, part):
    assert ports(objects, "egress", labels[part], "10.0.0.0/16") == set()


@pytest.mark.parametrize("asker", ["ui", "daemon"])
def test_webserver_and_daemon_reach_the_code_server(objects, labels, asker):
    assert ports(objects, "egress", labels[asker], labels["code"]) == {4000}
    assert ports(objects, "ingress", labels["code"], labels[asker]) == {4000}


@pytest.mark.parametrize(("part", "port"), [("ui", 3000), ("pages", 3001), ("serving", 8080), ("recording", 8080)])
def test_people_come_through_the_ingress_controller_alone(objects, labels, part, port):
    assert ports(objects, "ingress", labels[part], "ingress-nginx") == {port}
    assert ports(objects, "ingress", labels["code"], "ingress-nginx") == set()


def test_champions_are_asked_from_the_namespaces_that_are_named_and_no_other(objects, labels):
    assert ports(objects, "ingress", labels["serving"], "shop") == {8080}
    assert ports(objects, "ingress", labels["recording"], "shop") == set()
    assert ports(objects, "ingress", labels["serving"], labels["run"]) == set()


def test_the_pods_of_one_training_reach_each_other_and_no_run(objects, labels):
    node = NODE_OF_A_TRAINING
    assert ports(objects, "egress", node, node) == ports(objects, "ingress", node, node) == {None}  # any port
    assert ports(objects, "egress", node, "10.0.0.0/16") == {5432}
    assert ports(objects, "ingress", node, labels["run"]) == set()


def test_the_nodes_own_credentials_are_out_of_reach(objects):
    (_, https) = named(objects, "NetworkPolicy", "ml-assets-outwards")["spec"]["egress"]

    assert https["to"][0]["ipBlock"]["except"] == ["169.254.0.0/16"]


@pytest.mark.parametrize("name", ["ui", "pages"])
def test_a_budget_leaves_one_of_the_two_that_people_look_at(objects, labels, name):
    budget = named(objects, "PodDisruptionBudget", f"ml-assets-{name}")
    deployment = {"ui": "ml-assets-webserver", "pages": "ml-assets-pages"}[name]

    assert matches(budget["spec"]["selector"], labels[name])
    assert named(objects, "Deployment", deployment)["spec"]["replicas"] == 2


# -- What names something names something that is there -------------------------------------------------------------------

NODE_OF_A_TRAINING = {TRAINING: "t-1"}


def selectors(value: Any) -> Iterator[dict[str, Any]]:
    """Every selector of pods in an object, but those of other namespaces."""
    if isinstance(value, dict):
        if "podSelector" in value:
            yield value["podSelector"]
        for each in value.values():
            yield from selectors(each)
    if isinstance(value, list):
        for each in value:
            yield from selectors(each)


def test_every_selector_finds_a_pod(objects, labels):
    found = [(each, selector) for each in of_kind(objects, "NetworkPolicy") for selector in selectors(each)]
    found += [(each, each["spec"]["selector"]) for each in of_kind(objects, "PodDisruptionBudget")]
    found += [(each, {"matchLabels": each["spec"]["selector"]}) for each in of_kind(objects, "Service")]

    assert {each["kind"] for each, _ in found} == {"NetworkPolicy", "PodDisruptionBudget", "Service"}
    for each, selector in found:
        pods = [*labels.values(), NODE_OF_A_TRAINING]
        assert any(matches(selector, pod) for pod in pods), (each["metadata"]["name"], selector)


def test_a_deployment_and_a_service_find_the_pods_of_one_part_alone(objects, labels):
    for each in [*of_kind(objects, "Deployment"), *of_kind(objects, "Service")]:
        given = each["spec"]["selector"]
        selector = given if each["kind"] == "Deployment" else {"matchLabels": given}
        assert sum(matches(selector, pod) for pod in labels.values()) == 1, each["metadata"]["name"]


def test_every_service_leads_to_a_port_that_its_pods_have(objects, pods):
    for service in of_kind(objects, "Service"):
        (port,) = service["spec"]["ports"]
        (pod,) = (
            each
            for each in pods.values()
            if matches({"matchLabels": service["spec"]["selector"]}, each["metadata"]["labels"])
        )
        (container,) = pod["spec"]["containers"]
        named_ports = {each["name"]: each["containerPort"] for each in container.get("ports", [])}
        target = port.get("targetPort", port["port"])
        listens = named_ports.get(target, target)
        assert re.search(rf"\b{listens}\b", " ".join([*container.get("command", []), *container.get("args", [])]))


def test_every_settings_map_and_secret_that_a_pod_asks_for_is_there(objects, pods):
    made = {each["metadata"]["name"] for each in of_kind(objects, "ConfigMap")}
    secrets = set(re.findall(r"create secret generic ([\w-]+)", README))

    assert secrets == {"ml-assets-postgres", "ml-assets"}
    for pod in pods.values():
        for key, name, optional in asked_for(pod["spec"]):
            assert optional or name in (made if key.startswith("configMap") else secrets), name


def asked_for(value: Any) -> Iterator[tuple[str, str, bool]]:
    """How, by which name, and whether it may be missing."""
    if isinstance(value, dict):
        for key in ("configMap", "configMapRef", "configMapKeyRef", "secretRef", "secretKeyRef"):
            if key in value:
                yield key, value[key]["name"], value[key].get("optional", False)
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from asked_for(each)


README = (DEPLOY / "README.md").read_text()
NOTES = (CHART / "templates" / "NOTES.txt").read_text().replace("{{ .Release.Name }}", "ml-assets")
NOTES = NOTES.replace("{{ .name }}{{ if", "flights {{ if")
KINDS = {"deploy": "Deployment", "deployment": "Deployment", "service": "Service"}


def test_what_the_commands_of_readme_and_notes_name_is_there(objects):
    told = re.findall(r"\b(deploy|deployment|service)/([\w.-]+)", README + NOTES)
    names = {(KINDS[kind], name) for kind, name in told if name[0] != "." and not (DEPLOY / name).exists()}
    made = {(each["kind"], each["metadata"]["name"]) for each in objects}

    assert names >= {("Deployment", "dagster-daemon"), ("Service", "ml-assets-webserver")}
    assert names <= made
