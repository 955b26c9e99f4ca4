"""How often a rule errs, and what it finds."""

from __future__ import annotations

import numpy as np
import pytest

from ml_assets.evaluation.calibration import Calibration, Found, Share, Window, calibrate, share_promoted
from ml_assets.evaluation.metrics import AUROC
from ml_assets.evaluation.units import Units
from ml_assets.problem import Better

DAYS, ROWS = 7, 40


def month(rng: np.random.Generator, name: str, recipes: int = 3) -> Window:
    """Answers that are equally good, but on each day each recipe has luck of its own."""
    day = np.repeat(np.arange(DAYS), ROWS)
    label = (rng.random(len(day)) < 0.4).astype(float)
    answers = {
        f"seed {n}": label * (1 + 0.25 * rng.normal(size=DAYS)[day]) + rng.normal(size=len(day)) for n in range(recipes)
    }
    return Window(name, label, (Units("day", day),), 900, answers)


@pytest.fixture(scope="module")
def months() -> list[Window]:
    rng = np.random.default_rng(0)
    return [month(rng, f"2024-{at:02}") for at in range(1, 10)]


@pytest.mark.parametrize(("windows", "decisions"), [(1, 6 * 9), (3, 6 * 7)])
def test_equals_are_seldom_promoted_and_a_spoilt_champion_is_the_surer_replaced_the_worse_it_is(
    months, windows, decisions
):
    found = calibrate(Better(AUROC, windows=windows), [months])
    assert (found.windows, found.recipes, found.false_alarms.of) == (9, 3, decisions)
    assert found.false_alarms.value <= 0.12
    gains = [one.gain for one in found.power]
    assert gains == sorted(gains)
    assert found.power[-1].share.value >= 0.8
    assert found.power[0].share.value < found.power[-1].share.value
    assert found.smallest_found == next(one.gain for one in found.power if one.share.value >= 0.8)


def test_each_value_of_a_grid_is_a_line_of_its_own(months):
    """Three windows cannot be looked back on from the second of a line."""
    rule, pair = Better(AUROC, windows=3), [("seed 0", "seed 1")]
    assert share_promoted(rule, [months], pair).of == 7
    assert share_promoted(rule, [months[:5], months[5:]], pair).of == 3 + 2


def test_a_share_has_wilsons_interval_and_is_said_with_its_counts():
    few = Share(4, 180)
    assert few.interval == pytest.approx((0.00867, 0.05574), abs=1e-4)
    assert (str(few), str(Share(0, 0))) == ("2.2 % (4 of 180)", "of no decision")
    assert Share(0, 20).interval[0] == 0
    assert Share(20, 20).interval[1] == 1


def test_where_nothing_is_found_four_times_in_five_there_is_no_smallest_gain():
    assert Calibration(3, 2, Share(0, 6), (Found(0.1, Share(1, 6)),)).smallest_found is None
