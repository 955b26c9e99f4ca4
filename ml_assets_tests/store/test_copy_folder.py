"""A folder of copies stays as small as somebody allows, however many processes write to it, and harms nobody."""

from __future__ import annotations

import logging
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from ml_assets.store import CopyFolder


def whole(data: bytes) -> bool:
    return True


def folder_at(path: Path, room: int = 1000) -> CopyFolder:
    """One that is tidied by each write."""
    return CopyFolder(path, room, chance=lambda: 0.0)


def size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def used(folder: CopyFolder, name: str, at: float) -> None:
    (file,) = (file for file in folder.folder.rglob("*") if file.is_file() and file.read_bytes() == name.encode() * 100)
    os.utime(file, (at, at))


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    for n, name in enumerate("abcdefghi"):
        folder.put(name, name.encode() * 100)
        used(folder, name, at=1e9 + n)
    assert folder.get("a", whole) == b"a" * 100  # which is a use
    folder.put("j", b"j" * 100)
    folder.put("k", b"k" * 100)
    assert [name for name in "abcdefghijk" if folder.has(name)] == list("adefghijk")


def test_a_copy_that_is_too_large_for_the_room_is_not_kept(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    folder.put("a", b"." * 251)
    (tmp_path / "file").write_bytes(b"." * 251)
    folder.put_file("b", tmp_path / "file")
    assert (folder.has("a"), folder.has("b")) == (False, False)


def test_what_a_writer_that_died_left_behind_goes_and_what_is_being_written_stays(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    folder.put("a", b"a")
    (place,) = (file.parent for file in tmp_path.rglob("*") if file.is_file())
    for name, at in (("x#1", 1e9), ("x#2", None)):
        (place / name).write_bytes(b"." * 100)
        os.utime(place / name, at and (at, at))
    folder.tidy()
    assert {file.name for file in place.iterdir() if "#" in file.name} == {"x#2"}


@pytest.mark.parametrize("data", [b"", b"cut sho", b"changed "], ids=["empty", "cut short", "changed"])
def test_a_damaged_copy_is_deleted(tmp_path: Path, data: bytes, caplog: pytest.LogCaptureFixture) -> None:
    folder = folder_at(tmp_path)
    folder.put("a", b"complete")
    (file,) = (file for file in tmp_path.rglob("*") if file.is_file())
    file.write_bytes(data)
    with caplog.at_level(logging.WARNING):
        assert folder.get("a", lambda found: found == b"complete") is None
    assert not folder.has("a")
    assert "was damaged" in caplog.text


def test_a_folder_that_cannot_be_written_costs_one_line_in_the_log(tmp_path: Path, caplog) -> None:
    (tmp_path / "file").write_bytes(b"")
    folder = folder_at(tmp_path / "file" / "below")
    with caplog.at_level(logging.WARNING):
        for name in "ab":
            folder.put(name, b"x")
            assert folder.get(name, whole) is None
    assert caplog.text.count("Make room, or set ML_ASSETS_CACHE") == 1


def write_many(path: Path, first: int) -> int:
    """As one of several processes; how many of its copies it could read, whole, right after it wrote them."""
    folder = CopyFolder(path, 20_000)
    found = 0
    for n in range(first, first + 200):
        folder.put(str(n % 150), b"%05d" % (n % 150) * 100)
        found += folder.get(str(n % 150), lambda data, n=n: data == b"%05d" % (n % 150) * 100) is not None  # type: ignore[misc]
    return found


def test_several_processes_keep_one_folder_small_and_whole(tmp_path: Path, caplog) -> None:
    with ProcessPoolExecutor(3) as pool:
        found = list(pool.map(write_many, [tmp_path] * 3, [0, 50, 100]))
    assert all(count > 100 for count in found)
    assert size(tmp_path) <= 20_000 * (1 + 3 / 20 + 0.05)  # each may write a twentieth before it looks
    assert not list(tmp_path.rglob("*#*"))
