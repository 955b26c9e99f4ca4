"""A folder: disks that are full, rights that are lacking, syncs that fail; and a scratch folder, which is not synced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ml_assets.errors import OutcomeUnknown, StoreUnreachable, UsageError
from ml_assets.settings import Settings
from ml_assets.store import Manifest, Store, open_backend, open_landing, open_store
from ml_assets_tests.doubles.power_cut import keys_of, recorded

FAULTS = {
    errno.ENOSPC: "the disk is full. Make room",
    errno.EDQUOT: "the quota is used up",
    errno.EACCES: "access is denied",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk fails",
}


def failing(monkeypatch: pytest.MonkeyPatch, name: str, code: int, after: int = 0) -> None:
    """Let a call of the operating system fail, from the so manieth on."""
    calls, real = iter(range(10**6)), getattr(os, name)

    def call(*given: object) -> object:
        if next(calls) >= after:
            raise OSError(code, os.strerror(code))
        return real(*given)

    monkeypatch.setattr(os, name, call)


@pytest.mark.parametrize("code", FAULTS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_refuses_is_one_error_and_nothing_is_there(
    call: str, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend(str(tmp_path / "store"))
    assert backend.put_new("a/before", b"x")
    with monkeypatch.context() as patched:
        failing(patched, call, code)
        with pytest.raises(
            StoreUnreachable, match=rf"Cannot write .*/a/k: {FAULTS[code]}.*Nothing was changed\.$"
        ) as refused:
            backend.put_new("a/k", b"bytes")
    assert type(refused.value) is StoreUnreachable
    assert [path.name for path in (tmp_path / "store" / "a").iterdir()] == ["before"]
    assert backend.put_new("a/k", b"bytes")


def test_a_folder_without_the_right_to_write_is_one_error(tmp_path: Path) -> None:
    (tmp_path / "store").write_bytes(b"no folder")
    with pytest.raises(StoreUnreachable, match=r"Cannot write .*/a/k: "):
        open_backend(str(tmp_path / "store")).put_new("a/k", b"bytes")


@pytest.mark.parametrize("write", ["put_new", "replace"])
def test_a_name_that_cannot_be_kept_is_there_and_its_outcome_is_not_known(
    write: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backend = open_backend(str(tmp_path))
    with monkeypatch.context() as patched:
        failing(patched, "fsync", errno.EIO, after=1)  # the bytes are on the disk, the folder is not
        with pytest.raises(
            OutcomeUnknown, match=r"the disk fails.*It is there, and a power cut may take it\. Whether it was"
        ):
            getattr(backend, write)("k", b"bytes")
    assert backend.get("k") == b"bytes"
    assert not backend.put_new("k", b"bytes")


class TestScratch:
    """``scratch://folder``: only who names it so is not protected from a power cut."""

    @pytest.fixture
    def address(self) -> Callable[[Path], str]:
        return lambda root: f"scratch://{root}"

    def test_it_is_a_store_as_any_other_in_that_folder(self, tmp_path: Path, address: Callable[[Path], str]) -> None:
        scratch = open_store(address(tmp_path / "store"))
        key, _ = scratch.publish(Manifest("a/model", None, scratch.put(1)), why="x")
        assert scratch.url == address(tmp_path / "store")
        assert open_store(str(tmp_path / "store")).load(key) == open_store(scratch.url).load(key) == 1

    def test_a_power_cut_may_take_what_it_acknowledged(self, tmp_path: Path, address: Callable[[Path], str]) -> None:
        for name, is_kept in (("scratch", False), ("kept", True)):
            with recorded(tmp_path / name) as disk:
                root = disk.root / "store"
                store = Store(open_backend(str(root) if is_kept else address(root)))
                store.publish(Manifest("a/model", None, store.put(1)), why="x")
                disk.cut("everything")
            cut = disk.cuts[-1]
            assert bool(keys_of(cut.synced)) is is_kept
            assert any(keys_of(cut.named).values()) is is_kept

    def test_no_other_address_is_one(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        assert not Settings().store.startswith("scratch")
        synced: list[int] = []
        monkeypatch.setattr(os, "fsync", synced.append)
        for n, url in enumerate((str(tmp_path / "a"), f"file://{tmp_path / 'b'}", f"scratch://{tmp_path / 'c'}")):
            open_backend(url).put_new("k", b"x")
            assert bool(synced) is (n < 2)
            synced.clear()

    def test_a_landing_folder_cannot_be_one(self, tmp_path: Path, address: Callable[[Path], str]) -> None:
        with pytest.raises(UsageError, match="what landed can be made again from nothing"):
            open_landing(address(tmp_path))

    def test_it_needs_a_folder(self) -> None:
        with pytest.raises(UsageError, match="has no meaning for a store"):
            open_backend("scratch://")
