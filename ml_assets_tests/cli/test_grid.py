"""What people type about a problem month by shop: partitions, ranges, whose champion."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import ml_assets
from ml_assets.orchestration import selection
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Manifest, Store
from ml_assets_tests.doubles import parasols, umbrellas

ROOT = Path(ml_assets.__file__).parents[1]
PROBLEM = replace(
    parasols.PROBLEM,
    sample_files=lambda key: {f"visits/{key.partition('|')[0]}.parquet": umbrellas.visits(key.partition("|")[0])},
)


@pytest.fixture
def store(tmp_path, monkeypatch) -> Store:
    """An empty one, which the commands use too, in a project's root."""
    monkeypatch.setenv("ML_ASSETS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("ML_ASSETS_LANDING", str(tmp_path / "landing"))
    monkeypatch.delenv("ML_ASSETS_BRANCH", raising=False)
    monkeypatch.delenv("DAGSTER_HOME", raising=False)
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (PROBLEM,))
    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.grid_definitions")
    monkeypatch.chdir(tmp_path)
    return ml_assets.open_store()


def crown(store: Store, key: str) -> Manifest:
    """A version that stands for a model becomes champion of its shop."""
    manifest = Manifest("parasols/model", key, store.put({"model of": key}))
    version = store.publish(manifest, why="trained")[0]
    ledger = Ledger.of(store, PROBLEM, key)
    ledger.enter(version, kind="decision", after=ledger.moves(), as_of=key, why="a test")
    return store.manifest(version)


@pytest.mark.parametrize(
    ("asked", "partitions"),
    [
        (("--partition", "2024-02|west"), ["2024-02|west"]),
        (("--partition", "2024-02"), ["2024-02|east", "2024-02|west"]),
        (("--partitions", "2024-01..2024-02"), ["2024-01|east", "2024-01|west", "2024-02|east", "2024-02|west"]),
        (("--partitions", "2024-05|west.."), ["2024-05|west", "2024-06|west"]),
        (("--partitions", "2024-01|west..2024-02|west"), ["2024-01|west", "2024-02|west"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_range_is_of_one_shop_or_of_all(store, call, asked, partitions):
    rows = call("plan", "parasols/dataset", *asked, "--json").json
    assert [row["partition"] for row in rows] == partitions


def test_a_range_from_one_shop_to_another_is_refused(store, refused):
    message = refused(2, "plan", "parasols", "--partitions", "2024-01|east..2024-02|west")
    assert message.endswith("Write 2024-01|east..2024-02|east for east alone, 2024-01..2024-02 for all.")


def test_what_lands_is_a_file_for_all_shops_and_the_proposed_command_can_be_pasted(store, call):
    answer = call("land", "parasols", "--partition", "2024-01|east")
    assert answer.lines[0].startswith("1 files, ")
    assert answer.lines[1] == "next: ml-assets run parasols --partition '2024-01|east'"
    assert Path("landing/parasols/visits/2024-01.parquet").exists()


def test_run_makes_the_partitions_asked_for(store, call):
    shutil.copy(ROOT / "dagster.yaml", ".")
    parasols.land(ml_assets.open_landing(), "2024-01")
    answer = call("run", "parasols/dataset", "--partition", "2024-01", "--jobs", "1", "--json")
    assert answer.code == 0, answer.err
    assert [(row["partition"], row["passed"]) for row in answer.json] == [
        ("2024-01|east", True),
        ("2024-01|west", True),
    ]
    assert store.head("parasols/dataset", "2024-01|west") is not None


def test_each_shop_has_a_champion_now_and_one_known_at_the_end_of_a_month(store, call):
    first, second, other = (crown(store, key).key for key in ("2024-01|east", "2024-02|east", "2024-01|west"))
    for asked, model in (("east", second), ("west", other), ("2024-01|east", first), ("2024-06|east", second)):
        assert call("champion", "parasols", "--partition", asked, "--json").json["version"] == model.version


def test_whose_champion_must_be_said(store, call, refused):
    crown(store, "2024-01|east")
    assert refused(2, "champion", "parasols") == (
        "ml-assets: Each shop of parasols has a champion of its own; add --partition: east, west."
    )
    assert "2024-01 is several partitions, each with a champion of its own. Name one: 2024-01|east, 2024-01|west." in (
        refused(2, "champion", "parasols", "--partition", "2024-01")
    )
    assert "There is no partition 'north'. There are 12" in refused(2, "champion", "parasols", "--partition", "north")
    assert "UnknownVersion" in refused(3, "champion", "parasols", "--partition", "west")


def test_a_rollback_is_of_a_shop_not_of_a_month(store, refused):
    crown(store, "2024-01|east")
    message = refused(2, "rollback", "parasols", "--partition", "2024-01|east", "--why", "a test")
    assert message.endswith(
        "Who serves now is rolled back, not who did in 2024-01|east: a rollback takes --partition east."
    )
    message = refused(3, "rollback", "parasols", "--partition", "east", "--why", "a test")
    assert "there is nothing to go back to" in message


def test_ci_judges_the_newest_month_of_each_shop(store, call):
    for key in ("2024-01|east", "2024-01|west", "2024-02|east"):
        store.publish(Manifest("parasols/evaluation", key, store.put({"of": key})), why="judged")
    touched = call("ci", "--dry-run", "--json").json["touched"]
    assert [one["partition"] for one in touched if one["asset"] == "parasols/evaluation"] == [
        "2024-01|west",
        "2024-02|east",
    ]
