from __future__ import annotations

import io
import sys
from dataclasses import replace

import pytest

import ml_assets
from ml_assets_tests.conftest import PROBLEMS
from ml_assets_tests.doubles import umbrellas

MARCH = ("--partition", "2024-03")


def fail_on_rainy_days(history, data):
    rain = len(data) // len(history.head(0))
    return data.assign(rain=rain)


@pytest.fixture
def failing(shared, monkeypatch):
    problem = replace(PROBLEMS[0], features=fail_on_rainy_days)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (problem,))


def test_a_chain_is_told_step_by_step_with_its_numbers_and_what_comes_next(shared, call):
    answer = call("try", "umbrellas", *MARCH, "--rows", "100", "--set", "params.c=0.5")
    assert answer.code == 0, answer.err
    steps = [line.split()[1:3] for line in answer.err.splitlines() if line.startswith("✓")]
    assert len(steps) == 12
    assert steps[:2] == [["umbrellas/dataset", "2024-01"], ["umbrellas/features", "2024-01"]]
    assert answer.lines[0] == "umbrellas [2024-03] on at most 100 rows of each dataset, in memory: nothing was kept"
    assert answer.lines[1].split()[0] == "auroc"
    assert "baseline" in answer.lines[1]
    assert "✓ gate: auroc" in answer.out
    assert "vs champion" in answer.out
    assert answer.lines[-2].startswith("done: ")
    assert answer.lines[-1] == "next: ml-assets run umbrellas --partition 2024-03"


def test_one_asset_is_told_against_the_stored_one(shared, call):
    answer = call("try", "umbrellas/model", *MARCH, "--set", "params.c=0.01")
    assert answer.code == 0, answer.err
    assert "  params.c 1.0 -> 0.01" in answer.lines
    assert "metric" in answer.out
    assert answer.lines[-1] == "next: ml-assets run umbrellas/model --partition 2024-03"


def test_of_an_asset_that_nobody_stored_it_is_said_that_there_is_nothing_to_compare_with(shared, call):
    answer = call("try", "umbrellas/dataset", "--partition", "2024-04")
    assert answer.code == 0, answer.err
    assert "There is no stored version to compare it with." in answer.lines


def test_as_json(shared, call):
    answer = call("try", "umbrellas/model", *MARCH, "--json").json
    assert (answer["asset"], answer["rows"], answer["passed"], answer["decision"]) == ("model", None, True, None)
    assert {"value", "low", "high", "baseline"} == set(answer["metrics"]["auroc"])
    assert answer["steps"][0]["asset"] == "umbrellas/model"
    assert answer["diff"]["same_content"] is True


def test_a_refusal_is_code_1_with_what_the_checks_found(own, call):
    bad = umbrellas.visits("2024-03").assign(clouds=1000.0)
    ml_assets.open_landing().write("umbrellas/visits/2024-03.parquet", bad)
    answer = call("try", "umbrellas", *MARCH)
    assert answer.code == 1
    assert "    ! schema: " in answer.err
    assert "refused: nothing is made from it" in answer.err
    assert "REFUSED: " in answer.out


def test_an_exception_is_code_1_and_shows_the_users_own_lines(failing, call):
    answer = call("try", "umbrellas", *MARCH, "--rows", "50")
    assert (answer.code, answer.out) == (1, "")
    shown = answer.err[answer.err.index("Traceback") :].splitlines()
    assert shown[1].startswith(f'  File "{__file__}"')
    assert shown[2].strip() == "rain = len(data) // len(history.head(0))"
    assert shown[-1].startswith("ZeroDivisionError: ")


def test_the_debugger_opens_where_the_exception_was_raised(failing, call, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("p 'rows here:', len(data)\nq\n"))
    answer = call("try", "umbrellas", *MARCH, "--rows", "50", "--pdb")
    assert answer.code == 1
    assert "('rows here:', 50)" in answer.out


def test_files_that_have_not_landed_are_code_3_with_the_command(own, call, refused):
    (own.backend.root.parent / "landing" / "umbrellas" / "visits" / "2024-03.parquet").unlink()
    said = refused(3, "try", "umbrellas", *MARCH)
    assert said.startswith("NotLanded: In ")
    assert said.endswith("Land them: ml-assets land umbrellas --partitions 2024-01..2024-03")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("umbrellas/modle", *MARCH), "umbrellas has no asset 'modle'"),
        (("snow", *MARCH), "There is no problem 'snow'"),
        (("umbrellas/split", *MARCH, "--set", "params.c=1"), "no model is selected"),
        (("umbrellas", *MARCH, "--rows", "0"), "at least one row"),
    ],
    ids=["asset", "problem", "parameter", "rows"],
)
def test_what_cannot_be_understood_is_code_2(shared, refused, arguments, said):
    assert said in refused(2, "try", *arguments)
