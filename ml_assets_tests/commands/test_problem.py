"""Problems whose functions are commands, through the whole chain: by R, by a pipeline of the shell, by a program in C."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import dagster as dg
import numpy as np
import pytest

from ml_assets.commands import Command, Parameter
from ml_assets.orchestration import retries
from ml_assets.problem import Compute, Files, Problem
from ml_assets.store import Folder, VersionKey, open_store
from ml_assets_tests.cli.conftest import call  # noqa: F401  # a fixture
from ml_assets_tests.commands.conftest import GCC, MODULE, RSCRIPT
from ml_assets_tests.commands.test_command import is_running
from ml_assets_tests.doubles import galoshes, umbrellas
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY = "2024-01", "2024-02"
UP_TO_MODEL = ["dataset", "features", "split", "model"]


def heads(world: World, problem: Problem, month: str = JANUARY) -> dict[str, VersionKey]:
    return {noun: entry.target for noun in CHAIN if (entry := world.store.head(f"{problem.name}/{noun}", month))}


# ---------------------------------------------------------------- R


@pytest.fixture(scope="module")
def by_r(tmp_path_factory) -> World:
    """Two months of galoshes. Not to be changed by tests."""
    world = build(tmp_path_factory.mktemp("by_r"), [galoshes.PROBLEM])
    galoshes.land(world.landing, JANUARY, FEBRUARY)
    for month in (JANUARY, FEBRUARY):
        world.must_run(galoshes.PROBLEM, month)
    return world


@RSCRIPT
@pytest.mark.slow
def test_r_trains_and_predicts_through_the_whole_chain(by_r: World):
    model = by_r.load("galoshes/model", JANUARY).estimator
    assert (type(model), model.names) == (Folder, ["glm.rds"])
    curve = by_r.manifest("galoshes/model", JANUARY).notes["training"]
    assert curve["step"] == [1, 2, 3, 4, 5, 6]
    assert curve["deviance"] == sorted(curve["deviance"], reverse=True)
    assert {check.name: check.passed for check in by_r.manifest("galoshes/model", JANUARY).checks} == {"reloads": True}
    predicted = by_r.load("galoshes/predictions", FEBRUARY)
    assert set(predicted["model_version"]) == {by_r.head("galoshes/model", JANUARY).version}
    assert np.corrcoef(predicted["prediction"], umbrellas.visits(FEBRUARY)["clouds"])[0, 1] > 0.8


@RSCRIPT
@pytest.mark.slow
def test_what_r_finds_is_what_scikit_learn_finds(by_r: World):
    from sklearn.linear_model import LogisticRegression

    split = by_r.load("galoshes/split", JANUARY)
    visits = umbrellas.visits(JANUARY).set_index("visit")
    train = visits.loc[split.loc[split["role"] == "train", "entity"]]
    x = np.column_stack([train["clouds"], train["shop"] == "west"])
    known = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(x, train["bought"])
    asked = by_r.load("galoshes/features", JANUARY).features
    found = galoshes.PREDICT(by_r.load("galoshes/model", JANUARY).estimator, asked)
    expected = known.predict_proba(np.column_stack([asked["clouds"], asked["shop"] == "west"]))[:, 1]
    np.testing.assert_allclose(found, expected, atol=1e-5)


@RSCRIPT
@pytest.mark.slow
def test_nothing_that_r_made_is_made_again(by_r: World):
    before = heads(by_r, galoshes.PROBLEM)
    result = by_r.must_run(galoshes.PROBLEM, JANUARY)
    assert heads(by_r, galoshes.PROBLEM) == before
    why = {
        event.asset_key.path[-1]: event.step_materialization_data.materialization.metadata["reuse"].value
        for event in result.get_asset_materialization_events()
    }
    assert all(said.startswith("reused ") for said in why.values()), why


@RSCRIPT
@pytest.mark.slow
def test_its_metrics_are_seen_while_it_runs(by_r: World):
    found = by_r.instance.fetch_observations(dg.AssetKey(["galoshes", "model"]), limit=10).records
    told = [record.asset_observation.metadata for record in found]
    assert all({"step", "deviance"} <= set(metadata) for metadata in told)
    assert {float(metadata["step"].value) for metadata in told} >= {1.0, 6.0}, "as it began, and as it ended"


@RSCRIPT
@pytest.mark.slow
def test_what_r_made_is_reproduced_bit_for_bit(by_r: World, monkeypatch, call):  # noqa: F811
    monkeypatch.setenv("ML_ASSETS_STORE", by_r.store.url)
    monkeypatch.setenv("ML_ASSETS_LANDING", by_r.landing.backend.url)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (galoshes.PROBLEM,))
    for asked in (f"galoshes/model@{JANUARY}", f"galoshes/predictions@{FEBRUARY}"):
        answer = call("reproduce", asked)
        assert answer.code == 0, answer
        assert answer.out.startswith("1 rebuilt, 1 identical, ")


@RSCRIPT
@pytest.mark.slow
def test_a_training_by_r_that_is_killed_leaves_nothing_and_goes_on_to_the_same_model(tmp_path: Path):
    diary, another = tmp_path / "diary", tmp_path / "another"
    diary.mkdir()
    another.mkdir()
    program = [sys.executable, "-m", "ml_assets_tests.commands.train_galoshes"]
    command = [*program, str(tmp_path / "killed"), str(diary)]
    (diary / "3").write_text(f"kill\n{tmp_path / 'killed' / 'store' / 'checkpoints'}\n")
    assert subprocess.run(command, check=False, timeout=200).returncode == -signal.SIGKILL
    while is_running(int((diary / "pid").read_text())):
        pass
    subprocess.run(command, check=True, timeout=200)
    subprocess.run([*program, str(tmp_path / "whole"), str(another)], check=True, timeout=200)

    done = [int(step) for step in (diary / "steps").read_text().split()]
    assert done[:3] == [1, 2, 3]
    assert done[3] in (2, 3, 4), "from the one that was kept"
    assert done[3:] == list(range(done[3], 7))
    killed, whole = (
        store.manifest(entry.target)
        for name in ("killed", "whole")
        if (entry := (store := open_store(str(tmp_path / name / "store"))).head("galoshes/model", JANUARY))
    )
    assert killed.content == whole.content
    assert re.fullmatch(r"resumed from step [123], 1 interruption", killed.notes["resumed"]), "the last that was heard"
    assert open_store(str(tmp_path / "killed" / "store")).backend.list("checkpoints") == []


@RSCRIPT
def test_a_training_by_r_that_fails_is_tried_again_and_goes_on(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.0)
    world, diary = build(tmp_path, [galoshes.PROBLEM]), tmp_path / "diary"
    galoshes.land(world.landing)
    diary.mkdir()
    (diary / "3").write_text("fail")
    world.must_run(galoshes.PROBLEM, JANUARY, UP_TO_MODEL, config={"params": {"diary": str(diary)}})
    assert (diary / "steps").read_text().split() == ["1", "2", "3", "4", "5", "6"]
    assert world.manifest("galoshes/model", JANUARY).notes["resumed"].endswith(", 1 interruption")


# ---------------------------------------------------------------- the shell and C


@dataclass(frozen=True)
class Rounds:
    rounds: int = 60


FEATURES = Command(
    """
    usual=$(awk -F, 'NR > 1 {s += $3; n++} END {printf "%.17g", n ? s / n : 0}' {inputs}/history/history.csv)
    awk -F, -v usual="$usual" '
        NR == 1 {print "clouds,above_usual,shop"; next}
        {printf "%.17g,%.17g,%s\\n", $3, $3 - usual, $4}' {inputs}/data/data.csv > {outputs}/features.csv
    """,
    tables="csv",
    returns={"clouds": "float64", "above_usual": "float64", "shop": "str"},
)


def in_c(name: str) -> Problem:
    """Of a program beside the module of the test."""
    fit = Command(
        ("./program", "fit", "{value:rounds}", "{inputs}", "{outputs}"),
        files=(name,),
        module=MODULE,
        tables="csv",
        parameters=(Parameter("rounds", "integer", 60, min=1),),
    )
    predict = Command(("./program", "predict", "{inputs}", "{outputs}"), files=(name,), module=MODULE, tables="csv")
    return replace(
        umbrellas.PROBLEM, name="wellies", features=FEATURES, train=fit, predict=predict, params=Rounds(), slices=()
    )


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = build(tmp_path, [])
    for month in (JANUARY, FEBRUARY):
        world.landing.write(f"wellies/visits/{month}.parquet", umbrellas.visits(month))
    return world


SOURCE = (Path(__file__).parent / "logit.c").read_text()


@GCC
@pytest.mark.slow
def test_a_shell_pipeline_makes_features_and_a_program_in_c_the_model(world: World, compiled: Callable[[str], str]):
    problem = in_c(compiled(SOURCE))
    world = world.with_problems([problem])
    for month in (JANUARY, FEBRUARY):
        world.must_run(problem, month)
    known = umbrellas.features(umbrellas.visits(JANUARY), umbrellas.visits(FEBRUARY))
    found = world.load("wellies/features", FEBRUARY).features
    assert found["clouds"].equals(known["clouds"])
    np.testing.assert_allclose(found["above_usual"], known["above_usual"], rtol=0, atol=1e-14)
    assert list(found["shop"]) == list(known["shop"])
    assert world.load("wellies/evaluation", FEBRUARY).report["model"]["auroc"]["value"] > 0.8
    assert world.manifest("wellies/model", FEBRUARY).notes["training"]["step"][-1] == 60


@GCC
@pytest.mark.slow
def test_what_changes_a_command_makes_its_model_anew_and_says_why(world: World, compiled: Callable[[str], str]):
    def trained(problem: Problem, rounds: int = 60) -> tuple[VersionKey, str]:
        changed = world.with_problems([problem])
        changed.must_run(problem, JANUARY, UP_TO_MODEL, config={"params": {"rounds": rounds}})
        entry = changed.store.head("wellies/model", JANUARY)
        return entry.target, entry.why

    first, _ = trained(in_c(compiled(SOURCE)))
    assert trained(in_c(compiled(SOURCE + "\n/* as it was */\n")))[0] == first, "the same bytes"
    other, why = trained(in_c(compiled(SOURCE.replace("2 * slope", "3 * slope"))))
    assert other != first
    assert re.search(r"problem\.train\.digests\[program\] [0-9a-f]{4} -> [0-9a-f]{4}", why)
    again, why = trained(in_c("program"), rounds=30)
    assert again not in (first, other)
    assert "params.rounds 60 -> 30" in why
    problem = in_c("program")
    quiet = replace(problem, train=replace(problem.train, variables={"MODE": "quiet"}))
    assert "problem.train.variables[MODE] added" in trained(quiet)[1]
    assert trained(replace(problem, train=replace(problem.train, time_limit_seconds=600.0)))[0] == other


@GCC
def test_a_parameter_out_of_its_limits_fails_before_anything_runs(world: World, compiled: Callable[[str], str]):
    problem = in_c(compiled("int main(void) { return 9; }"))
    changed = world.with_problems([replace(problem, compute=Compute(retries=3))])
    failed = changed.run(problem, JANUARY, UP_TO_MODEL, config={"params": {"rounds": 0}})
    (event,) = failed.get_step_failure_events()
    said = str(event.step_failure_data.error.cause)
    assert "The parameter 'rounds' is 0, below its min 1." in said
    assert "exit code" not in said


# ---------------------------------------------------------------- metrics of those that are no trainings


@dataclass(frozen=True)
class Nothing:
    pass


def saying() -> Problem:
    """One whose functions are all commands that tell metrics."""
    dataset = Command(
        """cp {inputs}/visits/visits.parquet {outputs}/dataset.parquet; echo '{"files": 1, "kind": "parquet"}'""",
        reads=("visits",),
    )
    features = Command(
        """cut -d, -f3 {inputs}/data/data.csv > {outputs}/features.csv
        for step in 1 2 3; do echo "{\\"step\\": $step, \\"left\\": $((3 - step))}"; done""",
        tables="csv",
        returns={"clouds": "float64"},
    )
    predict = Command(
        """awk 'NR == 1 {print "prediction"; next} {printf "%.17g\\n", 1 / (1 + exp(-$1))}' \\
            {inputs}/features/features.csv > {outputs}/predictions.csv
        echo "{\\"answers\\": $(tail -n +2 {outputs}/predictions.csv | wc -l)}" """,
        tables="csv",
    )
    made = {"dataset": dataset, "features": features, "train": Command("echo {seed} > {outputs}/m"), "predict": predict}
    visits = Files("visits/{partition}.parquet")
    return replace(
        umbrellas.PROBLEM, name="wellies", sources={"visits": visits}, files=(), params=Nothing(), slices=(), **made
    )


def shown(result: dg.ExecuteInProcessResult, noun: str) -> dict[str, dg.MetadataValue]:
    (event,) = (of for of in result.get_asset_materialization_events() if of.asset_key.path[-1] == noun)
    return dict(event.step_materialization_data.materialization.metadata)


def test_metrics_of_any_command_are_noted_shown_and_told_while_it_runs(world: World):
    problem = saying()
    world = world.with_problems([problem])
    for month in (JANUARY, FEBRUARY):
        result = world.must_run(problem, month)
    notes = {noun: world.manifest(f"wellies/{noun}", FEBRUARY).notes.get("said") for noun in CHAIN}
    answers = len(umbrellas.visits(FEBRUARY))
    assert {noun: said for noun, said in notes.items() if said} == {
        "dataset": {"step": [0], "files": [1.0]},
        "features": {"step": [1, 2, 3], "left": [2.0, 1.0, 0.0]},
        "predictions": {"step": [0], "answers": [float(answers)]},
    }, "of no other asset, though evaluation and report ask the model, too"
    assert shown(result, "dataset")["said/files"].value == 1.0
    assert shown(result, "predictions")["said/answers"].value == answers
    assert "said_curve" not in shown(result, "dataset"), "a point is no curve"
    assert {"said/left", "said_curve", "said_figure"} <= set(shown(result, "features"))
    for noun, told in {"dataset": "said/files", "features": "said/left", "predictions": "said/answers"}.items():
        found = world.instance.fetch_observations(dg.AssetKey(["wellies", noun]), limit=10).records
        assert all(told in record.asset_observation.metadata for record in found)
        assert FEBRUARY in {record.partition_key for record in found}
    assert world.definitions.resolve_asset_graph().get(dg.AssetKey(["wellies", "model"])).kinds == {"command"}
    assert all(said.startswith("reused") for said in reuse(world.must_run(problem, FEBRUARY)).values())


def reuse(result: dg.ExecuteInProcessResult) -> dict[str, str]:
    nouns = [event.asset_key.path[-1] for event in result.get_asset_materialization_events()]
    return {noun: str(shown(result, noun)["reuse"].value) for noun in nouns}
