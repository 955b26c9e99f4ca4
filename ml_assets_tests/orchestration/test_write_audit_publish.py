"""A version whose blocking check failed is kept, and nobody reads it: not in this run, not in later ones."""

from __future__ import annotations

from dataclasses import replace

import dagster as dg
import numpy as np

from ml_assets_tests.doubles import umbrellas

MONTH = "2024-01"  # the first: it needs no other
FILE = f"umbrellas/visits/{MONTH}.parquet"


def test_a_refused_version_gets_no_ref_and_the_one_before_stays(january):
    good = {noun: january.head(f"umbrellas/{noun}", MONTH) for noun in ("dataset", "features", "model", "champion")}
    january.landing.write(FILE, umbrellas.visits(MONTH).assign(clouds=99.0))

    result = january.run(umbrellas.PROBLEM, MONTH)

    assert not result.success
    assert {noun: january.head(f"umbrellas/{noun}", MONTH) for noun in good} == good
    refused = [key for key in january.store.versions("umbrellas/dataset", MONTH) if key != good["dataset"]]
    assert [january.store.manifest(key).rejected for key in refused] == [True]
    assert january.store.load(refused[0])["clouds"].eq(99.0).all(), "it is kept for inspection"
    assert january.store.made_by_run(result.run_id, "umbrellas/dataset", MONTH) is None


def test_what_fails_while_it_is_described_is_not_published(world, monkeypatch):
    def fails(*_):
        raise OSError("the card cannot be written")

    monkeypatch.setattr("ml_assets.orchestration.report.model_card", fails)
    assert not world.run(umbrellas.PROBLEM, MONTH).success
    assert world.store.head("umbrellas/champion", MONTH) is not None
    assert world.store.head("umbrellas/report", MONTH) is None, "what Dagster does not know of, no ref names"


def test_nothing_below_a_refused_version_runs(world):
    world.landing.write(FILE, umbrellas.visits(MONTH).assign(shop="north"))
    result = world.run(umbrellas.PROBLEM, MONTH)
    started = {event.step_key for event in result.all_events if event.event_type_value == "STEP_START"}
    assert started == {"umbrellas__dataset"}
    assert not result.get_asset_materialization_events()


def test_a_later_run_of_what_is_below_reads_the_version_before(world):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    good = world.head("umbrellas/dataset", MONTH)
    world.landing.write(FILE, umbrellas.visits(MONTH).head(10))
    assert not world.run(umbrellas.PROBLEM, MONTH, ["dataset"]).success
    world.must_run(umbrellas.PROBLEM, MONTH, ["features"])
    assert [read.key for read in world.manifest("umbrellas/features", MONTH).inputs] == [good]


def test_the_failure_names_the_check_what_was_seen_and_how_to_inspect_it(world):
    world.landing.write(FILE, umbrellas.visits(MONTH).head(10))
    result = world.run(umbrellas.PROBLEM, MONTH, ["dataset"])
    (failure,) = result.get_step_failure_events()
    message = failure.step_failure_data.error.message
    (refused,) = world.store.versions("umbrellas/dataset", MONTH)
    assert "umbrellas/dataset [2024-01] was refused by 1 blocking check(s). volume: 10 rows landed" in message
    assert f"Inspect it: ml-assets show {refused.version[:12]}" in message
    (volume,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "volume"]
    assert (volume.passed, volume.partition) == (False, MONTH)


def test_the_corrected_file_works_after_a_refusal(world):
    world.landing.write(FILE, umbrellas.visits(MONTH).head(10))
    assert not world.run(umbrellas.PROBLEM, MONTH).success
    world.landing.write(FILE, umbrellas.visits(MONTH))
    world.must_run(umbrellas.PROBLEM, MONTH)


def test_checks_that_need_what_another_refused_say_so_instead_of_being_broken(world):
    world.landing.write(FILE, umbrellas.visits(MONTH).drop(columns="clouds"))
    checks = {e.check_name: e for e in world.run(umbrellas.PROBLEM, MONTH, ["dataset"]).get_asset_check_evaluations()}
    assert set(checks) == {"schema", "volume", "keys", "unique", "labels", "labelled", "dated"}
    assert checks["unique"].description == "Not looked into: what it needs was refused by another check."
    assert not checks["unique"].passed, "nobody looked"
    assert [c.name for c in world.store.manifest(world.store.versions("umbrellas/dataset", MONTH)[0]).checks] == [
        "volume",
        "schema",
    ]


def test_a_leaking_feature_is_refused(world):
    def leaking(history, data):
        return umbrellas.features(history, data).assign(receipt=data["bought"] * 7 + 1)

    problem = umbrellas.with_features(leaking)
    leaky = world.with_problems([problem])
    result = leaky.run(problem, MONTH)
    assert not result.success
    (leak,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "leak"]
    assert not leak.passed
    assert "receipt" in leak.description


def test_a_waived_check_is_shown_as_failed_with_its_reason_and_blocks_nothing(world):
    def leaking(history, data):
        return umbrellas.features(history, data).assign(receipt=data["bought"] * 7 + 1)

    why = "the receipt is printed before the umbrella is taken"
    problem = replace(umbrellas.with_features(leaking), waive={"leak": why})
    waiving = world.with_problems([problem])
    result = waiving.must_run(problem, MONTH)
    (leak,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "leak"]
    assert (leak.passed, leak.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert leak.description.startswith(f"Waived ({why}): Features that alone tell the label")
    assert leak.metadata["waived"].value == why
    (recorded,) = [check for check in waiving.manifest("umbrellas/features", MONTH).checks if check.name == "leak"]
    assert (recorded.passed, recorded.blocking, recorded.waived) == (False, False, why)
    assert waiving.store.head("umbrellas/champion", MONTH) is not None
    graph = waiving.definitions.resolve_asset_graph()
    waived = {
        key.name for key in graph.asset_check_keys if key.name == "leak" and not graph.get_check_spec(key).blocking
    }
    assert waived == {"leak"}, "automation does not wait until it passes"


def test_a_model_that_answers_differently_after_loading_is_refused(world):
    calls = []

    def moody(model, features):
        calls.append(len(features))
        return np.full(len(features), 1.0 / len(calls))

    problem = umbrellas.with_predict(moody)
    result = world.with_problems([problem]).run(problem, MONTH)
    assert not result.success
    (reloads,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "reloads"]
    assert not reloads.passed
    assert world.store.head("umbrellas/model", MONTH) is None


def test_one_class_only_stops_before_training(world):
    world.landing.write(FILE, umbrellas.visits(MONTH).assign(bought=1.0))
    result = world.run(umbrellas.PROBLEM, MONTH)
    (classes,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "classes"]
    assert not classes.passed
    assert world.store.head("umbrellas/model", MONTH) is None


def test_a_failed_gate_is_shown_and_never_promoted(world):
    problem = umbrellas.with_gate_at_least(0.999)
    strict = world.with_problems([problem])
    result = strict.run(problem, MONTH)
    assert result.success, "a model that is not good enough is a normal outcome"
    (gates,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "gates"]
    assert not gates.passed
    decision = strict.load("umbrellas/champion", MONTH)
    assert decision["decision"] == "keep"
    assert "fails its gate" in decision["reasons"][0]
    assert decision["champion"] is None
