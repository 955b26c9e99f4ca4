"""The double of Dagster's chart against the chart itself, where that is at hand: conftest.py says how to have it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from ml_assets_tests.deploy import dagster_chart
from ml_assets_tests.deploy.conftest import CHART, Manifest
from ml_assets_tests.deploy.schemas import unknown

OURS: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text())["dagster"]
USERS = "dagster-user-deployments"
NAME = "app.kubernetes.io/name"
CHANGE_WITH_A_RELEASE = ("helm.sh/chart", "app.kubernetes.io/version", "checksum/")


def said(value: Any) -> Any:
    """What an object says: without what is empty, and what a ConfigMap holds as YAML is read."""
    if isinstance(value, dict):
        parts = {key: said(each) for key, each in value.items() if not key.startswith(CHANGE_WITH_A_RELEASE)}
        return {key: each for key, each in parts.items() if each not in (None, {}, [])}
    if isinstance(value, list):
        return [said(each) for each in value]
    if isinstance(value, str) and "\n" in value:
        return said(yaml.safe_load(value))
    return value


def compared(made: Manifest) -> dict[str, Any]:
    """An object as the double makes it: of its metadata the name alone, and no tag of an image that nobody runs."""
    known = {**said(made), "metadata": {"name": made["metadata"]["name"]}}
    image = "DAGSTER_K8S_PIPELINE_RUN_IMAGE"
    if image in known.get("data", {}):
        known["data"][image] = known["data"][image].partition(":")[0]
    return known


def by_name(made: list[Manifest]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(each["kind"], each["metadata"]["name"]): compared(each) for each in made}


def test_the_double_makes_what_dagsters_chart_makes(dagsters: Path, render):
    everything = render({})
    chart = by_name([each for each in everything if each["metadata"]["labels"].get(NAME) != "ml-assets"])
    double = by_name(dagster_chart.rendered(OURS))

    assert chart.keys() == double.keys()
    for name, made in double.items():
        assert chart[name] == made, name


READ_BY_TEMPLATES_ALONE = {
    "rbacEnabled",
    "global.fullnameOverride",
    f"{USERS}.rbacEnabled",
    f"{USERS}.serviceAccount",
}
"""Keys of ours that the schema, which lets any pass there, does not name."""


def test_dagsters_chart_knows_every_key_that_we_set(dagsters: Path):
    schema = json.loads((dagsters / "values.schema.json").read_text())
    assert schema.pop("additionalProperties") is True
    templates = "".join(template.read_text() for template in dagsters.rglob("templates/**/*") if template.is_file())

    assert unknown(schema, OURS) == READ_BY_TEMPLATES_ALONE
    for key in READ_BY_TEMPLATES_ALONE:
        assert f".{key.removeprefix(f'{USERS}.')}" in templates.replace("$global.", ".global."), key


def test_a_key_that_does_nothing_is_noticed_although_its_schema_lets_it_pass(dagsters: Path):
    schema = json.loads((dagsters / "values.schema.json").read_text())
    (deployment,) = OURS[USERS]["deployments"]
    values = {USERS: {"deployments": [{**deployment, "serviceAccount": {"name": "ml-assets-code"}}]}}

    assert unknown(schema, values) == {f"{USERS}.deployments.0.serviceAccount"}
