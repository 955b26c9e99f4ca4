from __future__ import annotations

import json

import pytest

from ml_assets_tests.doubles.endpoint import SECRET
from ml_assets_tests.doubles.mlflow_server import Seen, TrackingServer
from ml_assets_tests.doubles.ports import free_port


def test_without_an_address_there_is_nobody_to_tell(shared, refused):
    said = refused(2, "mirror")
    assert "ML_ASSETS_MLFLOW" in said
    assert "ML_ASSETS_OPENLINEAGE" in said


def test_a_server_that_is_down_is_said_without_its_address_and_is_no_success(shared, call, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_MLFLOW", f"http://:{SECRET}@127.0.0.1:{free_port()}")
    answer = call("mirror", "--json")
    assert answer.code == 1
    assert "cannot be reached (Connection refused). Nothing is lost" in answer.err
    assert answer.json["troubles"] == [answer.err.strip()]
    assert SECRET not in answer.out + answer.err


@pytest.mark.slow
def test_what_runs_did_is_told_once(project, call, monkeypatch, tmp_path):
    monkeypatch.setenv("ML_ASSETS_OPENLINEAGE", (tmp_path / "events.jsonl").as_uri())
    assert call("run", "umbrellas", "--partition", "2024-04").code == 0
    assert call("mirror").lines == ["openlineage: 20 event(s) told."]
    assert call("mirror").lines == ["openlineage: 0 event(s) told."]
    told = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert {each["job"]["name"].split("/")[0] for each in told} == {"umbrellas"}


@pytest.mark.slow
def test_what_a_tracking_server_lacks_is_told_once_and_a_promotion_by_hand_is(
    own, call, monkeypatch, mlflow: TrackingServer
):
    monkeypatch.setenv("ML_ASSETS_MLFLOW", mlflow.address)
    seen = Seen(mlflow.address, "umbrellas")
    assert call("mirror").lines[0].startswith("mlflow: 4 run(s), ")
    assert call("promote", "umbrellas/model@2024-03", "--why", "it is mine").code == 0
    assert call("mirror").code == 0
    assert seen.aliases() == {"champion": own.head("umbrellas/model", "2024-03").target.version}
    assert call("mirror").lines == ["mlflow: 0 run(s), 0 model version(s) and 0 alias(es) told."]
