"""The chain as it is known without Dagster, held against Dagster's graph of the same problems."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import ModuleType, SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from ml_assets.computation.chain import chain_of, inputs_of, named
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.selection import Dependencies, Target, names_of, selected
from ml_assets.problem import Daily, Problem
from ml_assets.problems import PROBLEMS
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import ice_cream, parasols, umbrellas
from ml_assets_tests.doubles.chain import CHAIN, IN_TIME

DAILY = replace(umbrellas.PROBLEM, name="daily", partitions=Daily("2024-01-01", "2024-01-20"), lookback=2)
VALUE_FIRST = replace(parasols.VALUE_FIRST, name="value_first", lookback=2)
EVERY = pytest.mark.parametrize(
    "problem",
    [umbrellas.PROBLEM, ice_cream.PROBLEM, DAILY, parasols.PROBLEM, VALUE_FIRST, *PROBLEMS],
    ids=lambda problem: problem.name,
)


def definitions(problem: Problem, tmp_path: Any) -> dg.Definitions:
    listed = PROBLEMS if problem in PROBLEMS else [problem]  # with the groups that it shares
    return build_definitions(listed, open_store(str(tmp_path / "s")), open_landing(str(tmp_path / "l")))


@EVERY
def test_what_a_partition_is_made_from_is_what_dagster_gives_it(problem: Problem, tmp_path):
    graph = definitions(problem, tmp_path).resolve_asset_graph()
    for noun in chain_of(problem):
        node = graph.get(dg.AssetKey([problem.name, noun]))
        inputs = {*node.assets_def.keys_by_input_name.values()} & graph.materializable_asset_keys
        inputs -= {node.key}  # a champion waits for the one before; what it reads of it is the ledger
        for partition in problem.partitions.keys():  # noqa: SIM118
            assert set(inputs_of(problem, noun, partition)) == {
                ("/".join(above.path), key)
                for above in inputs
                for key in _partitions_above(graph, node, above, partition)
            }


def _partitions_above(graph: Any, node: Any, above: dg.AssetKey, partition: str) -> list[str]:
    mapping = graph.get_partition_mapping(node.key, above)
    subset = node.partitions_def.subset_with_partition_keys([partition])
    upstream = mapping.get_upstream_mapped_partitions_result_for_partitions(
        subset, node.partitions_def, graph.get(above).partitions_def
    )
    return list(upstream.partitions_subset.get_partition_keys())


@EVERY
def test_a_window_comes_oldest_first(problem: Problem):
    for noun in CHAIN:
        for partition in problem.partitions.keys():  # noqa: SIM118
            keys = [key for _, key in inputs_of(problem, noun, partition)]
            assert keys == sorted(keys)


@pytest.fixture
def target(tmp_path, monkeypatch) -> Target:
    module = ModuleType("chain_definitions")
    module.defs = definitions(umbrellas.PROBLEM, tmp_path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return Target(module.__name__)


@pytest.mark.parametrize("before", ["", "+"])
@pytest.mark.parametrize("after", ["", "+"])
@pytest.mark.parametrize("noun", ["", *IN_TIME])
def test_a_selection_names_what_dagster_selects(target: Target, before: str, noun: str, after: str):
    selection = f"{before}umbrellas{'/' if noun else ''}{noun}{after}"

    found = named(selection)

    assert found is not None
    ((problem, nouns),) = found.items()
    mine = [noun for noun in nouns if noun in chain_of(umbrellas.PROBLEM)]  # which has no study
    assert sorted(f"{problem}/{noun}" for noun in mine) == names_of(selected(target, selection))


def test_a_selection_of_several_names_them_all(target: Target):
    selection = "umbrellas/model,umbrellas/dataset, umbrellas/evaluation+"

    assert named(selection) == {
        "umbrellas": [
            "dataset",
            "model",
            "evaluation",
            "champion",
            "report",
            "predictions",
            "failures",
            "audit",
            "monitoring",
        ]
    }
    assert names_of(selected(target, selection)) == sorted(
        f"umbrellas/{noun}" for noun in named(selection)["umbrellas"] if noun in chain_of(umbrellas.PROBLEM)
    )
    assert list(named("shops,umbrellas/model") or {}) == ["shops", "umbrellas"]
    assert named("umbrellas/dataset,umbrellas/modle") is None


@pytest.mark.parametrize(
    "selection", ['key:"umbrellas/model"', "umbrellas/model and x", "*", "umbrellas/modle", "tag:x", "a/b/c"]
)
def test_any_other_selection_is_left_to_dagster(selection: str):
    assert named(selection) is None


# ---------------------------------------------------------------- what will be missed


def lacking(problem: Problem, tmp_path: Any, lost: tuple[str, str], partitions: list[str]) -> dict[str, set[str]]:
    """Partition -> the assets that are made from something that is lost."""
    known = Dependencies(SimpleNamespace(graph=definitions(problem, tmp_path).resolve_asset_graph()))
    place = (dg.AssetKey([problem.name, lost[0]]), lost[1])
    known.lose([place])
    found = {
        key: {n for n in chain_of(problem) if known.lacks((dg.AssetKey([problem.name, n]), key)) == place}
        for key in partitions
    }
    return {key: nouns for key, nouns in found.items() if nouns}


WINDOWS = {  # of three partitions, with a lookback of one
    ("dataset", "2024-01"): {
        "2024-01": {*IN_TIME} - {"dataset"},
        "2024-02": {*IN_TIME} - {"dataset"},
        "2024-03": {"split", "model", "evaluation", "champion", "report"},
        "2024-04": {"split", "model", "evaluation", "champion", "report"},
    },
    ("features", "2024-01"): {
        "2024-01": {*IN_TIME} - {"dataset", "features"},
        "2024-02": {"split", "model", "evaluation", "champion", "report"},
        "2024-03": {"split", "model", "evaluation", "champion", "report"},
    },
    ("split", "2024-01"): {"2024-01": {"model", "evaluation", "champion", "report"}},
    ("model", "2024-01"): {"2024-01": {"evaluation", "champion", "report"}},
    ("evaluation", "2024-01"): {"2024-01": {"champion", "report"}},
    ("champion", "2024-01"): {},
    ("report", "2024-01"): {},
    ("predictions", "2024-01"): {"2024-01": {"monitoring"}},
    ("audit", "2024-01"): {},
    ("monitoring", "2024-01"): {},
}


@pytest.mark.parametrize(("lost", "missed"), WINDOWS.items(), ids=[noun for noun, _ in WINDOWS])
def test_windows_and_lookbacks_miss_what_was_not_made_and_nobody_waits_for_a_champion(lost, missed, tmp_path):
    assert lacking(umbrellas.PROBLEM, tmp_path, lost, umbrellas.PROBLEM.partitions.keys()) == missed


def test_of_a_grid_only_the_same_line_misses_it(tmp_path):
    partitions = parasols.PROBLEM.partitions.keys()
    missed = lacking(parasols.PROBLEM, tmp_path, ("dataset", "2024-01|east"), partitions)
    assert missed
    assert {key.partition("|")[2] for key in missed} == {"east"}


def test_partitions_that_are_no_times_miss_nothing_of_each_other(tmp_path):
    missed = lacking(ice_cream.PROBLEM, tmp_path, ("dataset", ice_cream.BEACHES[0]), list(ice_cream.BEACHES))
    assert missed == {ice_cream.BEACHES[0]: {*CHAIN} - {"dataset"}}
