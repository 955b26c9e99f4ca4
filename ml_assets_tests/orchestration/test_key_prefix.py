"""``ML_ASSETS_KEY_PREFIX``: assets have other keys in Dagster, and the names that they always have everywhere else."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.errors import UsageError
from ml_assets.orchestration.automation import CHAIN_TAG
from ml_assets.orchestration.selection import Target, names_of, selected
from ml_assets.settings import key_prefix
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.world import World, build

MONTH = "2024-01"


@pytest.fixture
def hers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("ML_ASSETS_KEY_PREFIX", "people/ada")
    return build(tmp_path)


def test_every_key_begins_with_it(hers: World) -> None:
    graph = hers.definitions.resolve_asset_graph()
    assert {key.path[:2] == ["people", "ada"] for key in graph.get_all_asset_keys()} == {True}
    assert {check.asset_key.path[0] for check in graph.asset_check_keys} == {"people"}
    dg.Definitions.validate_loadable(hers.definitions)


def test_what_is_made_has_its_name_in_the_store_and_its_key_in_dagster(hers: World, tmp_path: Path) -> None:
    for file in (tmp_path / "landing").rglob("*.parquet"):
        os.utime(file, (0, 0))  # whole: nobody has touched it for a while
    daemon = Daemon(hers, umbrellas.PROBLEM, makes=("dataset",))
    result = daemon.landing_tick()

    assert {request.tags[CHAIN_TAG] for request in result.run_requests or []} == {"people.ada.umbrellas"}
    assert [passed for _, _, passed in daemon.ran] == [True] * len(daemon.ran)
    hers.must_run(umbrellas.PROBLEM, MONTH, ("features", "split", "model"))
    model = hers.manifest("umbrellas/model", MONTH)
    assert {read.key.asset for read in model.inputs} == {"umbrellas/features", "umbrellas/split"}
    events = {
        path: hers.instance.get_latest_materialization_event(dg.AssetKey(path)) is not None
        for path in (("people", "ada", "umbrellas", "model"), ("umbrellas", "model"))
    }
    assert [*events.values()] == [True, False]


def test_selections_are_written_as_without_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ML_ASSETS_KEY_PREFIX", "ada")
    target = Target("ml_assets_tests.cli.definitions")
    assert names_of(selected(target, "umbrellas/model")) == ["umbrellas/model"]
    assert "umbrellas/predictions" in names_of(selected(target, "umbrellas/champion+"))
    assert names_of(selected(target, 'key:"umbrellas/split" or key:"umbrellas/model"')) == [
        "umbrellas/model",
        "umbrellas/split",
    ]
    assert {name.partition("/")[0] for name in names_of(selected(target, "umbrellas"))} == {"umbrellas"}


@pytest.mark.parametrize(
    ("text", "parts"), [("", ()), ("ada", ("ada",)), ("people/ada-2", ("people", "ada-2"))], ids=["none", "one", "two"]
)
def test_it_may_have_parts(text: str, parts: tuple[str, ...]) -> None:
    assert key_prefix({"ML_ASSETS_KEY_PREFIX": text}) == parts


@pytest.mark.parametrize("text", ["/", "a/", "a b", "ä", ".."])
def test_one_that_no_key_can_begin_with_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"with which no asset's key can begin\. Use letters"):
        key_prefix({"ML_ASSETS_KEY_PREFIX": text})
