from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ml_assets.lineage.answers import hashed
from ml_assets.promotion.ledger import Ledger
from ml_assets.serving.recording.choice import Choice
from ml_assets_tests.conftest import BEACH
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.serving.conftest import FEATURES, Server
from ml_assets_tests.serving.recording.test_recorder import recorder, recording

VISIT = "2024-03-00017"
KEY = "correct horse battery staple"


@pytest.fixture
def asked(own, tmp_path: Path) -> Server:
    """A server that was asked about a visit, and then about it and another one."""
    server = recording(own, tmp_path, "umbrellas")
    for clouds in (0.5, 0.75):
        rows = [
            FEATURES | {"clouds": clouds, "visit": visit, "at": "2024-03-02T10:00:00Z"} for visit in (VISIT, "other")
        ]
        reply = server.predict({"rows": rows}, x_request_id=f"clouds-{clouds}")
        assert reply.headers["x-recorded"] == "true"
    recorder(server).look(at_last=True)
    return server


@pytest.mark.slow
def test_an_entity_has_answers_over_http_and_in_batches_newest_first_each_with_what_stands_behind_it(own, asked, call):
    newest, older, batch = call("answered", "umbrellas", "--entity", VISIT, "--json").json
    assert [one["how"] for one in (newest, older, batch)] == ["http", "http", "batch"]
    assert (newest["where"], newest["features"]["clouds"]) == ("request clouds-0.75, row 0", 0.75)
    assert newest["event_time"] == "2024-03-02 10:00:00+00:00"
    expected = asked.predict({"rows": [FEATURES | {"clouds": 0.75}]}).json["prediction"]
    assert [newest["prediction"]["prediction"]] == expected

    predictions = own.load(own.head("umbrellas/predictions", "2024-03").target)
    (row,) = predictions[predictions["visit"] == VISIT].to_dict("records")
    assert batch["prediction"] == {"prediction": row["prediction"]} and batch["model_version"] == row["model_version"]
    assert batch["where"].startswith("umbrellas/predictions@2024-03:")

    move = Ledger.of(own, umbrellas.PROBLEM, None).current()
    for one in (newest, older, batch):
        manifest = own.manifest(own.find(one["model_version"]))
        assert one["served"]["version"] == one["model_version"] and one["served"]["why"]
        assert one["params"] == dict(manifest.params) and one["seed"] == manifest.seed
        assert one["code"] == manifest.code["computation"]["code"]
        assert {data["asset"] for data in one["data"]} == {f"umbrellas/{n}" for n in ("split", "features", "dataset")}
    assert (newest["served"]["move"], newest["served"]["by"]) == (move.number, "ada")

    lines = call("answered", "umbrellas", "--entity", VISIT).lines
    assert lines[0].split()[:2] == ["answered", "how"] and "over HTTP" in lines[2] and "in a batch" in lines[4]
    assert f"  served    since {move.at}, move {move.number} (decision) by ada" in lines


@pytest.mark.slow
def test_at_a_time_it_is_what_was_answered_last_by_then(own, asked, call, refused):
    every = call("answered", "umbrellas", "--entity", VISIT, "--json").json
    older = datetime.fromisoformat(every[1]["answered_at"])

    def at(time: datetime) -> list[str]:
        return [
            one["where"]
            for one in call("answered", "umbrellas", "--entity", VISIT, "--json", "--at", time.isoformat()).json
        ]

    assert at(older) == [every[1]["where"], every[2]["where"]]
    assert at(older - timedelta(microseconds=1)) == [every[2]["where"]]
    assert "by 2024-01-01T00:00:00+00:00 is known" in refused(
        3,
        "answered",
        "umbrellas",
        "--entity",
        VISIT,
        "--at",
        "2024-01-01",
    )


@pytest.mark.slow
def test_who_has_the_key_finds_the_answers_about_a_hashed_entity(own, tmp_path, call, monkeypatch):
    server = recording(own, tmp_path, "umbrellas", choice=Choice(hashed=frozenset({"visit"}), key=KEY))
    server.predict({"rows": [FEATURES | {"visit": VISIT}]}, x_request_id="one")
    recorder(server).look(at_last=True)

    assert [one["how"] for one in call("answered", "umbrellas", "--entity", VISIT, "--json").json] == ["batch"]
    monkeypatch.setenv("ML_ASSETS_RECORD_KEY", KEY)
    assert [one["how"] for one in call("answered", "umbrellas", "--entity", VISIT, "--json").json] == ["http", "batch"]
    assert hashed(KEY, VISIT) not in call("answered", "umbrellas", "--entity", VISIT, "--json").out


@pytest.mark.slow
def test_a_line_has_answers_of_its_own(shared, call, refused):
    predictions = shared.load(shared.head("ice_cream/predictions", BEACH).target)
    entity = str(predictions.iloc[0, 0])

    (one,) = call("answered", f"ice_cream@{BEACH}", "--entity", entity, "--json").json
    assert one["line"] == BEACH and one["prediction"]
    assert "Nothing that ice_cream answered" in refused(3, "answered", "ice_cream@north", "--entity", entity)


@pytest.mark.slow
def test_what_was_never_answered_is_said_with_what_was_looked_at(shared, refused):
    said = refused(3, "answered", "umbrellas", "--entity", "nobody")
    assert said.startswith(
        "UnknownVersion: Nothing that umbrellas answered about visit 'nobody' is known on branch main."
    )
    assert "0 batches of answers over HTTP, of 0 days and lines; the predictions of 3 partitions" in said
    assert "'soon' is no time" in refused(2, "answered", "umbrellas", "--entity", "nobody", "--at", "soon")


@pytest.mark.slow
def test_batches_of_answers_are_versions_like_others(own, asked, call):
    (batch,) = own.versions("umbrellas/answers")
    (model,) = own.manifest(batch).inputs

    assert str(batch) in call("lineage", model.key.version, "--down").out
    assert call("verify", "umbrellas").code == 0
    (row,) = call(
        "sql", "select value from metrics join versions using (version) where asset = 'umbrellas/answers'", "--json"
    ).json
    assert row["value"] == 4
    assert call("history", f"umbrellas/answers@{batch.partition}").code == 0
    assert call("show", batch.version).code == 0 and call("history", "umbrellas").code == 0
