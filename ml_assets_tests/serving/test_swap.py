"""A move of the champion is followed without a request that fails, and a model that fails its trial never answers."""

from __future__ import annotations

import asyncio
import math
import threading
from dataclasses import replace

import pytest

from ml_assets.alerts.alert import plain
from ml_assets.alerts.outbox import NotSent
from ml_assets.errors import StoreUnreachable, UnknownVersion
from ml_assets.promotion.ledger import reigning
from ml_assets.serving.alarm import Alarm
from ml_assets.serving.trial import tried
from ml_assets.store import VersionKey
from ml_assets_tests.doubles import judged, parcels, umbrellas
from ml_assets_tests.serving.conftest import PARCEL, served

REQUESTS, MOVES = 600, 10


@pytest.fixture
def models(store, champion) -> list[VersionKey]:
    """The champion, and others."""
    return [champion, *(judged.judged(store, slope=slope) for slope in (0.5, 2.0))]


def version(server) -> str:
    return server.predict({"rows": [PARCEL]}, name=judged.NAME).json["model_version"]


def test_the_champion_moves_under_load_and_no_request_fails(store, models):
    server = served(store, judged.NAME)
    line, replies, at_work = server.line(judged.NAME), [], threading.Event()
    reigns = [(models[0].version, 0, None)]  # version, how many were answered when it was crowned, and when it had gone

    def moves() -> None:
        at_work.wait()
        for n in range(1, MOVES + 1):
            while len(replies) < n * REQUESTS // (MOVES + 2):  # spread over the requests
                at_work.wait(0.001)
            crowned, key = len(replies), models[n % len(models)]
            judged.crown(store, key)
            line.look()
            reigns[-1] = (*reigns[-1][:2], len(replies))
            reigns.append((key.version, crowned, None))

    async def clients() -> None:
        left = iter(range(REQUESTS))

        async def client() -> None:
            for _ in left:
                began = len(replies)
                reply = await server.asked(f"/problems/{judged.NAME}/predict", {"rows": [PARCEL]})
                replies.append((began, len(replies), reply.status, reply.json.get("model_version")))
                at_work.set()

        await asyncio.gather(*(client() for _ in range(8)))

    mover = threading.Thread(target=moves)
    mover.start()
    asyncio.run(clients())
    mover.join()

    assert {status for *_, status, _ in replies} == {200} and len(replies) == REQUESTS
    assert len(reigns) == MOVES + 1 and {given for *_, given in replies} == {key.version for key in models}
    for began, ended, _, given in replies:
        assert any(
            given == who and crowned <= ended and (gone is None or began <= gone) for who, crowned, gone in reigns
        )
    assert server.alerts == []


def test_a_rollback_is_followed_likewise(store, models):
    server = served(store, judged.NAME)
    for key, kind in ((models[1], "promotion"), (models[0], "rollback")):
        judged.crown(store, key, kind)
        server.line(judged.NAME).look()

        assert version(server) == key.version


def test_one_that_answers_otherwise_than_its_evaluation_never_serves_and_the_old_one_goes_on(store, models):
    server = served(store, judged.NAME)
    judged.evaluate(store, models[1], changed=1e-9)
    judged.crown(store, models[1])
    line = server.line(judged.NAME)
    line.look()
    line.look()

    assert version(server) == models[0].version
    (alert,) = server.alerts
    assert "does not answer as it did in its evaluation" in alert and alert.endswith(f"{models[0]} goes on.")
    ready = server.ask("/ready")
    told = ready.json["models"][judged.NAME]
    assert (ready.status, told["champion"], told["version"]) == (200, models[1].version, models[0].version)
    assert "an answer is 1e-09 from what its evaluation has" in told["trouble"]
    metrics = server.ask("/metrics").body.decode()
    assert f'model_failing{{model="{judged.NAME}"}} 1' in metrics
    assert f'swaps_total{{model="{judged.NAME}",outcome="failed"}} 1' in metrics

    line.clock = lambda: math.inf  # long after
    line.look()
    assert len(server.alerts) == 1
    judged.evaluate(store, models[1])  # somebody judges it again, and it is tried again
    line.look()
    assert version(server) == models[1].version and "trouble" not in server.ask("/ready").json["models"][judged.NAME]


