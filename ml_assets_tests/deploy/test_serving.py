"""Champions over HTTP on a cluster: what the chart makes of an entry of ``site.serving``, by Kubernetes' rules and KServe's."""

from __future__ import annotations

import json
import re
from typing import Any

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator

from ml_assets import cli
from ml_assets.serving.guard import FREE
from ml_assets.serving.limits import Limits
from ml_assets_tests.deploy import kserve
from ml_assets_tests.deploy.conftest import CHART, SERVED, named, of_kind, templates
from ml_assets_tests.deploy.schemas import strict, unknown

FLIGHTS, KSERVED = (f"ml-assets-serve-{each['name']}" for each in SERVED)
ENTRY = {"name": "one", "problems": ["flight_delays"]}


def container(objects: list[Any], name: str) -> dict[str, Any]:
    (found,) = templates(objects)[name]["spec"]["containers"]
    return found


def served(render, **entry: Any) -> list[Any]:
    return render({"site": {"serving": [{**ENTRY, **entry}]}})


def options(given: dict[str, Any]) -> Any:
    """The command of a container as `ml-assets` reads it."""
    program, *arguments = given["command"]
    assert program == "ml-assets"
    return cli.parser().parse_args(arguments)


def test_without_an_entry_nothing_is_served(render):
    assert not [each for each in render({}) if each["metadata"]["name"].startswith("ml-assets-serve-")]


def test_the_command_is_understood_and_listens_where_the_service_leads(objects):
    of_flights, of_kserve = options(container(objects, FLIGHTS)), options(container(objects, KSERVED))

    assert (of_flights.problems, of_flights.workers) == (["flight_delays", "arrival_minutes@EWR"], 1)
    assert (of_kserve.problems, of_kserve.workers) == (["flight_delays"], 2)
    assert {(each.host, each.port) for each in (of_flights, of_kserve)} == {("0.0.0.0", 8080)}


def test_a_shadow_and_more_of_the_command_are_passed_on(render):
    shadow = {"flight_delays": "flight_delays/model@2013-06"}
    found = options(container(served(render, shadow=shadow, args=["--tolerance", "1e-9"]), "ml-assets-serve-one"))

    assert (found.shadow, found.tolerance) == (["flight_delays=flight_delays/model@2013-06"], 1e-9)


@pytest.mark.parametrize("name", [FLIGHTS, KSERVED])
def test_probes_ask_what_needs_no_token_and_a_server_without_champion_is_not_started_again(objects, name):
    probes = {
        each: container(objects, name)[f"{each}Probe"]["httpGet"]["path"]
        for each in ("startup", "liveness", "readiness")
    }

    assert set(probes.values()) == set(FREE)
    assert probes == {"startup": "/v2/health/live", "liveness": "/v2/health/live", "readiness": "/v2/health/ready"}


@pytest.mark.parametrize("name", [FLIGHTS, KSERVED])
def test_a_pod_ends_after_nobody_is_sent_to_it_and_what_it_began_is_answered(objects, name):
    (_, seconds) = container(objects, name)["lifecycle"]["preStop"]["exec"]["command"]
    allowed = templates(objects)[name]["spec"]["terminationGracePeriodSeconds"]

    assert allowed > int(seconds) + Limits().stop_seconds + 10


def test_workers_have_the_cores_that_they_ask_for_and_no_thread_more(objects):
    for name, workers, threads in ((FLIGHTS, 1, 1), (KSERVED, 2, 2)):
        found = container(objects, name)
        assert {"name": "OMP_NUM_THREADS", "value": str(threads)} in found["env"]
        assert found["resources"]["requests"]["cpu"] == str(workers * threads)


def test_the_token_is_that_of_a_secret_which_an_entry_may_name(objects, render):
    def secret(found: dict[str, Any]) -> dict[str, str]:
        (token,) = (each for each in found["env"] if each["name"] == "ML_ASSETS_SERVE_TOKEN")
        return token["valueFrom"]["secretKeyRef"]

    assert secret(container(objects, FLIGHTS)) == {"name": "ml-assets", "key": "ML_ASSETS_SERVE_TOKEN"}
    assert secret(container(served(render, secret="other"), "ml-assets-serve-one"))["name"] == "other"


def test_more_at_most_is_an_autoscaler_that_alone_says_how_many(objects, render):
    (scaler,) = of_kind(objects, "HorizontalPodAutoscaler")
    two = served(render)

    assert scaler["spec"]["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": FLIGHTS}
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 6)
    assert "replicas" not in named(objects, "Deployment", FLIGHTS)["spec"]
    assert named(two, "Deployment", "ml-assets-serve-one")["spec"]["replicas"] == 2
    assert not of_kind(two, "HorizontalPodAutoscaler")
    assert named(two, "PodDisruptionBudget", "ml-assets-serve-one")["spec"]["maxUnavailable"] == 1


