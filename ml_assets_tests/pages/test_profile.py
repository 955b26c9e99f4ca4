"""The page of a dataset and of a feature table says what each column holds, and how far it moved since the partition before."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.pages import profile as profiles
from ml_assets.pages.profile import table_profile
from ml_assets_tests.cli.test_verify import blob_of, flip
from ml_assets_tests.conftest import PROBLEMS

UMBRELLAS = next(problem for problem in PROBLEMS if problem.name == "umbrellas")


def key_of(store, noun: str, partition: str = "2024-02"):
    return store.head(f"umbrellas/{noun}", partition).target


@pytest.mark.parametrize("noun", ["dataset", "features"])
def test_each_column_has_a_row_with_drift_against_the_partition_before(shared, get, noun):
    found = table_profile(shared, key_of(shared, noun), UMBRELLAS)
    text = get(f"/version/{key_of(shared, noun).version}").text

    assert found.before == key_of(shared, noun, "2024-01")
    assert all(row.of.name in text for row in found.rows)
    assert all(row.of.drift is not None for row in found.rows)
    assert "Profile" in text and "population stability index" in text


def test_the_first_partition_has_no_drift(shared):
    found = table_profile(shared, key_of(shared, "dataset", "2024-01"), UMBRELLAS)

    assert found.before is None
    assert {row.of.drift for row in found.rows} == {None}


def test_what_is_no_table_has_no_profile(shared):
    assert table_profile(shared, key_of(shared, "model"), UMBRELLAS) is None


def test_a_problem_that_the_code_does_not_know_has_a_profile_without_drift(shared):
    assert table_profile(shared, key_of(shared, "features"), None).before is None


def test_a_damaged_table_is_told_and_a_large_one_is_not_read(own, monkeypatch):
    key = key_of(own, "dataset")
    monkeypatch.setattr(profiles, "LARGEST_LOOKED_INTO", 10)
    assert "too large" in table_profile(own, key, UMBRELLAS).trouble
    monkeypatch.undo()
    flip(Path(blob_of(own, key)))
    assert table_profile(own, key, UMBRELLAS).trouble.startswith("CorruptBlob")
