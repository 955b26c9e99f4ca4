from __future__ import annotations

from ml_assets.promotion.ledger import Ledger
from ml_assets.promotion.retraining import Retraining
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.orchestration.test_live_looks import answer
from ml_assets_tests.pages.conftest import site

FEBRUARY, MARCH = "2024-02", "2024-03"


def test_each_month_that_a_champion_served_is_a_row(shared, call):
    header, _, *rows, legend = call("monitoring", "umbrellas").lines
    assert header.split("  ")[0] == "partition"
    assert [row.split()[0] for row in rows] == [FEBRUARY, MARCH]
    assert legend == "auroc, with 95 % intervals; more is better"
    told = call("monitoring", "umbrellas", "--json").json
    assert [one["outcomes"] for one in told] == [400, 400]
    assert told[0]["realised"]["low"] < told[0]["realised"]["value"]


def test_of_one_month_each_feature_and_slice_is_told(shared, call, refused):
    answer = call("monitoring", "umbrellas", "--partition", MARCH)
    assert answer.lines[0].startswith("umbrellas/model@2024-0")
    assert {"prediction", "clouds", "above_usual", "shop", "slice"} <= {
        line.split()[0] for line in answer.lines if line
    }
    assert call("monitoring", "umbrellas", "--partition", MARCH, "--json").json["report"]["labelled"] == 400
    assert "nobody served it" in refused(3, "monitoring", "umbrellas", "--partition", "2024-01")
    assert "is not monitored" in refused(2, "monitoring", "ice_cream")


def test_what_was_decided_for_it_is_listed_and_on_the_page(own, call):
    assert call("monitoring", "umbrellas", "--log").lines[-1] == "0 decisions"
    about = own.head("umbrellas/monitoring", MARCH).target
    log = Retraining.of(own, umbrellas.PROBLEM, MARCH)
    for _ in range(2):
        log.keep("cooldown", [about], trains=MARCH, why="clouds has moved by 0.9; 7 days must pass")
    *_, row, count = call("monitoring", "umbrellas", "--log").lines
    assert (row.split()[1:3], count) == (["cooldown", MARCH], "1 decision")

    shown = site(own, [umbrellas.PROBLEM])("/problem/umbrellas/monitoring")
    for words in ("7 days must pass", "auroc: promised, estimated, realised", "Drift: PSI beyond chance", FEBRUARY):
        assert words in shown.text
    assert "/problem/umbrellas/monitoring" in site(own, [umbrellas.PROBLEM])("/problem/umbrellas").text
    assert "Nothing is monitored yet" in site(own, [umbrellas.PROBLEM])("/problem/ice_cream/monitoring").text


def test_what_is_answered_today_is_told_before_its_day_is_over_and_nothing_is_kept(own, call):
    assert "ml-assets serve umbrellas --record" in call("monitoring", "umbrellas", "--live").lines[0]
    model = Ledger.of(own, umbrellas.PROBLEM, None).champion().model
    rows = umbrellas.visits("2024-05")
    broken = rows.assign(clouds=rows["clouds"].mask(rows["at"].dt.day == 3, 30.0))
    for day in (1, 2, 3):
        answer(own, model, broken[broken["at"].dt.day == day], f"2024-05-0{day}")

    said = call("monitoring", "umbrellas", "--live", "--at", "2024-05-03T18:00Z").lines
    assert said[0].startswith(f"{model} served") and "moved" not in said[0]
    assert said[1].startswith("Today, so far no alarm:") and "clouds moved first on 2024-05-03" in said[1]
    assert own.named("umbrellas/live") == []
    (told,) = call("monitoring", "umbrellas", "--live", "--at", "2024-05-04T00:15Z", "--json").json
    assert [alarm["about"] for alarm in told["alarms"] if alarm["kind"] == "drift"] == ["above_usual", "clouds"]
