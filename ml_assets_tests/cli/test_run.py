from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import ml_assets
from ml_assets.orchestration import selection
from ml_assets.orchestration.launch import Launcher, Outcome, instance_in
from ml_assets_tests.conftest import MONTHS
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import IN_TIME

ROOT = Path(ml_assets.__file__).parents[1]
NOUNS = IN_TIME


def test_run_materializes_a_problem_reports_each_step_and_says_where_to_go_on(project, call):
    answer = call("run", "umbrellas", "--partition", "2024-04")
    assert answer.code == 0, answer.err
    assert re.fullmatch(r"done: 10 steps, 1 run, \d+\.\d s", answer.lines[0])
    assert answer.lines[1] == "next: ml-assets history umbrellas"
    steps = [line.split()[1:3] for line in answer.err.splitlines() if line.startswith("✓")]
    assert sorted(steps) == sorted([f"umbrellas/{noun}", "2024-04"] for noun in NOUNS)
    assert project.head("umbrellas/model", "2024-04") is not None
    assert (Path(".ml_assets") / "dagster").is_dir(), "the run is recorded where `dagster dev` looks"


def test_run_of_some_assets_with_a_parameter_over_a_range_as_json(project, call):
    before = [project.head("umbrellas/model", month).target for month in MONTHS[:2]]
    arguments = ("--partitions", "..2024-02", "--set", "params.c=0.5", "--set", "seed=7", "--jobs", "1", "--json")
    answer = call("run", "umbrellas/model", *arguments)
    assert answer.code == 0, answer.err
    assert [(row["partition"], row["passed"]) for row in answer.json] == [("2024-01", True), ("2024-02", True)]
    assert [step["asset"] for row in answer.json for step in row["steps"]] == ["umbrellas/model"] * 2
    for month, old in zip(MONTHS, before, strict=False):
        manifest = project.manifest(project.head("umbrellas/model", month).target)
        assert (manifest.key != old, manifest.params["c"], manifest.seed) == (True, 0.5, 7)


def land_too_cloudy(month: str) -> None:
    bad = umbrellas.visits(month).assign(clouds=1000.0)
    ml_assets.open_landing().write(f"umbrellas/visits/{month}.parquet", bad)


def test_a_failed_run_is_code_1_says_why_and_what_does_not_depend_on_it_goes_on(project, call):
    land_too_cloudy("2024-04")
    answer = call("run", "umbrellas/dataset", "--partitions", "2024-04..2024-05", "--jobs", "1")
    assert answer.code == 1
    assert re.match(r"FAILED: 2 steps, 2 runs, ", answer.lines[0])
    assert answer.lines[1:3] == ["  failed          2024-04", "  done            2024-05"]
    assert "✗ umbrellas/dataset" in answer.err
    assert "    ! schema: " in answer.err
    assert "umbrellas/dataset [2024-04] was refused by 1 blocking check(s)." in answer.err
    assert project.head("umbrellas/dataset", "2024-04") is None
    assert project.head("umbrellas/dataset", "2024-05") is not None


@pytest.mark.parametrize("jobs", ["1", pytest.param("2", marks=pytest.mark.slow)])
def test_windows_and_lookbacks_that_hold_what_failed_are_not_tried_and_the_rest_is_made(project, call, jobs):
    land_too_cloudy("2024-04")
    answer = call("run", "umbrellas", "--partitions", "2024-04..2024-06", "--jobs", jobs)
    assert answer.code == 1
    assert answer.lines[1:3] == ["  failed          2024-04", "  not made for it 2024-05, 2024-06"]
    made = {
        (noun, month) for month in ("2024-04", "2024-05", "2024-06") for noun in NOUNS if is_made(project, noun, month)
    }
    assert made == {
        ("dataset", "2024-05"),
        *((noun, "2024-06") for noun in ("dataset", "features", "predictions", "audit", "monitoring")),
    }
    because = "not made: umbrellas/dataset@2024-04 failed"
    held_up = {tuple(line.split()[1:3]) for line in answer.err.splitlines() if line.endswith(because)}
    assert held_up == {
        *((f"umbrellas/{noun}", "2024-05") for noun in NOUNS if noun != "dataset"),
        *((f"umbrellas/{noun}", "2024-06") for noun in ("split", "model", "evaluation", "champion", "report")),
    }


def test_a_training_that_fails_holds_up_no_later_partition(project, call, monkeypatch):
    def broken(data, params, run):
        if data.train.keys["at"].min().month == 2:
            raise ValueError("no convergence")
        return umbrellas.train(data, params, run)

    edited = replace(umbrellas.PROBLEM, train=broken)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (edited,))
    monkeypatch.setattr(umbrellas, "PROBLEM", edited)
    answer = call("run", "umbrellas", "--partitions", "2024-04..2024-05", "--jobs", "1", "--json")
    assert answer.code == 1
    assert [(row["partition"], row["passed"], row["not_made"]) for row in answer.json] == [
        ("2024-04", False, {}),
        ("2024-05", True, {}),
    ]
    assert is_made(project, "predictions", "2024-04")
    assert not is_made(project, "champion", "2024-04")
    assert is_made(project, "champion", "2024-05")


