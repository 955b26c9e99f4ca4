"""The replay of `benchmarks.replay` on a toy: a client's mistake is named on its day, one training follows, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pandas as pd
import pytest

from benchmarks.replay import table
from benchmarks.replay.player import Player, opened
from benchmarks.replay.stream import Fault, Stream
from ml_assets.problem import FeatureTable, RetrainWhen
from ml_assets.training.rows import feature_table
from ml_assets_tests.doubles import umbrellas

pytestmark = pytest.mark.slow  # a chain, four looks, a training

WHEN = RetrainWhen(new_partition=False, drift_above=0.1, cooldown_days=7)
PROBLEM = replace(umbrellas.PROBLEM, retrain_when=WHEN)
JANUARY, FEBRUARY = "2024-01", "2024-02"
OPEN = (1, 2, 3, 4, 5, 6, 18, 19, 26, 27)
FAULT = Fault("clouds", 20.0, date(2024, 2, 5), date(2024, 2, 19))


def visits_of(month: str) -> pd.DataFrame:
    """A hundred a day are enough to tell that something broke; in February the shop is closed on most days."""
    visits = umbrellas.visits(month, rows=3_000)
    return visits[visits["at"].dt.day.isin(OPEN) | (month == JANUARY)].reset_index(drop=True)


def asked(month: str) -> FeatureTable:
    before = PROBLEM.partitions.window(month, 2)[:-1]
    return feature_table(PROBLEM, [visits_of(one) for one in before], visits_of(month))


def landed(month: str, until: datetime, known: datetime) -> dict[str, pd.DataFrame]:
    visits = visits_of(month)
    visits = visits.assign(bought=visits["bought"].where(visits["at"] <= known))
    return {f"umbrellas/visits/{month}.parquet": visits[visits["at"] < until]}


def test_a_month_is_lived_with_a_mistake_that_is_named_on_its_day_and_has_one_model_trained(tmp_path):
    stream = Stream(PROBLEM, (), asked, landed, timedelta())
    begun = Player(stream, opened(stream, tmp_path / "begun"), hours=24)
    begun.begin(JANUARY)
    player = begun.forked(tmp_path / "broken", FAULT, [FAULT.since])
    player.live(FEBRUARY)
    player.end()

    found = player.months[FEBRUARY]
    assert found.asked == found.late.report.rows + found.late.finding.by_others == len(visits_of(FEBRUARY))
    assert found.late.finding.outcomes == found.late.finding.over_http == found.late.report.rows
    assert table.named_on(found, "clouds") == (FAULT.since, FAULT.since.isoformat())
    assert [training.why[:19] for training in found.trainings] == ["clouds has moved by"]
    assert [*table.loops([*found.trainings, *player.idle(FEBRUARY, 30).trainings], WHEN.cooldown_days)] == []
    lines = [*table.table([found]), *table.coverage([found]), *table.events([found])]
    assert any("is trained: clouds has moved by" in line for line in lines)
