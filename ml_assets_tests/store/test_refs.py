from __future__ import annotations

import pytest

from ml_assets.errors import CorruptBlob
from ml_assets.store import RefEntry, VersionKey, open_backend
from ml_assets.store.refs import RefLog, _to_bytes

KEY = VersionKey("a/model", "2013-06", "0" * 64)


def test_two_writers_never_write_the_same_entry_so_one_can_tell_that_it_lost() -> None:
    entry = RefEntry(1, KEY, by="ada", why="x", at="2013-07-01T00:00:00+00:00")
    assert _to_bytes(entry) != _to_bytes(entry)


@pytest.mark.parametrize(
    ("old", "new"),
    [(b'"by":"ada"', b'"by":"eve"'), (b"0" * 64, b"1" * 64), (b'"n":1', b'"n":2')],
    ids=["by", "target", "n"],
)
def test_an_entry_that_was_rewritten_to_say_something_else_is_refused(old: bytes, new: bytes) -> None:
    backend = open_backend("memory://")
    log = RefLog(backend, "refs/main/a/model/2013-06", "The ref")
    log.append(0, KEY, by="ada", why="x", run=None, details={})
    (path,) = backend.list("refs")
    data = backend.get(path) or b""
    assert old in data
    backend.replace(path, data.replace(old, new))
    with pytest.raises(CorruptBlob, match="was changed after it was written"):
        log.head()


def test_an_entry_copied_to_another_number_is_refused() -> None:
    backend = open_backend("memory://")
    log = RefLog(backend, "refs/main/a/model/2013-06", "The ref")
    log.append(0, KEY, by="ada", why="x", run=None, details={})
    backend.put_new(f"{log.folder}/0000000002.json", backend.get(f"{log.folder}/0000000001.json") or b"")
    with pytest.raises(CorruptBlob, match=r"0000000002\.json was changed"):
        log.head()
