"""What was measured of a rule is kept where decisions find it, for as long as it is the same rule."""

from __future__ import annotations

import dataclasses

import pytest

from ml_assets.errors import UnusableSplit
from ml_assets.orchestration.calibration import Measuring, false_alarms
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.store import open_store
from ml_assets_tests.doubles import umbrellas

FEBRUARY = "2024-02"
SHUFFLED = {"params": {"shuffle_label": True}, "seed": 0}


CHANCE = dataclasses.replace(umbrellas.PROBLEM, params=umbrellas.LogisticParams(shuffle_label=True), gates=())


def measuring(world, problem=CHANCE) -> Measuring:
    return Measuring(problem, world.store, world.landing, seeds=(0, 1))


def test_decisions_say_what_was_measured_and_are_made_again_the_same(world, tmp_path):
    anything = umbrellas.with_gate_at_least(0.0)
    world.with_problems([anything]).must_run(anything, "2024-01", config=SHUFFLED)
    world.must_run(umbrellas.PROBLEM, FEBRUARY, ["dataset", "features", "split"])
    for month in ("2024-01", FEBRUARY):
        for seed in (0, 1):
            world.must_run(umbrellas.PROBLEM, month, ["model"], config={**SHUFFLED, "seed": seed})
    asked = measuring(world)
    found, read = asked.measured(asked.models())
    kept = asked.keep(found, read, why="to know")
    world.must_run(umbrellas.PROBLEM, FEBRUARY)

    assert (found.windows, found.recipes, found.false_alarms.of) == (2, 2, 4)
    assert {str(of.key) for of in world.manifest("umbrellas/champion", FEBRUARY).inputs} >= {str(kept)}
    decision = world.load("umbrellas/champion", FEBRUARY)
    assert decision["decision"] == "promote"
    assert (
        f"This rule promotes {found.false_alarms} of challengers that are no better (measured with 2 seeds over 2 windows"
        in (decision["reasons"][0])
    )
    again = rebuild(world.store.backend, world.landing, world.head("umbrellas/champion", FEBRUARY), tmp_path / "again")
    assert open_store(str(tmp_path / "again")).load(again) == decision


def test_a_branch_measures_again_whatever_main_did(january):
    for seed in (0, 1):
        january.must_run(umbrellas.PROBLEM, "2024-01", ["model"], config={**SHUFFLED, "seed": seed})
    asked = measuring(january)
    found, read = asked.measured(asked.models())
    first, second = (asked.keep(found, read, why=why) for why in ("to know", "once more"))
    aside = dataclasses.replace(asked, store=january.store.on("aside")).keep(found, read, why="elsewhere")

    assert false_alarms(january.store, umbrellas.PROBLEM)[1][0].key == second != first
    assert false_alarms(january.store.on("aside"), umbrellas.PROBLEM)[1][0].key == aside != second


def test_another_rule_was_not_measured(january):
    for seed in (0, 1):
        january.must_run(umbrellas.PROBLEM, "2024-01", ["model"], config={**SHUFFLED, "seed": seed})
    asked = measuring(january)
    asked.keep(*asked.measured(asked.models()), why="to know")
    surer = dataclasses.replace(
        umbrellas.PROBLEM, promote_when=dataclasses.replace(umbrellas.PROBLEM.promote_when, confidence=0.99)
    )
    assert false_alarms(january.store, umbrellas.PROBLEM)[0].startswith(" This rule promotes ")
    assert false_alarms(january.store, surer) == ("", ())


def test_too_few_windows_are_said_with_what_to_do(january):
    asked = measuring(january)
    with pytest.raises(UnusableSplit, match="of 0 windows all seeds have a model, and the rule looks at 1"):
        asked.measured(asked.models())


def test_a_training_without_chance_has_nothing_to_measure(january):
    january.must_run(umbrellas.PROBLEM, "2024-01", ["model"], config={"params": {}, "seed": 1})
    asked = measuring(january, umbrellas.PROBLEM)
    with pytest.raises(UnusableSplit, match="models of all seeds give the same answers"):
        asked.measured(asked.models())
