from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.errors import UsageError
from ml_assets.lineage.compare import Row, compare, in_order, standings
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Input, VersionKey, open_store
from ml_assets_tests.conftest import MONTHS
from ml_assets_tests.doubles import umbrellas

METRICS = umbrellas.PROBLEM.metrics


def row(name: str, **metrics: float | None) -> Row:
    key = VersionKey("toy/model", name, "0" * 64)
    return Row(key, key, {}, {metric: {"value": value} for metric, value in metrics.items()}, "")


@pytest.fixture
def two(own):
    """January's model, and another of it with other parameters, code and time, judged on the same rows."""
    model, evaluation = (own.head(f"umbrellas/{noun}", MONTHS[0]).target for noun in ("model", "evaluation"))
    code = {"computation": {"key": "0" * 64, "code": "c0de" * 16}}
    params = {**own.manifest(model).params, "c": 0.5, "depth": 3}
    another = own.commit(replace(own.manifest(model), params=params, code=code, resources={"wall_seconds": 1.5}))
    judged = own.manifest(evaluation)
    inputs = tuple(replace(read, key=another) if read.name == "model" else read for read in judged.inputs)
    metrics = {**judged.metrics, "auroc": {"value": None, "low": None, "high": None, "baseline": 0.5}}
    own.commit(replace(judged, inputs=inputs, metrics=metrics))
    return model, another


def by_model(found) -> dict[VersionKey, Row]:
    return {row.model: row for row in found.rows}


def test_every_judged_model_is_a_row_newest_partition_first(shared):
    found = compare(shared, "umbrellas", METRICS)

    assert [row.model.partition for row in found.rows] == sorted(MONTHS, reverse=True)
    assert [row.role for row in found.rows].count("champion") == 1
    assert list(found.metrics.items()) == [("auroc", True), ("brier", False)]
    assert found.rows[0].seconds is not None


def test_parameters_are_shown_where_they_differ_also_if_a_model_does_not_know_one(own, two):
    model, another = two
    found = compare(own, "umbrellas", METRICS)

    assert found.params == ["c", "depth"]
    assert (by_model(found)[model].params, by_model(found)[another].params) == ({"c": 1.0}, {"c": 0.5, "depth": 3})
    assert compare(own, "umbrellas", METRICS, among=lambda keys: keys[1:]).params == []


def test_a_model_says_by_which_code_and_how_long_it_was_made(own, two):
    made = by_model(compare(own, "umbrellas"))[two[1]]

    assert (made.code, made.seconds) == ("c0de" * 16, 1.5)
    assert made.value("auroc") is None and made.part("auroc", "baseline") == 0.5


def test_models_judged_on_the_same_rows_can_be_told_from_others(own, two):
    rows = by_model(compare(own, "umbrellas"))
    february = own.head("umbrellas/model", MONTHS[1]).target

    assert rows[two[0]].judged_on == rows[two[1]].judged_on != rows[february].judged_on


def test_the_newest_evaluation_of_a_model_counts(own):
    evaluation = own.head("umbrellas/evaluation", MONTHS[0]).target
    manifest = own.manifest(evaluation)
    later = own.commit(replace(manifest, created_at="2999-01-01T00:00:00.000+00:00"))
    model = next(read.key for read in manifest.inputs if read.name == "model")

    assert by_model(compare(own, "umbrellas"))[model].evaluation == later


def test_the_best_is_first_and_the_undefined_last_whichever_way_a_metric_goes(own, two):
    found = compare(own, "umbrellas", METRICS)
    values = standings(found.ordered("auroc").rows, "auroc")
    briers = standings(found.ordered("brier").rows, "brier")

    assert values[-1] is None and values[:-1] == sorted(values[:-1], reverse=True)
    assert briers == sorted(briers)
    assert briers[0] == found.ordered("brier").rows[0].value("brier") - found.ordered("brier").rows[0].part(
        "brier", "baseline"
    )
    assert [row.value("auroc") for row in found.ordered("auroc", "asc").rows][-1] is None


def test_undefined_values_are_last_in_either_order():
    rows = [row("a", m=None), row("b", m=2.0), row("c", m=1.0), row("d")]

    assert [r.model.partition for r in in_order(rows, "m", "asc")] == ["c", "b", "a", "d"]
    assert [r.model.partition for r in in_order(rows, "m", "desc")] == ["b", "c", "d", "a"]


def judged(partition, judged_on, value, baseline):
    return replace(row(partition), judged_on=judged_on, metrics={"m": {"value": value, "baseline": baseline}})


EASY, HARD, UNKNOWN = judged("a", "11", 0.75, 0.7), judged("b", "22", 0.62, 0.3), judged("c", "33", 0.9, None)


def test_models_of_different_rows_are_sorted_by_the_gain_over_their_baselines():
    """A month in which nearly half of all flights are late is easier for average precision: 0.75 there is no feat."""
    assert [r.model.partition for r in in_order([EASY, UNKNOWN, HARD], "m", "desc")] == ["b", "a", "c"]
    assert [r.model.partition for r in in_order([EASY, UNKNOWN, HARD], "m", "asc")] == ["a", "b", "c"]


def test_models_of_the_same_rows_are_sorted_by_the_metric():
    same = [replace(of, judged_on="11") for of in (EASY, UNKNOWN, HARD)]
    assert [r.model.partition for r in in_order(same, "m", "desc")] == ["c", "a", "b"]


def test_an_infinite_metric_is_a_value_that_comes_last_of_those():
    lost = replace(EASY, metrics={"m": {"value": "Infinity", "baseline": 0.5}})
    assert lost.value("m") == float("inf")
    assert in_order([lost, HARD], "m", "asc") == [HARD, lost]


def test_an_order_that_there_is_not_is_refused(shared):
    found = compare(shared, "umbrellas", METRICS)
    with pytest.raises(UsageError, match=r"^There is no order by='accuracy'. Known: partition, auroc, brier.$"):
        found.ordered("accuracy")
    with pytest.raises(UsageError, match=r"^There is no order='up'. Known: asc, desc.$"):
        found.ordered("auroc", "up")


def test_a_problem_that_only_the_store_knows_is_compared_too(shared):
    found = compare(shared, "umbrellas")

    assert list(found.metrics) == ["auroc", "brier"] and len(found.rows) == len(MONTHS)


def test_nothing_judged_is_no_row(tmp_path):
    assert compare(open_store(str(tmp_path)), "umbrellas", METRICS).rows == []


def test_an_evaluation_that_names_no_split_says_nothing_about_its_rows(own):
    manifest = own.manifest(own.head("umbrellas/evaluation", MONTHS[0]).target)
    model = own.commit(replace(own.manifest(own.head("umbrellas/model", MONTHS[0]).target), seed=99))
    own.commit(replace(manifest, inputs=(Input("model", model, "0" * 64),)))

    assert by_model(compare(own, "umbrellas"))[model].judged_on == ""


def test_as_a_frame_it_has_a_row_per_model_and_whole_versions(own, two):
    champion = Ledger(own, "umbrellas", None).current().model
    table = compare(own, "umbrellas", METRICS).frame().set_index("model")

    assert table.loc[champion.version, "role"] == "champion"
    assert table.loc[two[1].version, "params.depth"] == 3
    assert {"auroc", "auroc_low", "auroc_high", "auroc_baseline", "judged_on", "train_seconds"} <= set(table.columns)