def is_made(store, noun: str, month: str) -> bool:
    return store.head(f"umbrellas/{noun}", month) is not None


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("umbrella",), 2, "ml-assets: There is no problem 'umbrella'. Known: umbrellas, ice_cream."),
        (("*",), 2, "ml-assets: These assets are partitioned differently; run one problem at a time."),
        (("umbrellas", "--partition", "2030-01"), 2, "ml-assets: There is no partition '2030-01'. There are 6, from "),
        (
            ("umbrellas/dataset", "--set", "params.c=2"),
            2,
            "ml-assets: --set changes a model's parameters, and no model ",
        ),
        (
            ("umbrellas", "--set", "c=2"),
            2,
            "ml-assets: --set 'c=2' cannot be understood. Write --set params.NAME=VALUE",
        ),
        (("umbrellas", "--set", "params.c"), 2, "ml-assets: --set 'params.c' cannot be understood."),
        (
            ("umbrellas", "--set", "params.shufle_label=true"),
            3,
            "InvalidParams: There is no parameter 'shufle_label'. Did you mean 'shuffle_label'? Known: c, shuffle_label.",
        ),
        (("umbrellas", "--set", "seed=x"), 3, "InvalidParams: seed is a whole number, not 'x'."),
        (("umbrellas", "--set", "params.c=much"), 3, "InvalidParams: Parameter 'c' takes float, not 'much'."),
        (
            ("umbrellas", "--set", "params.shuffle_label=1"),
            3,
            "InvalidParams: Parameter 'shuffle_label' takes bool, not 1.",
        ),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_run_is_refused_before_anything_runs(project, refused, arguments, code, message):
    partition = () if "--partition" in arguments else ("--partition", "2024-04")
    assert refused(code, "run", *arguments, *partition).startswith(message)
    assert project.versions("umbrellas/dataset", "2024-04") == []


def test_ctrl_c_during_several_trainings_says_what_follows(project, call, monkeypatch):
    def pressed(*_: object, jobs: int) -> Iterator[Outcome]:
        raise KeyboardInterrupt

    monkeypatch.setattr(Launcher, "materialize", pressed)
    answer = call("run", "umbrellas", "--partition", "2024-04", "--jobs", "2")
    assert answer.code == 130
    assert answer.err.splitlines()[-1] == "Interrupted. Start it again: what was done is used again."


def test_where_there_is_no_dagster_yaml_runs_are_recorded_and_it_is_said_where(project, call, tmp_path):
    (tmp_path / "dagster.yaml").unlink()
    arguments = ("run", "umbrellas/dataset", "--partition", "2024-04", "--fresh")
    answer = call(*arguments)
    assert answer.code == 0, answer
    assert f"there is no dagster.yaml in {tmp_path}: runs are recorded in .ml_assets/dagster" in answer.err
    home = tmp_path / ".ml_assets" / "home"
    with instance_in(home) as instance:
        assert len(instance.get_runs()) == 1
    assert (tmp_path / ".ml_assets" / "dagster").is_dir()
    assert "no dagster.yaml" not in call(*arguments).err, "said once"


def test_a_home_that_is_named_has_to_be_one(project, refused, tmp_path, monkeypatch):
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "nowhere"))
    assert refused(2, "run", "umbrellas", "--partition", "2024-04") == (
        f"ml-assets: There is no dagster.yaml in {tmp_path}/nowhere, so runs would be recorded nowhere. "
        "Run the command in the project's root, or set DAGSTER_HOME."
    )


def test_a_home_that_cannot_be_written_is_told(project, refused, tmp_path):
    (tmp_path / "no_folder").touch()
    (tmp_path / "dagster.yaml").write_text(f"storage: {{sqlite: {{base_dir: {tmp_path}/no_folder/dagster}}}}\n")

    said = refused(2, "run", "umbrellas", "--partition", "2024-04")

    assert said.startswith(f"ml-assets: Dagster cannot keep its records where {tmp_path}/dagster.yaml says: [Errno 20]")
    assert said.endswith("or set DAGSTER_HOME to a folder with another dagster.yaml.")