def test_what_was_answered_waits_in_a_folder_of_its_own(objects):
    pod = templates(objects)[KSERVED]["spec"]

    asked = options(container(objects, KSERVED))
    assert (str(asked.record), asked.record_mib * asked.workers) == ("/spool", 1024)
    assert {"name": "spool", "mountPath": "/spool"} in container(objects, KSERVED)["volumeMounts"]
    assert {"name": "spool", "emptyDir": {"sizeLimit": "2048Mi"}} in pod["volumes"]
    assert not [each for each in container(objects, FLIGHTS)["command"] if "record" in each]


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"problems": []}, "problems"),
        ({"name": "Flights"}, "name"),
        ({"problms": ["x"]}, "problms"),
        ({"workers": 0}, "workers"),
        ({"replicas": {"most": "many"}}, "most"),
    ],
    ids=["no problem", "no name of a Service", "a misspelt key", "no worker", "no number"],
)
def test_an_entry_that_cannot_be_right_is_refused_by_its_name(render, entry, told):
    helm = pytest.importorskip("helm_python")
    with pytest.raises(helm.HelmValuesError, match=told):
        served(render, **entry)


def test_an_entry_may_say_whatever_the_defaults_do():
    schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
    defaults = yaml.safe_load((CHART / "values.yaml").read_text())["serving"]

    assert set(schema["serving"]["properties"]) == set(defaults)
    assert set(schema["site"]["properties"]["serving"]["items"]["properties"]) == {"name", "problems", *defaults}


PAGE = (CHART.parents[1] / "docs" / "SERVING.md").read_text()
VALUES, SHOWN = (yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))


def test_what_the_page_shows_of_values_is_served_as_it_says(render):
    objects = render(VALUES)

    assert [each["metadata"]["name"] for each in of_kind(objects, "HorizontalPodAutoscaler")] == [
        "ml-assets-serve-flights"
    ]
    assert options(container(objects, "ml-assets-serve-flights")).shadow == [
        "flight_delays=flight_delays/model@2013-06"
    ]


# -- KServe ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(objects) -> dict[str, Any]:
    return named(objects, "InferenceService", KSERVED)


@pytest.mark.parametrize("version", ["1.34", "1.37"])
def test_the_predictor_of_kserve_is_a_pod_and_what_kserve_adds(objects, service, version):
    own = {key: each for key, each in service["spec"]["predictor"].items() if key in kserve.PREDICTOR["properties"]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": templates(objects)[KSERVED]["spec"]}

    kubernetes_validate.validate(pod, version, strict=True)
    Draft202012Validator(strict(kserve.PREDICTOR)).validate(own)
    assert (service["apiVersion"], service["metadata"]["annotations"]) == (kserve.API_VERSION, kserve.STANDARD)
    assert own["maxReplicas"] >= own["minReplicas"] == 2


def test_kserves_own_definition_takes_it_and_knows_every_key(service):
    definition = kserve.definition()

    Draft202012Validator(definition).validate(service["spec"])
    assert unknown(definition, service["spec"]) == set()
    assert unknown(definition, {"predictor": {**service["spec"]["predictor"], "minReplica": 1}}) == {
        "predictor.minReplica"
    }


def test_what_the_page_shows_of_kserve_is_what_the_chart_makes(render):
    shown, given = SHOWN["spec"]["predictor"], {**ENTRY, "kserve": True, "replicas": {"most": 6}}
    made = named(render({"site": {"serving": [given]}}), "InferenceService", "ml-assets-serve-one")

    assert (SHOWN["apiVersion"], SHOWN["metadata"]["annotations"]) == (
        made["apiVersion"],
        made["metadata"]["annotations"],
    )
    assert is_part(shown, made["spec"]["predictor"])


def is_part(shown: Any, made: Any) -> bool:
    """Whether an object has all that is shown of it; of a list other items may lie between."""
    if isinstance(shown, dict):
        return all(key in made and is_part(each, made[key]) for key, each in shown.items())
    if isinstance(shown, list):
        return all(any(is_part(each, other) for other in made) for each in shown)
    return bool(shown == made)


def test_kserve_finds_the_container_and_is_told_what_it_speaks(objects):
    found = container(objects, KSERVED)

    assert found["name"] == kserve.CONTAINER
    assert {"name": "PROTOCOL", "value": "v2"} in found["env"]
    assert not [each for each in of_kind(objects, "Service") if each["metadata"]["name"] == KSERVED]