def test_an_alert_that_cannot_be_sent_waits_and_says_what_to_type(capfd):
    answers = iter([NotSent("the webhook answered 503"), None])
    sent, now = [], [0.0]
    alarm = Alarm(lambda alert: sent.append(alert) or next(answers), clock=lambda: now[0])
    alarm.tell("parcels@east", "parcels", "It breaks.")
    alarm.send_waiting()
    alarm.send_waiting()
    assert len(sent) == 1
    assert (
        "parcels@east: It breaks." in (said := capfd.readouterr().err)
        and "tried again: the webhook answered 503" in said
    )
    now[0] = 3600.0
    alarm.send_waiting()
    alarm.send_waiting()
    assert len(sent) == 2
    assert (
        plain(sent[0]) == "parcels@east cannot follow its champion. It breaks.\nNext: ml-assets champion parcels --log"
    )


def test_a_tolerance_lets_it_serve(store, champion):
    judged.evaluate(store, champion, changed=1e-9)

    assert ", to 1e-09" in tried(store, judged.PROBLEM, champion, tolerance=1e-6).proof


class NoParcels(Exception):
    """Of somebody's own."""


def test_one_whose_code_breaks_does_not_serve(store, champion):
    def broken(model, features):
        raise NoParcels("no parcels today")

    server = served(store, judged.NAME, looked=False)
    server.line(judged.NAME).problem = replace(judged.PROBLEM, predict=broken)
    server.line(judged.NAME).look()

    assert server.predict({"rows": [PARCEL]}, name=judged.NAME).status == 503
    assert (server.ask("/v2/health/live").status, server.ask("/v2/health/ready").status) == (200, 503)
    assert "NoParcels: no parcels today Nothing answers yet." in server.alerts[0]


def test_a_process_that_starts_where_the_champion_fails_begins_with_the_one_before_it(store, models):
    judged.evaluate(store, models[1], changed=0.5)
    judged.crown(store, models[1])

    assert version(served(store, judged.NAME)) == models[0].version


def test_a_ledger_that_cannot_be_read_changes_nothing_and_is_told_once(store, models, monkeypatch):
    server = served(store, judged.NAME)
    line = server.line(judged.NAME)
    judged.crown(store, models[1])

    def away(*_):
        raise StoreUnreachable("nobody is there")

    with monkeypatch.context() as patched:
        patched.setattr(store, "head", away)
        line.look()
        line.look()
        assert version(server) == models[0].version
    assert [alert.split(" (")[0] for alert in server.alerts] == ["The ledger cannot be followed"]
    line.look()
    assert version(server) == models[1].version


def test_on_a_branch_moves_of_main_are_followed_too(store, models):
    branch = store.on("try")
    server = served(branch, judged.NAME)
    judged.crown(branch, models[1])
    server.line(judged.NAME).look()
    assert version(server) == models[1].version

    judged.crown(store, models[2])
    server.line(judged.NAME).look()
    assert version(server) == reigning(judged.ledger(branch).moves()).model.version


def test_a_model_that_nobody_evaluated_is_tried_on_features(store):
    key = parcels.publish(store, judged.PROBLEM, parcels.binary())
    judged.crown(store, key)

    assert served(store, judged.NAME).line(judged.NAME).loaded.proof.startswith("tried on 600 rows")


def test_what_has_lines_and_no_champion_in_any_is_not_started(store):
    with pytest.raises(UnknownVersion, match=r"letters has no champion in any line\. Make a champion first"):
        served(store, "letters")


def test_what_has_one_champion_is_not_ready_before_there_is_one(store, monkeypatch):
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (umbrellas.PROBLEM,))
    server = served(store)

    assert (server.ask("/v2/health/ready").status, server.ask("/v2/models/umbrellas/ready").status) == (503, 503)
    assert "no model has become champion" in server.predict({"rows": [PARCEL]}).json["error"]
