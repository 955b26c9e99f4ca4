"""The asset links to the code of who owns the problem."""

from __future__ import annotations

import functools
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.assets import declared
from ml_assets.orchestration.asset import problem_asset
from ml_assets.orchestration.code_references import code_references, definition_of
from ml_assets_tests.doubles import umbrellas

SOURCE = Path(umbrellas.__file__)


def references(metadata: dict) -> list[dg.LocalFileCodeReference]:
    return list(metadata["dagster/code_references"].code_references)


def line_of(name: str) -> int:
    return next(n for n, line in enumerate(SOURCE.read_text().splitlines(), 1) if line.startswith(f"def {name}("))


@pytest.mark.parametrize(
    ("noun", "functions"),
    [
        ("dataset", ["load", "schema"]),
        ("features", ["features"]),
        ("model", ["train", "predict"]),
        ("evaluation", ["predict", "rate_of_train"]),
        ("predictions", ["predict"]),
    ],
)
def test_an_asset_links_to_the_problems_functions_at_their_lines(noun, functions):
    made = problem_asset(umbrellas.PROBLEM, declared(noun))
    found = references(made.metadata_by_key[made.key])
    assert [(Path(r.file_path), r.line_number, r.label) for r in found] == [
        (SOURCE, line_of(name), name) for name in functions
    ]


def test_the_split_links_to_where_the_problem_is_defined():
    made = problem_asset(umbrellas.PROBLEM, declared("split"))
    (found,) = references(made.metadata_by_key[made.key])
    assert (Path(found.file_path), found.label) == (SOURCE, "umbrellas")


def test_a_problem_in_a_package_is_found_where_the_package_holds_it():
    from ml_assets.problems import flight_delays

    (found,) = references(definition_of(flight_delays.PROBLEM))
    assert Path(found.file_path) == Path(flight_delays.__file__)


def test_a_problem_that_no_module_holds_links_nowhere():
    assert definition_of(umbrellas.with_gate_at_least(0.9)) == {}


def test_decorated_and_partial_functions_link_to_the_one_inside():
    @functools.wraps(umbrellas.train)
    def timed(*arguments):
        return umbrellas.train(*arguments)

    found = references(code_references(timed, functools.partial(functools.partial(umbrellas.predict), None)))
    assert [r.label for r in found] == ["train", "predict"]


def test_what_has_no_python_code_is_left_out():
    assert code_references(len, functools.partial(max)) == {}
