from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from ml_assets.errors import InvalidKey, NotLanded, UnreadableFile
from ml_assets.store import LandedFile, digest, open_landing

FRAME = pd.DataFrame({"x": [1, 2], "t": pd.to_datetime(["2013-01-01", "2013-01-02"], utc=True)})


def test_what_lands_can_be_read_and_the_reading_is_recorded(url: str) -> None:
    landing = open_landing(url)
    file, was_there = landing.write("flights/2013-01.parquet", FRAME)
    assert not was_there
    source = open_landing(url).source("flights")
    pd.testing.assert_frame_equal(source.parquet("2013-01.parquet"), FRAME)
    assert source.read == [file]
    data = landing.read("flights/2013-01.parquet")
    assert file == LandedFile("flights/2013-01.parquet", digest(data), len(data))


def test_landing_the_same_again_writes_nothing_and_something_else_replaces_it(url: str) -> None:
    landing = open_landing(url)
    landing.write("f/x.parquet", FRAME)
    before = landing.stamps("f")
    assert landing.write("f/x.parquet", FRAME)[1]
    assert landing.stamps("f") == before
    assert not landing.write("f/x.parquet", FRAME.head(1))[1]
    assert len(landing.source("f").parquet("x.parquet")) == 1
    assert landing.stamps("f").keys() == before.keys()
    assert landing.stamps("f") != before


@pytest.mark.parametrize("hour", ["2024-10-27T02+0100", "2024-11-03T01-0500"])
def test_a_file_of_an_hour_that_occurs_twice_is_found_by_its_name(url: str, hour: str) -> None:
    landing, name = open_landing(url), f"f/{hour}.parquet"
    landing.write(name, FRAME)
    landing.write(f"f/{hour[:13]}.parquet", FRAME.head(1))
    assert landing.list("f") == sorted([name, f"f/{hour[:13]}.parquet"])
    assert landing.entry(name).stamp == landing.entries("f")[name].stamp
    assert len(landing.source("f").parquet(f"{hour}.parquet")) == 2


def test_list_gives_names_below_a_prefix(url: str) -> None:
    landing = open_landing(url)
    for name in ("b/2.parquet", "b/1.parquet", "c/1.parquet"):
        landing.write(name, FRAME)
    assert landing.list("b") == ["b/1.parquet", "b/2.parquet"]
    assert landing.list() == ["b/1.parquet", "b/2.parquet", "c/1.parquet"]


def test_a_file_that_did_not_land_is_named_with_what_to_do(tmp_path: Path) -> None:
    source = open_landing(str(tmp_path / "none")).source("flights")
    with pytest.raises(
        NotLanded,
        match=r"none/flights/x\.parquet has not landed, .*Put the file there; of a shipped problem, ml-assets land PROBLEM",
    ):
        source.parquet("x.parquet")
    assert source.read == []
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("keep", [0, 100, -1], ids=["empty", "cut", "last byte missing"])
def test_a_file_that_is_not_whole_is_unreadable(tmp_path: Path, keep: int) -> None:
    landing = open_landing(str(tmp_path))
    landing.write("f/x.parquet", FRAME)
    path = tmp_path / "f" / "x.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    source = landing.source("f")
    with pytest.raises(UnreadableFile, match=r"f/x\.parquet \(\d+ bytes\) is not a whole Parquet file.*Land it again"):
        source.parquet("x.parquet")
    assert source.read == []


@pytest.mark.parametrize("name", ["../x", "/x", "a//x", "a/./x", "a\\x"])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    landing = open_landing(str(tmp_path))
    for use in (lambda: landing.write(name, FRAME), lambda: landing.source("p").parquet(f"../{name}")):
        with pytest.raises(InvalidKey, match="is no path inside the landing folder"):
            use()