def test_a_month_without_outcomes_is_predicted_and_its_training_is_skipped(project, call):
    landing = ml_assets.open_landing()
    landing.write("umbrellas/visits/2024-05.parquet", umbrellas.visits("2024-05").assign(bought=float("nan")))
    answer = call("run", "umbrellas", "--partitions", "2024-04..2024-05", "--jobs", "1")
    assert answer.code == 0, answer.err
    skipped = [line for line in answer.err.splitlines() if line.startswith("–")]
    assert [line.split()[1] for line in skipped] == [
        f"umbrellas/{noun}" for noun in ("audit", "split", "champion", "evaluation", "model", "report")
    ]
    assert skipped[1].endswith(
        "skipped: 2024-05 has no known labels yet: nothing to train or judge. Land the outcomes and it is made again; "
        "its rows are predicted by the champion all the same."
    )
    assert skipped[2].endswith("skipped: umbrellas/split is")
    assert project.head("umbrellas/model", "2024-05") is None
    assert project.head("umbrellas/champion", "2024-05") is None
    assert len(project.load(project.head("umbrellas/predictions", "2024-05").target)) == 400


def test_a_dynamic_partition_whose_file_has_landed_can_be_run_and_one_that_has_not_is_refused(
    project, call, monkeypatch
):
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (ice_cream.SHOPS,))
    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.shops_definitions")
    ml_assets.open_landing().write("shops/harbour.parquet", ice_cream.sales("north"))
    assert call("run", "shops", "--partition", "harbour").code == 0
    assert project.head("shops/champion", "harbour") is not None
    for wrong in ("harbor", "../harbour", "%2e%2e"):
        answer = call("run", "shops", "--partition", wrong)
        assert answer.code == 3
        assert wrong in answer.err
    everything = call("run", "shops/dataset", "--partitions", "..")
    assert (everything.code, everything.lines[0]) == (0, "done: nothing to do")
    assert "= 1 of 1 are there already, saved " in everything.err
    assert call("champion", "shops", "--partition", "harbour").code == 0


def test_all_dynamic_partitions_are_those_whose_files_have_landed(project, call, monkeypatch):
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (ice_cream.SHOPS,))
    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.shops_definitions")
    answer = call("run", "shops/dataset", "--partitions", "..")
    assert (answer.code, answer.err) == (2, "ml-assets: There are no partitions yet.\n")
    for shop in ("pier", "harbour"):
        ml_assets.open_landing().write(f"shops/{shop}.parquet", ice_cream.sales("north"))
    answer = call("run", "shops/dataset", "--partitions", "..")
    assert answer.code == 0, answer.err
    assert [line.split()[2] for line in answer.err.splitlines() if line.startswith("✓")] == ["harbour", "pier"]


NOTHING_TO_DO = """
import sys
import ml_assets.problems
from ml_assets.cli import main
from ml_assets_tests.conftest import PROBLEMS

ml_assets.problems.PROBLEMS = PROBLEMS
code = main(sys.argv[1:])
print([name for name in ("dagster", "pandas", "sklearn") if name in sys.modules], code)
"""


def test_a_run_with_nothing_to_do_starts_none_and_does_not_load_dagster(project):
    command = [sys.executable, "-c", NOTHING_TO_DO, "run", "umbrellas", "--partitions", "..2024-03"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)

    first, next_, loaded = done.stdout.splitlines()
    assert first == "done: nothing to do"
    assert next_ == "next: ml-assets history umbrellas"
    assert loaded == "['pandas'] 0", "the tiny problems load pandas themselves"
    assert re.fullmatch(r"= 30 of 30 are there already, saved \d.*\n", done.stderr)
    assert not Path(".ml_assets").exists(), "not even where runs are recorded"


def test_a_run_computes_what_is_not_there_and_says_why(project, call):
    ml_assets.open_landing().write("umbrellas/visits/2024-02.parquet", umbrellas.visits("2024-02", rows=420))
    answer = call("run", "umbrellas", "--partitions", "..2024-03", "--jobs", "1")
    assert answer.code == 0, answer.err
    assert re.fullmatch(r"done: 19 steps, 2 runs, \d+\.\d s", answer.lines[0])
    assert "= 11 of 30 are there already, saved " in answer.err
    assert re.search(r"✓ umbrellas/dataset +2024-02 .* computed: landed umbrellas/visits/2024-02.parquet ", answer.err)
    assert re.search(r"✓ umbrellas/features +2024-03 .* computed: input umbrellas/dataset@2024-02 ", answer.err)
    assert call("run", "umbrellas", "--partitions", "..2024-03").lines[0] == "done: nothing to do"


def test_afresh_everything_is_computed_and_compared(project, call):
    before = project.head("umbrellas/model", "2024-01").target
    answer = call("run", "umbrellas/model", "--partition", "2024-01", "--fresh")
    assert answer.code == 0, answer.err
    assert f"computed afresh, as asked: the same as {before.short}" in answer.err


def test_a_partition_must_be_named(project, call):
    answer = call("run", "umbrellas")
    assert answer.code == 2
    assert "one of the arguments --partition --partitions is required" in answer.err
