from __future__ import annotations

import subprocess
import sys

import pytest

import ml_assets
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.store import Store
from ml_assets_tests.conftest import MONTHS


def test_a_version_is_loaded_by_its_name_its_digits_or_its_key(shared):
    key = shared.head("umbrellas/model", "2024-02").target
    named = [
        shared.manifest(of)
        for of in (key, "umbrellas/model@2024-02", key.short, f"umbrellas/model@2024-02:{key.short}")
    ]

    assert all(manifest == named[0] for manifest in named)
    assert shared.load("umbrellas/model@2024-02").columns == shared.load(key).columns
    assert shared.key("umbrellas/champion") == shared.head("umbrellas/ledger", None).target


def test_what_is_no_name_is_refused_as_on_the_command_line(shared):
    with pytest.raises(UsageError, match="names no version"):
        shared.load("umbrellas")
    with pytest.raises(UnknownVersion, match="Its partitions: 2024-01"):
        shared.load("umbrellas/model@2030-01")


def test_history_of_a_problem_has_a_row_per_partition_with_metrics_beside_the_baseline(shared):
    table = shared.history("umbrellas")

    assert list(table["partition"]) == list(MONTHS)
    assert {"auroc", "auroc_baseline", "brier", "champion", "why"} <= set(table.columns)
    assert set(table["auroc_baseline"]) == {0.5}


def test_history_of_an_asset_has_every_version_newest_first(own):
    again = own.commit(_again(own))
    table = own.history("umbrellas/model")
    one = own.history("umbrellas/model@2024-02")

    assert len(table) == len(MONTHS) + 1 and table["made"].is_monotonic_decreasing
    assert dict(zip(one["version"], one["state"], strict=True)) == {
        again.version: "on another branch",
        own.head("umbrellas/model", "2024-02").target.version: "published",
    }
    assert str(table["made"].dtype.tz) == "UTC"


def test_history_of_what_does_not_exist_says_what_there_is(shared):
    with pytest.raises(UnknownVersion, match=r"Known: umbrellas/audit, umbrellas/champion, umbrellas/dataset"):
        shared.history("umbrellas/modle")


def test_compare_is_a_table_in_the_order_of_a_metric(shared):
    best = shared.compare("umbrellas", by="brier")

    assert best["brier"].is_monotonic_increasing and len(best) == len(MONTHS)
    assert shared.load(best["model"][0]).columns


def test_why_is_the_recorded_sentence_or_says_that_there_is_none(own):
    told = own.commit(_again(own, code={"why": "computed: params.c 1.0 -> 2.0"}))

    assert own.why(told) == "computed: params.c 1.0 -> 2.0"
    assert own.why(own.commit(_again(own, code={}))) == "not recorded: it was made before reasons were"


def test_a_branch_of_it_understands_names_too(own):
    assert own.on("try").load("umbrellas/model@2024-02").columns


def test_it_is_a_store_like_any_other(shared):
    assert isinstance(shared, Store)
    assert shared.url == Store(shared.backend).url


IN_A_NOTEBOOK = """
import sys
sys.modules["dagster"] = None
from ml_assets import open_store
store = open_store()
print(store.lineage("umbrellas/champion"))
print(len(store.history("umbrellas/model")), len(store.compare("umbrellas")))
"""


def test_it_works_where_dagster_cannot_be_imported(shared):
    done = subprocess.run([sys.executable, "-c", IN_A_NOTEBOOK], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[0] == str(shared.key("umbrellas/champion"))
    assert done.stdout.splitlines()[-1] == f"{len(MONTHS)} {len(MONTHS)}"


def _again(store: ml_assets.Workbench, **changes):
    from dataclasses import replace

    return replace(store.manifest("umbrellas/model@2024-02"), created_at="2020-01-01T00:00:00+00:00", **changes)
