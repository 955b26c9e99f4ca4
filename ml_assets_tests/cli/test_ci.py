"""`ml-assets ci` as a server of continuous integration calls it, on the tiny problems that ``main`` has made."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pandas as pd
import pytest

import ml_assets
from ml_assets.evaluation.metrics import AUROC
from ml_assets.orchestration.launch import Launcher
from ml_assets.problem import Better, TrainingData, TrainingRun
from ml_assets.problems import BrokenProblem
from ml_assets.store import Store
from ml_assets_tests.conftest import BEACH, PROBLEMS
from ml_assets_tests.doubles import ice_cream, umbrellas

ROOT = Path(ml_assets.__file__).parents[1]
FILES = ("--junit", "models.xml", "--markdown", "models.md")
MARCH = "2024-03"


def refs_of_main(store: Store) -> dict[str, str]:
    """Every ref and every move of the ledgers, with what is in it."""
    return {key: stamp for key, (stamp, _) in store.backend.entries("refs/main").items()}


def failures() -> dict[str, str]:
    cases = ElementTree.parse("models.xml").getroot().iter("testcase")
    return {case.attrib["name"]: case.findtext("failure") for case in cases if case.find("failure") is not None}


def test_a_change_that_touches_nothing_ends_without_a_run(project, call, monkeypatch):
    monkeypatch.delattr(Launcher, "materialize")
    before = project.backend.list("")
    answer = call("ci", *FILES)

    assert answer.code == 0, answer.err
    assert answer.lines[0].startswith("passed: nothing is touched (")
    assert answer.lines[1:] == ["0 of 2 problems touched, 0 of 22 assets, against main.", "next: ml-assets history"]
    assert project.backend.list("") == before
    assert ElementTree.parse("models.xml").getroot().attrib["skipped"] == "2"
    assert "passed: nothing is touched" in Path("models.md").read_text()


def test_a_worse_model_is_trained_on_a_branch_judged_and_refused_and_main_stays_as_it_is(project, call, edited):
    few_days_tell = Better(AUROC, confidence=0.8)
    edited(params=umbrellas.LogisticParams(shuffle_label=True), gates=(), promote_when=few_days_tell)
    before, champion = refs_of_main(project), call("champion", "umbrellas", "--log").out
    answer = call("ci", *FILES)

    assert answer.code == 1, answer
    assert "~ umbrellas/model                  2024-03    params.shuffle_label false -> true" in answer.err
    assert answer.lines[2].split()[:3] == ["umbrellas", MARCH, "worse"]
    assert answer.lines[3].startswith("failed: umbrellas@2024-03 worse (")
    assert answer.lines[-1].startswith("next: ml-assets diff ")
    (branch,) = {key.split("/")[1] for key in project.backend.list("refs")} - {"main"}
    assert branch.startswith("ci=2Funcommitted-")
    assert (refs_of_main(project), call("champion", "umbrellas", "--log").out) == (before, champion)
    assert "ML_ASSETS_BRANCH" not in os.environ
    (why,) = failures().values()
    assert list(failures()) == ["model against main[2024-03]"]
    assert "confidence" in why
    assert "❌ worse | auroc 0." in Path("models.md").read_text()

    again = call("ci", "umbrellas", "--fail-on", "never", "--partition", MARCH, "--json")
    assert (again.code, [one["verdict"] for one in again.json["verdicts"]]) == (0, ["worse"])


def test_each_of_several_months_is_judged_against_the_champion_that_main_knew_then(project, call, edited):
    edited(params=umbrellas.LogisticParams(c=0.5))
    answer = call("ci", "umbrellas", "--partitions", "2", "--jobs", "1", "--json")

    assert answer.code == 0, answer
    assert [one["partition"] for one in answer.json["verdicts"]] == ["2024-02", MARCH]
    assert {one["verdict"] for one in answer.json["verdicts"]} <= {"better", "cannot tell"}


def test_where_promotion_looks_at_windows_the_newest_month_is_judged_by_models_of_all(project, call, edited):
    edited(params=umbrellas.LogisticParams(c=0.5), promote_when=Better(AUROC, windows=3))
    answer = call("ci", "umbrellas", "--partition", MARCH, "--fail-on", "never", "--json")

    assert answer.code == 0, answer
    (verdict,) = answer.json["verdicts"]
    assert verdict["partition"] == MARCH
    assert "of 3 windows" in verdict["reasons"][0]


def test_broken_features_fail_with_the_reason_in_both_files(project, call, edited):
    def broken(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
        return data[["cluods"]]

    edited(features=broken)
    answer = call("ci", *FILES)

    assert answer.code == 1, answer
    assert answer.lines[-1] == "next: ml-assets try umbrellas --partition 2024-01 --pdb"
    assert {"features[2024-01]"} <= set(failures())
    assert all("cluods" in why for why in failures().values())
    assert "❌ failed" in Path("models.md").read_text()
    assert "cluods" in Path("models.md").read_text()


def test_a_champion_that_cannot_answer_what_the_change_asks_is_told(project, call, edited):
    def renamed(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
        return umbrellas.features(history, data).rename(columns={"clouds": "sky"})

    def of_old_names(table: pd.DataFrame) -> pd.DataFrame:
        return table.rename(columns={"sky": "clouds"})

    def train(data: TrainingData, params: umbrellas.LogisticParams, run: TrainingRun) -> object:
        rows = replace(data.train, features=of_old_names(data.train.features))
        return umbrellas.train(TrainingData(rows, data.validation), params, run)

    edited(features=renamed, train=train, predict=lambda model, table: umbrellas.predict(model, of_old_names(table)))
    answer = call("ci", "umbrellas", *FILES)

    assert "The champion cannot be judged on these rows: " in answer.out
    assert "❌ failed" in Path("models.md").read_text(), "nor does it predict"
    assert list(failures()) == ["predictions[2024-03]"]
    assert answer.code == 1


def test_a_problem_that_cannot_be_imported_fails_and_one_that_is_gone_is_told(project, call, monkeypatch):
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (PROBLEMS[0],))
    monkeypatch.setattr("ml_assets.problems.BROKEN", (BrokenProblem("sorbet", "sorbet.py:3: NameError: x", "…"),))
    answer = call("ci", *FILES)

    assert answer.code == 1
    assert "Not in this checkout: ice_cream." in answer.out
    assert failures() == {"import": "sorbet.py:3: NameError: x\n…"}


def test_only_what_is_touched_is_asked_and_nothing_is_made(project, call, edited):
    edited(params=umbrellas.LogisticParams(c=0.5))
    before = project.backend.list("")
    answer = call("ci", "--dry-run", "--json")

    assert (answer.code, answer.json["verdicts"]) == (0, [])
    assert [one["asset"].partition("/")[2] for one in answer.json["touched"]] == [
        "model",
        "evaluation",
        "champion",
        "report",
    ]
    assert project.backend.list("") == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("umbrella",), "ml-assets: There is no problem 'umbrella'. Known: umbrellas, ice_cream."),
        (
            ("--partition", "2030-01"),
            "ml-assets: No problem has a partition '2030-01'. See what there is: ml-assets history",
        ),
        (("--partitions", "0"), "ml-assets: --partitions 0 judges by nothing. Give at least 1."),
        (("umbrellas", "--partitions", "some"), "ml-assets: --partitions 'some' is no range."),
        (("--against", "mian"), "ml-assets: The store has no branch 'mian'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_understood_has_a_code_of_its_own(project, refused, arguments, message):
    assert refused(2, "ci", *arguments).startswith(message)


def test_static_partitions_and_another_branch_are_judged_as_well(project, call, monkeypatch):
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (ice_cream.PROBLEM,))
    answer = call("ci", "ice_cream", "--partition", BEACH, "--dry-run")

    assert answer.lines[0].startswith("passed: nothing is touched")
