from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.errors import InvalidProblem, Refused
from ml_assets.problems import PROBLEMS
from ml_assets.store import Overlay, Store, VersionKey, open_backend, open_store
from ml_assets.worker.order import Order, addresses, modules_of
from ml_assets_tests.doubles import gelato, ice_cream

KEY = VersionKey("tides/split", "dover", "0" * 64)
ORDER = Order(
    problem="ice_cream",
    candidate="",
    modules=("ml_assets_tests.doubles.ice_cream",),
    stores=("/store",),
    split=KEY,
    features=(replace(KEY, asset="tides/features"),),
    params={"note": "costs $(HOME) and ünder", "ridge": 0.5},
    seed=7,
    computation="c" * 64,
    device="cuda",
)


def test_an_order_survives_as_the_argument_of_a_pod_in_which_kubernetes_expands_variables():
    text = ORDER.to_text()

    assert "$" not in text
    assert Order.from_text(text) == ORDER


def test_the_problem_is_found_where_it_is_defined():
    assert modules_of(ice_cream.PROBLEM) == ORDER.modules
    assert ORDER.find_problem() is ice_cream.PROBLEM


def test_of_several_trainings_the_one_that_is_ordered_is_found():
    assert modules_of(gelato.PROBLEM.variants["flat"].declared) == (gelato.__name__,)
    found = replace(ORDER, problem="gelato", candidate="flat", modules=(gelato.__name__,)).find_problem()
    assert found is gelato.PROBLEM.variants["flat"]


def test_a_problem_that_ships_is_found_by_its_name():
    shipped = PROBLEMS[0]

    assert modules_of(shipped) == ()
    assert replace(ORDER, problem=shipped.name, modules=()).find_problem() is shipped


def test_a_problem_that_no_module_has_is_refused_before_anything_starts():
    with pytest.raises(InvalidProblem, match="Write it into a file of a package of problems"):
        modules_of(replace(ice_cream.PROBLEM))


def test_a_problem_that_is_gone_is_refused():
    with pytest.raises(InvalidProblem, match="lemonade is not in ml_assets_tests"):
        replace(ORDER, problem="lemonade").find_problem()


def test_other_processes_open_the_same_store(tmp_path: Path):
    store = open_store(str(tmp_path / "store"))
    content = store.put([1, 2])

    opened = replace(ORDER, stores=addresses(store)).open_store()
    assert opened.get(content) == [1, 2]


def test_other_processes_open_an_overlay_with_what_lies_below(tmp_path: Path):
    base = open_store(str(tmp_path / "base"))
    content = base.put([1, 2])
    over = Store(Overlay(base.backend, open_backend(str(tmp_path / "own"))))
    over.put([3])

    assert replace(ORDER, stores=addresses(over)).open_store().get(content) == [1, 2]


def test_a_store_in_memory_is_refused_because_other_processes_cannot_open_it():
    with pytest.raises(Refused, match="memory of this process"):
        addresses(open_store("memory://alone"))
