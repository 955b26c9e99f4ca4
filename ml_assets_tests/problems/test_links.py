"""What problems share of each other must be there, and cannot be made of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Daily, Problem, Shared, Static, Upstream
from ml_assets.problems import BrokenProblem, in_order_of_sharing, linked
from ml_assets_tests.doubles import umbrellas

DAILY = Daily("2024-01-01")


def problem(name: str, *shared: str, **changed) -> Problem:
    sources = {f"s{n}": Shared(f"{owner}/predictions") for n, owner in enumerate(shared)}
    return replace(umbrellas.PROBLEM, name=name, **{"sources": sources, **changed})


def faults(*problems: Problem) -> dict[str, str]:
    return {one.name: one.summary for one in linked(problems)[1]}


def test_each_comes_after_those_of_which_it_shares_something():
    found = in_order_of_sharing([problem("a", "c", "b"), problem("b", "c"), problem("c"), problem("d", "elsewhere")])
    names = [one.name for one in found]
    assert names.index("c") < names.index("b") < names.index("a")
    assert len(names) == 4


def test_a_circle_is_refused_and_what_shares_of_it_is_not():
    found = faults(problem("a", "b"), problem("b", "c"), problem("c", "a"), problem("d", "a"), problem("e", "e"))
    assert set(found) == {"a", "b", "c", "e"}
    assert "a and b and c share what is made of what they share: a circle" in found["b"]


def test_what_nobody_makes_is_refused_with_what_there_is():
    assert (
        "shares umbrelas/predictions, and there is no 'umbrelas'. There are a, umbrellas."
        in (faults(problem("a", "umbrelas"), problem("umbrellas"))["a"])
    )


def test_what_a_broken_problem_made_may_be_shared():
    good, broken = linked([problem("a", "gone")], [BrokenProblem("gone", "", "")])
    assert [one.name for one in good] == ["a"]
    assert [one.name for one in broken] == ["gone"]


def test_another_problems_asset_is_not_somebody_elses():
    found = faults(problem("a", sources={"said": Upstream("b/predictions")}), problem("b"))
    assert "is of b, which is made here: no copy of it is needed. Write said=Shared('b/predictions')." in found["a"]


@pytest.mark.parametrize(
    ("owner", "shared"),
    [
        (problem("b", partitions=DAILY), Shared("b/dataset")),
        (problem("b", partitions=replace(umbrellas.PROBLEM.partitions, start="2024-02")), Shared("b/dataset")),
        (problem("b"), Shared("b/dataset", partition="all")),
    ],
    ids=["another kind", "a later start", "no such one"],
)
def test_partitions_that_are_not_there_are_refused(owner, shared):
    assert "which has no partition" in faults(problem("a", sources={"s": shared}), owner)["a"]


def test_one_partition_for_all_may_be_shared():
    owner = replace(owner_of_one(), name="b")
    assert faults(problem("a", sources={"s": Shared("b/dataset", partition="all")}), owner) == {}


def owner_of_one() -> Problem:
    from ml_assets_tests.doubles import ice_cream

    return replace(ice_cream.PROBLEM, partitions=Static(("all",)), files=())


@pytest.mark.parametrize(
    ("shared", "said"),
    [
        (Shared("b/model"), "dataset, features, predictions can be shared"),
        (Shared("b"), "write it like weather/dataset"),
        (Shared("b/dataset", lookback=1, partition="all"), "has lookback=1 and reads the partition 'all'"),
        (Shared("b/dataset", lookback=-1), "lookback"),
        (Shared("b/dataset", partition="{origin}"), "reads the partition '{origin}'"),
        (Shared("b/dataset", partition="{partition}-x"), "reads the partition '{partition}-x'"),
    ],
)
def test_what_cannot_be_shared_is_refused_where_it_is_written(shared, said):
    with pytest.raises(InvalidProblem, match=r"Problem 'a': the source 's'") as refused:
        problem("a", sources={"s": shared})
    assert said in str(refused.value)
