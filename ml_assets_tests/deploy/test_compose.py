"""The compose file says nothing that its parts do not know, keeps secrets out, and starts things in order."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from ml_assets import cli
from ml_assets.serving.limits import Limits
from ml_assets.settings import Settings
from ml_assets_tests.deploy.conftest import DEPLOY

TEXT = (DEPLOY / "compose.yaml").read_text()
COMPOSE = yaml.safe_load(TEXT)
SERVICES: dict[str, Any] = COMPOSE["services"]
OURS = ("bucket", "code", "webserver", "daemon", "pages", "serve")
KNOWN = {
    *(
        "image",
        "build",
        "user",
        "read_only",
        "cap_drop",
        "cap_add",
        "security_opt",
        "restart",
        "environment",
        "volumes",
    ),
    *(
        "tmpfs",
        "networks",
        "mem_limit",
        "healthcheck",
        "command",
        "ports",
        "depends_on",
        "init",
        "stop_grace_period",
        "profiles",
    ),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined(name):
    service = SERVICES[name]

    assert service.keys() <= KNOWN
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["mem_limit"]
    assert re.search(r":[\w.-]+$", service["image"]) and not service["image"].endswith(":latest")


@pytest.mark.parametrize("name", OURS)
def test_ours_are_one_image_and_not_root(name):
    assert SERVICES[name]["image"] == "ml_assets:local"
    assert SERVICES[name]["user"] == "1000:1000"
    assert (DEPLOY / SERVICES[name]["build"]["context"] / SERVICES[name]["build"]["dockerfile"]).is_file()


def test_what_goes_on_is_watched_and_waited_for():
    for name, service in SERVICES.items():
        assert ("healthcheck" in service) == (service["restart"] == "unless-stopped"), name
        for other, how in service.get("depends_on", {}).items():
            ends = SERVICES[other]["restart"] == "no"
            assert how == {"condition": "service_completed_successfully" if ends else "service_healthy"}, name


def test_ports_are_open_on_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]

    assert ports == ["127.0.0.1:3000:3000", "127.0.0.1:3001:3001", "127.0.0.1:8080:8080"]


def test_database_and_object_store_are_on_a_network_that_leads_nowhere():
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert SERVICES["postgres"]["networks"] == SERVICES["s3"]["networks"] == ["inside"]


def test_every_secret_comes_from_the_environment_file_and_must_be_there():
    example = dict(
        line.split("=", 1) for line in (DEPLOY / "env.example").read_text().splitlines() if re.match(r"\w+=", line)
    )
    required = set(re.findall(r"\$\{(\w+):\?", TEXT))
    optional = set(re.findall(r"\$\{(\w+):-", TEXT))

    assert required == {"POSTGRES_PASSWORD", "S3_ACCESS_KEY", "S3_SECRET_KEY", "ML_ASSETS_PAGES_TOKEN"}
    assert required <= example.keys() <= required | optional
    assert not any(example.values())


@pytest.mark.parametrize("name", OURS)
def test_settings_are_ones_that_we_know(name):
    environment = SERVICES[name]["environment"]
    settings = Settings.from_environment(environment)

    assert settings.store == "s3://ml-assets/store" and settings.landing == "s3://ml-assets/landing"
    known = set(re.findall(r"ML_ASSETS_\w+", Settings.from_environment.__func__.__doc__ or ""))
    assert {key for key in environment if key.startswith("ML_ASSETS_")} <= known | {"ML_ASSETS_BUCKET"}


def test_only_what_asks_for_the_token_knows_it():
    assert [name for name in OURS if "ML_ASSETS_PAGES_TOKEN" in SERVICES[name]["environment"]] == ["pages"]
    assert [name for name in OURS if "ML_ASSETS_SERVE_TOKEN" in SERVICES[name]["environment"]] == ["serve"]
    assert [name for name in OURS if "DAGSTER_PG_PASSWORD" in SERVICES[name]["environment"]] == [
        "code",
        "webserver",
        "daemon",
    ]


def test_the_pages_command_is_understood():
    program, *arguments = SERVICES["pages"]["command"]

    assert program == "ml-assets" and cli.parser().parse_args(arguments)


def test_serving_is_started_where_it_is_asked_for_and_its_command_is_understood():
    program, *arguments = re.sub(r"\$\{\w+:-(\w+)\}", r"\1", SERVICES["serve"]["command"]).split()

    assert [name for name, service in SERVICES.items() if "profiles" in service] == ["serve"]
    assert program == "ml-assets" and cli.parser().parse_args(arguments).problems == ["flight_delays"]
    assert int(SERVICES["serve"]["stop_grace_period"].rstrip("s")) > Limits().stop_seconds


def test_the_workspace_names_the_code_server_and_the_location_as_on_a_laptop():
    (server,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    (local,) = yaml.safe_load((DEPLOY.parent / "workspace.yaml").read_text())["load_from"]

    assert server["grpc_server"]["host"] in SERVICES
    assert server["grpc_server"]["location_name"] == local["python_module"]["location_name"]


def test_what_is_mounted_is_there():
    mounted = {each.split(":")[0] for name in OURS for each in SERVICES[name]["volumes"] if each.startswith("./")}

    assert mounted == {"./dagster.yaml", "./workspace.yaml"}
    assert all((DEPLOY / each).is_file() for each in mounted)


def test_volumes_that_are_named_are_declared():
    named = {
        each.split(":")[0] for service in SERVICES.values() for each in service["volumes"] if re.match(r"\w+:", each)
    }

    assert named == COMPOSE["volumes"].keys()
