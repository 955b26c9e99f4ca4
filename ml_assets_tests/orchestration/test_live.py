"""`dagster dev`, with nobody touching it: files land and models follow; a bad file is stopped and told of, once."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from ml_assets.promotion.ledger import Ledger
from ml_assets.store import LandingFolder, Store, open_landing, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.dagster_dev import DagsterDev, dagster_dev
from ml_assets_tests.doubles.webhook import Webhook, listening

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
CHAIN = {"dataset", "features", "split", "model", "evaluation", "champion", "predictions"}
NOTHING_CAME_SECONDS = 15  # three rounds of every loop of Dagster


@pytest.fixture(scope="module")
def alerts() -> Iterator[Webhook]:
    with listening() as server:
        yield server


@pytest.fixture(scope="module")
def dev(tmp_path_factory, alerts) -> Iterator[DagsterDev]:
    with dagster_dev(tmp_path_factory.mktemp("live"), ML_ASSETS_ALERTS=alerts.address) as running:
        yield running


@pytest.fixture
def store(dev) -> Store:
    return open_store(str(dev.folder / ".ml_assets/store"))


@pytest.fixture
def landing(dev) -> LandingFolder:
    return open_landing(str(dev.folder / ".ml_assets/landing"))


def land(landing: LandingFolder, month: str, **how) -> None:
    landing.write(f"umbrellas/visits/{month}.parquet", umbrellas.visits(month, **how))


def about(alerts: Webhook, month: str) -> list[str]:
    return [text for text in alerts.texts if f"[{month}]" in text]


def test_three_months_that_land_one_after_the_other_end_in_champion_decisions(dev, store, landing):
    for n, month in enumerate(("2024-01", "2024-02", "2024-03"), start=1):
        land(landing, month)
        runs = dev.wait_until_quiet(n)
        assert [(run.partition, run.nouns, run.succeeded) for run in runs[n - 1 :]] == [(month, CHAIN, True)]
        decision = store.load(store.head("umbrellas/champion", month).target)
        assert decision["decision"] in {"promote", "keep", "cannot_tell"}
    assert Ledger.of(store, umbrellas.PROBLEM, None).current().model.partition == "2024-01"


def test_a_month_that_is_refused_stops_there_is_told_of_once_and_the_corrected_one_is_followed(
    dev, store, landing, alerts
):
    before = len(dev.runs())
    champion = Ledger.of(store, umbrellas.PROBLEM, None).current()
    land(landing, "2024-04", rows=5)
    refused = dev.wait_until_quiet(before + 1)[-1]
    assert (refused.partition, refused.status) == ("2024-04", "FAILURE")
    (told,) = dev.wait_for(lambda: about(alerts, "2024-04"), "an alert")
    assert "umbrellas/dataset" in told
    assert "5 rows landed" in told

    time.sleep(NOTHING_CAME_SECONDS)

    assert len(dev.runs()) == before + 1, "no run downstream"
    assert about(alerts, "2024-04") == [told], "told once"
    assert store.head("umbrellas/features", "2024-04") is None
    assert Ledger.of(store, umbrellas.PROBLEM, None).current() == champion

    land(landing, "2024-04")
    mended = dev.wait_until_quiet(before + 2)[-1]
    assert (mended.partition, mended.nouns, mended.succeeded) == ("2024-04", CHAIN, True)
    assert store.head("umbrellas/champion", "2024-04")


def test_a_run_that_was_cut_off_with_everything_else_is_run_again_after_the_restart(tmp_path):
    landing, store = open_landing(str(tmp_path / ".ml_assets/landing")), open_store(str(tmp_path / ".ml_assets/store"))
    with dagster_dev(tmp_path) as dev:
        land(landing, "2024-01")
        dev.wait_for(lambda: [run for run in dev.runs() if run.status == "STARTED"], "a run")
        os.killpg(dev.process.pid, signal.SIGKILL)  # a power cut
    assert store.head("umbrellas/champion", "2024-01") is None

    with dagster_dev(tmp_path) as dev:
        dev.wait_for(lambda: store.head("umbrellas/champion", "2024-01"), "a champion")
        runs = dev.wait_until_quiet(2)

    assert [run.status for run in runs] == ["FAILURE", "SUCCESS"]


def test_a_late_correction_is_followed_by_the_months_whose_windows_hold_it(dev, store, landing):
    before = len(dev.runs())
    land(landing, "2024-02", rows=430)
    followed = dev.wait_until_quiet(before + 3)[before:]

    assert [run.partition for run in followed] == ["2024-02", "2024-03", "2024-04"]
    assert all(run.succeeded for run in followed)
    assert followed[0].nouns == CHAIN
    assert followed[1].nouns == CHAIN - {"dataset"}
    for month in ("2024-03", "2024-04"):
        split = store.manifest(store.head("umbrellas/split", month).target)
        (read,) = [read.key for read in split.inputs if read.key.partition == "2024-02"]
        assert read == store.head("umbrellas/features", "2024-02").target
