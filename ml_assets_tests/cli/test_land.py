from __future__ import annotations

import pandas as pd
import pytest

import ml_assets
from ml_assets_tests.doubles import umbrellas


@pytest.fixture
def landing(own, tmp_path, monkeypatch):
    """An empty landing folder."""
    monkeypatch.setenv("ML_ASSETS_LANDING", str(tmp_path / "landing"))
    return ml_assets.open_landing()


def test_land_writes_the_files_of_the_partitions_asked_for(landing, call, tmp_path):
    answer = call("land", "umbrellas", "--partitions", "2024-02..2024-03")
    assert answer.code == 0
    assert landing.list() == ["umbrellas/visits/2024-02.parquet", "umbrellas/visits/2024-03.parquet"]
    frame = landing.source("umbrellas").parquet("visits/2024-02.parquet")
    pd.testing.assert_frame_equal(frame, umbrellas.visits("2024-02"))
    assert answer.lines == [
        f"2 files, 0.0 MiB, in {tmp_path}/landing/umbrellas/",
        "next: ml-assets run umbrellas --partitions 2024-02..2024-03",
        "where `make dev` runs, that happens by itself",
    ]
    assert answer.err == "landed 2024-02\nlanded 2024-03\n"


@pytest.mark.parametrize(
    ("arguments", "months", "further"),
    [
        ((), "123456", "--partitions .."),
        (("--partition", "2024-05"), "5", "--partition 2024-05"),
        (("--partitions", "2024-05.."), "56", "--partitions 2024-05.."),
        (("--partitions", "..2024-02"), "12", "--partitions ..2024-02"),
    ],
    ids=["all", "one", "from", "up to"],
)
def test_land_takes_one_partition_a_range_or_all(landing, call, arguments, months, further):
    answer = call("land", "umbrellas", *arguments)
    assert landing.list() == [f"umbrellas/visits/2024-0{month}.parquet" for month in months]
    assert answer.lines[1] == f"next: ml-assets run umbrellas {further}"


def test_land_as_json_says_which_files_are_new_and_leaves_equal_ones_alone(landing, call):
    (first,) = call("land", "umbrellas", "--partition", "2024-01", "--json").json
    assert (first["file"], first["new"]) == ("umbrellas/visits/2024-01.parquet", True)
    stamps = landing.stamps()
    (again,) = call("land", "umbrellas", "--partition", "2024-01", "--json").json
    assert again == {**first, "new": False}
    assert landing.stamps() == stamps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("umbrella",), "There is no problem 'umbrella'. Known: umbrellas, ice_cream."),
        (
            ("umbrellas", "--partition", "2030-01"),
            "There is no partition '2030-01'. There are 6, from 2024-01 to 2024-06.",
        ),
        (
            ("umbrellas", "--partitions", "2024-01"),
            "--partitions '2024-01' is no range. Write A..B, e.g. 2013-01..2013-06.",
        ),
        (
            ("umbrellas", "--partitions", "2024-03..2024-01"),
            "2024-01 comes before 2024-03. Write the earlier partition first.",
        ),
    ],
    ids=["problem", "partition", "no range", "the wrong way round"],
)
def test_what_cannot_be_landed_is_not_understood_and_nothing_lands(landing, refused, arguments, message):
    assert refused(2, "land", *arguments) == f"ml-assets: {message}"
    assert landing.list() == []


def test_a_problem_without_sample_data_says_where_to_put_the_files(landing, refused, tmp_path):
    assert refused(2, "land", "ice_cream") == (
        f"ml-assets: ice_cream has no sample data; put its files into {tmp_path}/landing/ice_cream/ yourself."
    )


def test_one_partition_and_a_range_exclude_each_other(landing, call):
    answer = call("land", "umbrellas", "--partition", "2024-01", "--partitions", "..")
    assert answer.code == 2
    assert "not allowed with argument" in answer.err
