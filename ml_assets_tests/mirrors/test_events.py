from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ml_assets.errors import UsageError
from ml_assets.mirrors import events as module
from ml_assets.mirrors.events import Output, Step, event, require_openlineage
from ml_assets.store import Check, Content, File, Input, LandedFile, Manifest, VersionKey
from ml_assets_tests.doubles.published import facets, faults

STEP = Step(
    "7f4e2cb6-8b55-4d6e-a9b8-a6b0d2a3a8a1",
    "umbrellas",
    "umbrellas/model",
    "2024-01",
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 1, tzinfo=UTC),
)
CHECKS = (Check("reloads", True, True, "It answers as it did."), Check("balanced", False, False, "All are late."))
MADE = Manifest(
    "umbrellas/model",
    "2024-01",
    Content("table", {}, (File("table.parquet", "d1", 10), File("more", "d2", 5))),
    inputs=(Input("features", VersionKey("umbrellas/features", "2024-01", "f" * 64), "fd"),),
    landed=(LandedFile("umbrellas/visits.parquet", "ld", 7),),
    code={"git_commit": "feed", "computation": {"code": "c0de" * 16}},
    checks=CHECKS,
)
OUTPUT = Output(
    MADE,
    reused=True,
    why="reused 0123",
    store="s3://ml/prod",
    landing="/srv/landing",
    columns={"at": "datetime64[us, UTC]"},
    rows=3,
    repository="https://git.example/ml/acme",
)


def tags(of: dict) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in of["tags"]["tags"]}


@pytest.mark.parametrize(
    "told",
    [
        event("START", STEP, 1.0),
        event("COMPLETE", STEP, 2.5, output=OUTPUT),
        event("COMPLETE", STEP, 2.5),
        event("FAIL", STEP, 2.5, error="no clouds", checks=CHECKS),
        event("ABORT", Step(STEP.run, "job", "umbrellas/model", None), 2.5),
    ],
    ids=["START", "COMPLETE", "nothing to make", "FAIL", "ABORT"],
)
def test_an_event_is_as_the_published_schemas_say(told):
    assert faults(told) == []
    assert told["run"]["runId"]
    assert {facet["_producer"] for _, facet in facets(told)} == {told["producer"]}


def test_an_event_that_the_schemas_forbid_is_found():
    told = event("START", STEP, 1.0)
    assert faults({**told, "eventTime": "yesterday"}) != []
    assert (
        faults({**told, "run": {**told["run"], "facets": {"parent": {**told["run"]["facets"]["parent"], "job": 1}}}})
        != []
    )


def test_the_end_of_a_step_says_what_was_read_and_made_in_which_versions_and_by_which_code():
    told = event("COMPLETE", STEP, 2.5, output=OUTPUT)
    assert (told["eventTime"], told["eventType"]) == ("1970-01-01T00:00:02.500Z", "COMPLETE")
    assert [(each["namespace"], each["name"]) for each in told["inputs"]] == [
        ("s3://ml/prod", "umbrellas/features"),
        ("file:///srv/landing", "umbrellas/visits.parquet"),
    ]
    assert [each["facets"]["version"]["datasetVersion"] for each in told["inputs"]] == ["fd", "ld"]
    (made,) = told["outputs"]
    assert (made["namespace"], made["name"]) == ("s3://ml/prod", "umbrellas/model")
    assert made["facets"]["version"]["datasetVersion"] == MADE.content.digest
    assert tags(made["facets"]) == {"partition": "2024-01", "version": MADE.key.version}
    assert [(f["name"], f["type"]) for f in made["facets"]["schema"]["fields"]] == [("at", "datetime64[us, UTC]")]
    statistics = made["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["size"], statistics["fileCount"]) == (3, 15, 2)
    location = told["job"]["facets"]["sourceCodeLocation"]
    assert (location["url"], location["version"]) == ("https://git.example/ml/acme", "feed")
    nominal = told["run"]["facets"]["nominalTime"]
    assert (nominal["nominalStartTime"], nominal["nominalEndTime"]) == (
        "2024-01-01T00:00:00.000Z",
        "2024-02-01T00:00:00.000Z",
    )
    assert told["run"]["facets"]["parent"]["run"]["runId"] == STEP.run


def test_what_was_used_again_says_so_and_checks_say_what_they_found():
    of_run = event("COMPLETE", STEP, 2.5, output=OUTPUT)["run"]["facets"]
    said = tags(of_run)
    assert (said["reused"], said["why"], said["code"], said["git_commit"]) == (
        "true",
        "reused 0123",
        "c0de" * 16,
        "feed",
    )
    assert [(test["name"], test["status"], test["severity"]) for test in of_run["test"]["tests"]] == [
        ("reloads", "pass", "error"),
        ("balanced", "fail", "warn"),
    ]


def test_a_step_told_twice_is_the_same_run_and_another_partition_or_run_is_another():
    others = [
        STEP,
        Step("other", "umbrellas", "umbrellas/model", "2024-01"),
        Step(STEP.run, "u", "umbrellas/model", "2024-02"),
    ]
    assert len({step.id for step in others}) == 3
    assert event("START", STEP, 1.0)["run"]["runId"] == event("FAIL", STEP, 2.0, error="!")["run"]["runId"]


def test_without_the_library_the_setting_says_how_to_get_it(monkeypatch):
    require_openlineage()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match=r"pip install 'ml_assets\[openlineage\]'"):
        require_openlineage()
