from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import quote

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_assets.pages import content
from ml_assets.pages.render import file_url
from ml_assets.store import Manifest, Png, open_store
from ml_assets_tests.pages.conftest import site

PNG = b"\x89PNG\r\n\x1a\n and so on"


@pytest.fixture
def made(tmp_path):
    """Stores a value as a version, and asks for a file of it."""
    store = open_store(str(tmp_path / "store"))

    def made(value):
        key, _ = store.publish(Manifest("toy/thing", "a/ü", store.put(value)), why="a test")
        return key, site(store, problems=())

    return made


def folder_of(path: Path, files: dict[str, bytes]) -> Path:
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def test_a_file_is_saved_under_a_name_that_says_what_it_is(made):
    key, get = made(pd.DataFrame({"a": [1]}))
    reply = get(file_url(key, "table.parquet"))

    assert reply.status == 200 and reply.body.startswith(b"PAR1")
    assert reply.headers["content-type"] == "application/vnd.apache.parquet"
    name = quote(f"toy-thing-a/ü-{key.short}-table.parquet", safe="")
    assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{name}"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "immutable" in reply.headers["cache-control"]


def test_only_a_real_picture_is_shown_in_the_browser(made, tmp_path):
    files = {"real.png": PNG, "page.png": b"<html><script>", "page.html": b"<html>", "x.svg": b"<svg onload=x>"}
    key, get = made(folder_of(tmp_path / "folder", files))
    shown = {name: get(file_url(key, name)).headers for name in files}

    assert shown["real.png"]["content-disposition"].startswith("inline")
    assert shown["real.png"]["content-type"] == "image/png"
    for name in set(files) - {"real.png"}:
        assert shown[name]["content-disposition"].startswith("attachment"), name
        assert shown[name]["content-type"] == "application/octet-stream", name


@pytest.mark.parametrize("name", ["a b.bin", "ü✓.bin", "a%2Fb", "deep/er/x.bin", "q?x=1#y", "'\"<b>"])
def test_a_file_of_any_name_can_be_had(made, tmp_path, name):
    key, get = made(folder_of(tmp_path / "folder", {name: b"bytes"}))
    link = file_url(key, name)

    assert link in get(f"/version/{key.version}").page.links
    assert get(link).body == b"bytes"


@pytest.mark.parametrize(
    "path",
    [
        "../manifest.json",
        "..%2F..%2Fstore.json",
        "../../../../../../etc/passwd",
        "%2Fetc%2Fpasswd",
        "/etc/passwd",
        "table.parquet/",
        "./table.parquet",
        "TABLE.PARQUET",
        "table.parquet%00",
        "store.json",
        "",
    ],
)
def test_nothing_but_the_files_of_the_manifest_is_ever_read(made, path):
    key, get = made(pd.DataFrame({"a": [1]}))
    reply = get(f"/version/{key.version}/file/{path}")

    assert reply.status == 404
    assert "table.parquet" in reply.page.words


def test_a_figure_stored_by_itself_is_shown(made):
    key, get = made(Png(PNG))
    (image,) = get(f"/version/{key.version}").page.all("img")

    assert get(image["src"]).body == PNG


def test_long_cells_are_cut_and_missing_ones_are_empty(made):
    key, get = made(pd.DataFrame({"text": ["x" * 10_000, None], "number": [1 / 3, None]}))
    words = get(f"/version/{key.version}").page.words

    assert "x" * (content.LONGEST_CELL - 1) + "…" in words and "x" * content.LONGEST_CELL not in words
    assert "0.333333" in words and "nan" not in words.lower()


def test_a_table_without_rows_shows_its_columns(made):
    key, get = made(pd.DataFrame({"a": pd.Series([], dtype="float64")}))

    assert "0 of 0 rows" in get(f"/version/{key.version}").page.words


def test_what_only_calls_itself_a_table_is_named(made, tmp_path):
    key, get = made(folder_of(tmp_path / "folder", {"x.parquet": b"no table", "x.json": b"{no json"}))
    words = get(f"/version/{key.version}").page.words

    assert "This is no Parquet table" in words and "{no json" in words


def parquet(columns: dict[str, pa.Array], names: list[str] | None = None) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(list(columns.values()), names=names or list(columns)), buffer)
    return buffer.getvalue()


def test_what_cannot_be_shown_of_a_file_is_said_and_the_rest_is(made, tmp_path):
    far = parquet({"t": pa.array([3 * 10**11], pa.timestamp("s"))})  # the year 11476: Python knows none after 9999
    key, get = made(folder_of(tmp_path / "folder", {"far.parquet": far, "deep.json": b"[" * 9_000, "x.json": b"7"}))
    reply = get(f"/version/{key.version}")

    assert reply.status == 200
    assert "values that cannot be shown" in reply.page.words and "[" * 9_000 in reply.page.words


def test_columns_of_one_name_each_keep_their_values(made, tmp_path):
    twice = parquet({"a": pa.array([11]), "b": pa.array([22])}, names=["same", "same"])
    key, get = made(folder_of(tmp_path / "folder", {"x.parquet": twice}))

    assert re.search(r"same\s*same\s*11\s*22", get(f"/version/{key.version}").page.words)


def test_of_many_files_only_the_first_are_looked_into(made, tmp_path, monkeypatch):
    monkeypatch.setattr(content, "MOST_LOOKED_INTO", 2)
    key, get = made(folder_of(tmp_path / "folder", {f"{n}.json": f"value {n}".encode() for n in range(3)}))
    page = get(f"/version/{key.version}").page

    assert "value 1" in page.words and "value 2" not in page.words
    assert file_url(key, "2.json") in page.links


def test_a_large_table_is_not_read_for_a_look(made, monkeypatch):
    monkeypatch.setattr(content, "LARGEST_LOOKED_INTO", 10)
    key, get = made(pd.DataFrame({"a": [1]}))

    assert "too large to look into" in get(f"/version/{key.version}").page.words
