"""Listing with stamps and times, on every place; and what only a local folder can hold."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import InvalidKey, StoreUnreachable
from ml_assets.store import open_backend
from ml_assets_tests.doubles.s3 import BUCKET, create_bucket

NAMES = ("f/1", "f/10", "f/2", "f/sub/1", "g/1", "planes")


def test_entries_are_those_between_two_names_with_the_stamps_of_single_ones(url: str) -> None:
    backend = open_backend(url)
    for name in NAMES:
        backend.put_new(name, name.encode())
    assert backend.entries("").keys() == set(NAMES)
    assert backend.entries("f").keys() == {"f/1", "f/10", "f/2", "f/sub/1"}
    assert backend.entries("f", after="f/10").keys() == {"f/2", "f/sub/1"}
    assert backend.entries("f", after="f/1", until="f/2").keys() == {"f/10", "f/2"}
    assert backend.entries("f", after="f/sub/0").keys() == {"f/sub/1"}
    assert backend.entries("f", after="f/sub/1") == {}
    assert backend.entries("nothing") == {}
    for name, entry in backend.entries("").items():
        alone = backend.entry(name)
        assert alone is not None
        assert alone.stamp == entry.stamp
        assert int(alone.modified) == int(entry.modified)


def test_what_is_not_there_and_what_is_a_folder_have_no_entry(url: str) -> None:
    backend = open_backend(url)
    backend.put_new("f/1", b"x")
    assert backend.entry("f/2") is None
    assert backend.entry("f") is None


def test_a_stamp_changes_with_the_bytes_also_when_the_size_does_not(url: str) -> None:
    backend = open_backend(url)
    backend.replace("f/1", b"1")
    before = backend.entries("f")
    backend.replace("f/1", b"2")
    assert backend.entries("f")["f/1"].stamp != before["f/1"].stamp


def test_a_listing_goes_over_many_pages(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    backend = open_backend(f"s3://{bucket(moto, monkeypatch)}/pages")
    for number in range(1005):
        backend.replace(f"f/{number:04d}", b"")
    assert len(backend.entries("f")) == 1005
    assert backend.entries("f", after="f/1002").keys() == {"f/1003", "f/1004"}
    assert len(backend.entries("f", until="f/0009")) == 10


ODD = {
    "a line break": "new\nline",
    "an escape": "a%2Fb",
    "not UTF-8": os.fsdecode(b"\xff\xfe"),
    "a control character": "\x01",
    "turned round": "\u202egpj",
    "a backslash": "a\\b",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_an_odd_name_is_listed_as_it_is_and_hides_no_other(tmp_path: Path, name: str) -> None:
    (tmp_path / "f").mkdir()
    for each in (name, "ok"):
        (tmp_path / "f" / each).write_bytes(b"x")
    backend = open_backend(str(tmp_path))
    assert set(backend.list("f")) == backend.entries("f").keys() == {"f/ok", f"f/{name}"}


def test_links_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    for folder in ("f/sub", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "elsewhere" / "x").write_bytes(b"x")
    (tmp_path / "f" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "f" / "file").symlink_to(tmp_path / "elsewhere" / "x")
    (tmp_path / "f" / "sub" / "up").symlink_to(tmp_path / "f")
    (tmp_path / "f" / "itself").symlink_to("itself")
    (tmp_path / "f" / "nowhere").symlink_to("missing")
    (tmp_path / "elsewhere" / "back").symlink_to(tmp_path / "f")
    os.mkfifo(tmp_path / "f" / "pipe")
    assert open_backend(str(tmp_path)).entries("f").keys() == {"f/file", "f/folder/x"}


@pytest.mark.parametrize("folder", ["../f", "f/../..", "/etc"])
def test_a_listing_stays_inside_its_folder(tmp_path: Path, folder: str) -> None:
    backend = open_backend(str(tmp_path / "store"))
    for ask in (backend.list, backend.entries, backend.entry):
        with pytest.raises(InvalidKey, match="leads out of the folder"):
            ask(folder)


@pytest.mark.parametrize("key", ["land/f//x", "land/f/../x"])
def test_an_object_whose_name_is_no_path_is_named(
    key: str, moto: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import boto3

    name = bucket(moto, monkeypatch)
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=moto["AWS_ENDPOINT_URL"])
    client.put_object(Bucket=name, Key=key, Body=b"x")
    with pytest.raises(InvalidKey, match=r"Cannot list s3://.*land/f: .*Rename or delete what has this name") as raised:
        open_backend(f"s3://{name}/land").entries("f")
    assert key in str(raised.value)
    client.delete_object(Bucket=name, Key=key)
    client.close()


def test_the_marker_of_a_folder_is_no_file(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    import boto3

    name = bucket(moto, monkeypatch)
    client = boto3.client("s3", region_name="us-east-1", endpoint_url=moto["AWS_ENDPOINT_URL"])
    client.put_object(Bucket=name, Key="marked/f/", Body=b"")
    client.close()
    assert open_backend(f"s3://{name}/marked").entries("f") == {}


def test_listing_a_bucket_that_does_not_exist_is_no_empty_listing(
    moto: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket(moto, monkeypatch)
    with pytest.raises(StoreUnreachable, match="Cannot list"):
        open_backend("s3://no-such-bucket/p").entries("f")


def bucket(server: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Any:
    for name, value in server.items():
        monkeypatch.setenv(name, value)
    create_bucket(server)
    return BUCKET
