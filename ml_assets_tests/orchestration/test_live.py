"""`dagster dev`, with nobody touching it: files land and models follow; a bad file is stopped and told of, once."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets.store import LandingFolder, Store, open_landing, open_store
from ml_assets_tests.doubles import chain, umbrellas
from ml_assets_tests.doubles.dagster_dev import DagsterDev, Run, dagster_dev
from ml_assets_tests.doubles.webhook import Webhook, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CHAIN = {*chain.IN_TIME}
MONTHS = ("2024-01", "2024-02")
NOTHING_CAME_SECONDS = 15  # three rounds of every loop of Dagster


CHAMPION = "2024-01"  # auroc does not tell later models from the first


@dataclass(frozen=True)
class Live:
    """A `dagster dev` that nobody touches, in which two months have landed, one after another."""

    dev: DagsterDev
    alerts: Webhook
    landing: LandingFolder
    store: Store

    def land(self, month: str, **how: int) -> None:
        self.landing.write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month, **how))

    def told_of(self, month: str) -> list[str]:
        return [text for text in self.alerts.texts if f"[{month}]" in text]

    def has(self, noun: str, month: str) -> bool:
        return self.store.head(f"umbrellas/{noun}", month) is not None


@pytest.fixture(scope="module")
def live(tmp_path_factory) -> Iterator[Live]:
    folder = tmp_path_factory.mktemp("live")
    with listening() as alerts, dagster_dev(folder, ML_ASSETS_ALERTS=alerts.address) as dev:
        live = Live(dev, alerts, *places(folder))
        for n, month in enumerate(MONTHS, start=1):
            live.land(month)
            dev.wait_until_quiet(n)
        yield live


def places(folder: Path) -> tuple[LandingFolder, Store]:
    return open_landing(str(folder / ".ml_assets/landing")), open_store(str(folder / ".ml_assets/store"))


def test_months_that_land_one_after_the_other_end_in_champion_decisions_in_one_run_each(live):
    first = live.dev.runs()[: len(MONTHS)]

    assert [(run.partition, run.nouns, run.succeeded) for run in first] == [(month, CHAIN, True) for month in MONTHS]
    for month in MONTHS:
        decision = live.store.load(live.store.head("umbrellas/champion", month).target)
        assert decision["decision"] in {"promote", "keep", "cannot_tell"}
    assert Ledger.of(live.store, umbrellas.PROBLEM, None).current().model.partition == CHAMPION


def test_a_month_that_is_refused_stops_there_and_is_told_of_once(live):
    before = len(live.dev.runs())
    champion = Ledger.of(live.store, umbrellas.PROBLEM, None).current()
    live.land("2024-03", rows=5)
    refused = live.dev.wait_until_quiet(before + 1)[-1]
    assert (refused.partition, refused.status) == ("2024-03", "FAILURE")
    (told,) = live.dev.wait_for(lambda: live.told_of("2024-03"), "an alert")
    assert "umbrellas/dataset" in told
    assert "5 rows landed" in told

    time.sleep(NOTHING_CAME_SECONDS)

    assert len(live.dev.runs()) == before + 1, "no run downstream"
    assert live.told_of("2024-03") == [told], "told once"
    assert not live.has("features", "2024-03")
    assert Ledger.of(live.store, umbrellas.PROBLEM, None).current() == champion


def test_a_late_correction_is_followed_by_the_month_whose_window_holds_it(live):
    before = len(live.dev.runs())
    corrected, after_it = MONTHS
    wanted = {*itertools.product((corrected,), CHAIN), *itertools.product((after_it,), CHAIN - {"dataset"})}
    live.land(corrected, rows=430)
    live.dev.wait_for(lambda: {*made(live.dev.runs()[before:])} >= wanted, "what the correction changes")
    followed = live.dev.wait_until_quiet(before + 1)[before:]

    assert list(dict.fromkeys(run.partition for run in followed)) == [corrected, after_it]
    assert all(run.succeeded for run in followed)
    assert followed[0].nouns == CHAIN
    assert sorted(made(followed)) == sorted(wanted), "each once, in as many runs as Dagster's loop saw changes"
    split = live.store.manifest(live.store.head("umbrellas/split", after_it).target)
    (read,) = [read.key for read in split.inputs if read.key.partition == corrected]
    assert read == live.store.head("umbrellas/features", corrected).target


def made(runs: Iterable[Run]) -> list[tuple[str, str]]:
    """Partition and noun of everything that the runs were to make."""
    return [(run.partition, noun) for run in runs for noun in run.nouns]


def test_what_is_materialized_again_with_nothing_changed_is_used_again_and_starts_nothing(live):
    before = len(live.dev.runs())
    names = {(noun, month): live.store.head(f"umbrellas/{noun}", month) for noun in CHAIN for month in MONTHS}
    assert live.dev.launch("umbrellas", sorted(CHAIN), MONTHS[0])["__typename"] == "LaunchRunSuccess"
    (again,) = live.dev.wait_until_quiet(before + 1)[before:]
    assert again.succeeded

    time.sleep(NOTHING_CAME_SECONDS)

    assert len(live.dev.runs()) == before + 1, "no run downstream"
    assert {place: live.store.head(f"umbrellas/{place[0]}", place[1]) for place in names} == names


def test_a_run_that_was_cut_off_with_everything_else_is_run_again_after_the_restart(tmp_path):
    landing, store = places(tmp_path)
    with dagster_dev(tmp_path) as dev:
        landing.write("umbrellas/visits/2024-01.parquet", umbrellas.visits("2024-01"))
        dev.wait_for(lambda: [run for run in dev.runs() if run.status == "STARTED"], "a run")
        os.killpg(dev.process.pid, signal.SIGKILL)  # a power cut
    assert store.head("umbrellas/champion", "2024-01") is None

    with dagster_dev(tmp_path) as dev:
        dev.wait_for(lambda: store.head("umbrellas/champion", "2024-01"), "a champion")
        runs = dev.wait_until_quiet(2)

    assert [run.status for run in runs] == ["FAILURE", "SUCCESS"]
