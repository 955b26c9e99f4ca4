from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

import ml_assets
from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.judge import GateVerdict
from ml_assets.evaluation.metrics import AUROC
from ml_assets.problem import FAILURES, GOLDEN, Better, Files, NoRegression
from ml_assets.promotion.decision import Keep, decide
from ml_assets.promotion.named_rows import Told
from ml_assets.promotion.regressions import Regressions, failures_verdict, regressions_of
from ml_assets.promotion.remembered import remembered
from ml_assets.store import Handle
from ml_assets_tests.doubles import umbrellas

MARCH = "2024-03"
ROWS = {
    f"2024-02:{n}": {"failure": f"2024-02:{n}", "entity": f"road {n}", "label": 0.0, "rows": 10 - n} for n in range(5)
}


def verdict(*, wrong=(), mended=(), at_most=None, unasked=None):
    now = Told(frozenset(ROWS), frozenset(), frozenset(f"2024-02:{n}" for n in wrong), unasked or {})
    asked = NoRegression(FAILURES, at_most=at_most)
    return failures_verdict("roads", asked, ROWS, now, {f"2024-02:{n}": "9c22" for n in mended})


def test_open_failures_count_against_at_most_and_mended_ones_leave_them():
    assert verdict(wrong=range(5)).passed, "without a limit any number of open ones"
    assert verdict(wrong=range(5), at_most=5).passed
    refused = verdict(wrong=range(5), at_most=4)
    assert not refused.passed
    assert "5 of 5 open ones are answered surely wrongly, at most 4 may be: 2024-02:0 (road 0, label 0, 10 rows" in (
        refused.sentence
    )
    assert verdict(wrong=[1, 2, 3, 4], mended=[0], at_most=4).passed


def test_a_challenger_that_breaks_what_was_mended_is_refused_and_the_way_out_is_said():
    refused = verdict(wrong=[0, 3], mended=[0, 1])
    assert not refused.passed
    assert refused.sentence == (
        "failures: 1 of 2 that were mended goes wrong again: 2024-02:0 (road 0, label 0, 10 rows alike, mended by 9c22). "
        "1 of 3 open ones are answered surely wrongly. "
        "What no longer matters: ml-assets failures roads --retire FAILURE --why '…'."
    )
    assert [row["failure"] for row in refused.wrong] == ["2024-02:0", "2024-02:3"]


def test_what_was_mended_and_cannot_be_asked_is_no_silent_pass():
    refused = verdict(mended=[0], unasked={"2024-02:0": "features of 2024-02: it lacks 'shop'"})
    assert not refused.passed
    assert "1 that were mended cannot be asked: features of 2024-02: it lacks 'shop'" in refused.sentence


def test_who_serves_mends_and_what_was_mended_stays_so():
    found = Regressions((verdict(),), {"a": "v1"}, ("v2", frozenset({"a", "b"})))
    assert found.to_json(promoted=True)["regressions"]["mended"] == {"v1": ["a"], "v2": ["b"]}
    assert found.to_json(promoted=False)["regressions"]["mended"] == {"v1": ["a"]}
    assert Regressions().to_json(promoted=True) == {}


def test_a_regression_keeps_the_champion_like_a_gate_that_fails():
    passed = GateVerdict("auroc", "at least", 0.64, 0.58, passed=True)
    found = decide(gates=[passed], promote_when=Better(AUROC), comparison=None, regressions=["golden: two are wrong."])
    assert found == Keep(("golden: two are wrong.",))


# ---------------------------------------------------------------- golden rows, of a model that there is


def head(store, asset, partition):
    return store.head(asset, partition).target


def held(store, golden, at_most=None):
    problem = dataclasses.replace(umbrellas.PROBLEM, gates=(NoRegression(GOLDEN, at_most=at_most),), golden=golden)
    known = remembered(problem, store, ml_assets.open_landing(), MARCH)
    evaluation = Handle(store, head(store, "umbrellas/evaluation", MARCH))
    (found,) = regressions_of(problem, known, evaluation, evaluation.input("model"), None).verdicts
    return found, known


def test_a_predicate_chooses_among_the_labelled_rows_that_judge(shared):
    scored = shared.load(head(shared, "umbrellas/evaluation", MARCH)).scored
    is_right = (scored["prediction"] >= 0.5) == (scored["label"] == 1)
    right, _ = held(shared, lambda rows: rows["visit"].isin(scored["entity"][is_right]))
    assert right.passed
    assert right.judged == is_right.sum() > 0
    every, _ = held(shared, lambda rows: np.ones(len(rows), dtype=bool))
    assert every.judged == len(scored)
    wrong = (~is_right).sum()
    assert not every.passed
    assert f"golden: {wrong} of {len(scored)} rows answered wrongly, at most 0 may be: 2024-03-" in every.sentence
    assert held(shared, lambda rows: rows["clouds"] < 99, at_most=int(wrong))[0].passed
    with pytest.raises(InvalidProblem, match="Return for each row"):
        held(shared, lambda rows: rows["clouds"])


def test_a_landed_file_names_rows_of_earlier_partitions_and_what_is_not_there_fails(own):
    landing = ml_assets.open_landing()
    file = Files("golden.csv")
    missing, _ = held(own, file)
    assert not missing.passed
    assert "umbrellas/golden.csv has not landed" in missing.sentence
    surest = umbrellas.visits("2024-01").sort_values("clouds", ascending=False, ignore_index=True).head(4)
    named = pd.DataFrame(
        {"partition": "2024-01", "visit": surest["visit"], "at": surest["at"].map(lambda t: t.isoformat())}
    )
    landing.write("umbrellas/golden.csv", named.to_csv(index=False).encode())
    kept, known = held(own, file)
    assert kept.passed, kept.sentence
    assert kept.judged == 4
    assert str(head(own, "umbrellas/features", "2024-01")) in {str(read.key) for read in known.inputs}
    assert known.reads["landed umbrellas/golden.csv"] == landing.digest("umbrellas/golden.csv")
    landing.write("umbrellas/golden.csv", named.assign(visit="nobody").head(1).to_csv(index=False).encode())
    assert "nobody of 2024-01, which has no features with an outcome" in held(own, file)[0].sentence
    landing.write("umbrellas/golden.csv", b"visit,partition\nx,2024-01\n")
    with pytest.raises(InvalidProblem, match="lacks 'at'"):
        held(own, file)
