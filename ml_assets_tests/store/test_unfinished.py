"""What each kind of file means to the store when it is empty or cut short: the table of docs/STORE.md, row by row."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from ml_assets.errors import CorruptBlob, MissingBlob, UnknownVersion, UnreadableContent, Untrusted
from ml_assets.store import Manifest, RefEntry, Store, VersionKey, open_backend
from ml_assets.store.backends.backend import Backend, Place
from ml_assets.store.backends.signatures import Signer
from ml_assets.store.backends.signed import Signed
from ml_assets.store.canonical import canonical, is_unfinished, sealed
from ml_assets.store.collecting.collection import Collector, Decision
from ml_assets.store.keys import blob_key, version_key
from ml_assets.store.logs.refs import RefLog

TEXT = (Path(__file__).parents[2] / "docs" / "STORE.md").read_text()
ASSET, MONTH = "a/model", "2013-06"
REF = f"refs/main/{ASSET}/{MONTH}"
KEY = VersionKey(ASSET, MONTH, "0" * 64)
CUTS: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "half": lambda data: data[: len(data) // 2],
    "zeros": lambda data: bytes(len(data)),
    "half, then zeros": lambda data: data[: len(data) // 2] + bytes(100),
}


@pytest.fixture(params=CUTS)
def cut(request: pytest.FixtureRequest) -> Callable[[bytes], bytes]:
    return CUTS[request.param]


@pytest.fixture
def backend() -> Place:
    return open_backend("memory://")


@pytest.fixture
def store(backend: Place) -> Store:
    return Store(backend, user="ada")


def publish(store: Store, value: object, **fields: object) -> VersionKey:
    manifest = Manifest(ASSET, MONTH, store.put(value), **fields)  # type: ignore[arg-type]
    return store.publish(manifest, why="a test")[0]


def damage(backend: Backend, key: str, cut: Callable[[bytes], bytes]) -> None:
    data = backend.get(key)
    assert data
    backend.replace(key, cut(data))  # type: ignore[attr-defined]


def log(backend: Backend, entries: int = 0) -> RefLog:
    log = RefLog(backend, REF, "The ref")
    for n in range(entries):
        log.append(n, KEY, by="ada", why=str(n + 1), run=None, details={})
    return log


class TestEntries:
    """Of the logs of branches, runs and the ledger: all are ref logs."""

    def test_an_unfinished_last_entry_is_passed_over_and_said_once(
        self, backend: Place, cut: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        entries = log(backend, 3)
        damage(backend, f"{REF}/0000000003.json", cut)
        with caplog.at_level(logging.WARNING):
            assert [entries.head().n, entries.head().n] == [2, 2]  # type: ignore[union-attr]
        assert [entry.n for entry in entries.entries()] == [1, 2]

    def test_publishing_goes_on_behind_it(
        self, store: Store, cut: Callable[[bytes], bytes], caplog: pytest.LogCaptureFixture
    ) -> None:
        one, _ = publish(store, 1, run="41aa"), publish(store, 2, run="41aa")
        for folder in (REF, f"runs/41aa/{ASSET}/{MONTH}"):
            damage(store.backend, f"{folder}/0000000002.json", cut)
        assert store.head(ASSET, MONTH).target == store.made_by_run("41aa", ASSET, MONTH) == one  # type: ignore[union-attr]
        three = publish(store, 3, run="41aa")
        assert [(e.n, e.target, e.details) for e in store.log(ASSET, MONTH)] == [
            (1, one, {}),
            (3, three, {"passed_over": 1}),
        ]
        assert store.made_by_run("41aa", ASSET, MONTH) == three
        four = store.move(ASSET, MONTH, one, expected=3, why="back")
        assert (four.n, four.details) == (4, {})

    def test_a_move_from_the_newest_whole_entry_succeeds(self, backend: Place, cut: Callable[[bytes], bytes]) -> None:
        entries = log(backend, 2)
        damage(backend, f"{REF}/0000000002.json", cut)
        moved = entries.append(1, KEY, by="ada", why="x", run=None, details={"kind": "decision"})
        assert (moved.n, moved.details) == (3, {"kind": "decision", "passed_over": 1})
        assert [entry.n for entry in entries.entries()] == [1, 3]

    def test_several_at_the_end_and_names_that_are_gone_among_them_are_passed_over(self, backend: Place) -> None:
        entries = log(backend, 5)
        backend.replace(f"{REF}/0000000003.json", b"")
        backend.delete(f"{REF}/0000000004.json")
        backend.replace(f"{REF}/0000000005.json", b"")
        assert entries.head().n == 2  # type: ignore[union-attr]
        assert entries.advance(VersionKey(ASSET, MONTH, "1" * 64), by="eve", why="x", run=None).details == {
            "passed_over": 3
        }
        assert [entry.n for entry in entries.entries()] == [1, 2, 6]

    def test_a_log_of_nothing_else_is_as_if_it_had_none(self, store: Store, cut: Callable[[bytes], bytes]) -> None:
        main, branch = publish(store, 1), store.on("b")
        publish(branch, 2)
        damage(store.backend, f"refs/b/{ASSET}/{MONTH}/0000000001.json", cut)
        assert branch.head(ASSET, MONTH).target == main  # type: ignore[union-attr]
        assert [entry.target for entry in branch.log(ASSET, MONTH)] == [main]
        three = publish(branch, 3)
        assert [(e.n, e.target) for e in branch.log(ASSET, MONTH)] == [(2, three)]

    def test_of_many_that_heal_one_log_at_once_one_wins_and_none_is_lost(self, backend: Place) -> None:
        log(backend, 2)
        backend.replace(f"{REF}/0000000002.json", b"")

        def advance(n: int) -> RefEntry:
            return log(backend).advance(VersionKey(ASSET, MONTH, f"{n + 1:064d}"), by=str(n), why="x", run=None)

        with ThreadPoolExecutor(8) as pool:
            made = list(pool.map(advance, range(8)))
        entries = log(backend).entries()
        assert [entry.n for entry in entries] == [1, *range(3, 11)]
        assert sorted(entries[1:], key=lambda entry: int(entry.by)) == made
        assert [entry.details for entry in entries[1:]] == [{"passed_over": 1}, *[{}] * 7]

    def test_one_in_the_middle_that_none_passes_over_stays_an_error(
        self, backend: Place, cut: Callable[[bytes], bytes]
    ) -> None:
        entries = log(backend, 3)
        damage(backend, f"{REF}/0000000002.json", cut)
        assert entries.head().n == 3  # type: ignore[union-attr]
        with pytest.raises(CorruptBlob, match=r"0000000002\.json was changed after it was written"):
            entries.entries()

    def test_one_that_is_complete_and_was_changed_stays_an_error_at_the_end_too(self, backend: Place) -> None:
        entries = log(backend, 2)
        damage(backend, f"{REF}/0000000002.json", lambda data: data.replace(b'"ada"', b'"eve"'))
        with pytest.raises(CorruptBlob, match="was changed after it was written"):
            entries.head()

    def test_below_an_unfinished_one_a_changed_one_stays_an_error(self, backend: Place) -> None:
        entries = log(backend, 3)
        damage(backend, f"{REF}/0000000002.json", lambda data: data.replace(b'"ada"', b'"eve"'))
        damage(backend, f"{REF}/0000000003.json", lambda data: b"")
        with pytest.raises(CorruptBlob, match=r"0000000002\.json was changed"):
            entries.append(1, KEY, by="ada", why="x", run=None, details={})


def test_a_store_whose_store_json_is_unfinished_is_a_store(backend: Place, cut: Callable[[bytes], bytes]) -> None:
    key = publish(Store(backend), 1)
    damage(backend, "store.json", cut)
    assert Store(backend).load(key) == 1
    assert Store(backend).head(ASSET, MONTH).target == key  # type: ignore[union-attr]
    publish(Store(backend), 2)


def test_a_store_json_that_begins_otherwise_is_refused(backend: Place) -> None:
    backend.put_new("store.json", b'{"format":2,"made')
    with pytest.raises(UnreadableContent, match="this ml_assets reads format 1"):
        Store(backend).put(1)


def test_a_probe_that_is_unfinished_is_not_in_the_way(backend: Place) -> None:
    backend.put_new("probe.json", b"")
    publish(Store(backend), 1)


def test_a_blob_is_an_error_when_read_and_is_put_right_when_stored_again(
    store: Store, cut: Callable[[bytes], bytes]
) -> None:
    key = publish(store, {"a": [1, 2, 3]})
    damage(store.backend, blob_key(store.manifest(key).content.files[0].digest), cut)
    with pytest.raises(CorruptBlob):
        store.load(key)
    store.put({"a": [1, 2, 3]})
    assert store.load(key) == {"a": [1, 2, 3]}


def test_a_manifest_is_an_error_when_read_and_is_put_right_when_written_again(
    store: Store, cut: Callable[[bytes], bytes]
) -> None:
    manifest = Manifest(ASSET, MONTH, store.put(1))
    key = store.commit(manifest)
    damage(store.backend, version_key(key), cut)
    with pytest.raises(CorruptBlob):
        store.manifest(key)
    publish(store, 2)
    assert store.commit(manifest) == key
    assert store.load(key) == 1


@pytest.mark.parametrize("kind", ["environment", "code"])
def test_a_document_is_an_error_when_read_and_is_put_right_when_stored_again(
    store: Store, cut: Callable[[bytes], bytes], kind: str
) -> None:
    put, get = getattr(store, f"put_{kind}"), getattr(store, kind)
    found = put({"a": "1"})
    (key,) = [key for key in store.backend.list("") if found in key]
    damage(store.backend, key, cut)
    with pytest.raises(CorruptBlob):
        get(found)
    getattr(Store(store.backend), f"put_{kind}")({"a": "1"})
    assert get(found) == {"a": "1"}


def test_a_list_of_source_files_is_an_error_when_read_and_is_put_right_when_stored_again(
    store: Store, cut: Callable[[bytes], bytes]
) -> None:
    files = {"a.py": b"import os"}
    listed = store.put_source(files)
    damage(store.backend, f"sources/{listed}.json", cut)
    with pytest.raises(CorruptBlob):
        store.source(listed)
    Store(store.backend).put_source(files)
    assert store.source(listed) == files


def test_what_is_remembered_counts_as_forgotten_and_is_remembered_anew(
    store: Store, cut: Callable[[bytes], bytes]
) -> None:
    key, made = publish(store, 1), "c" * 64
    store.remember(made, key)
    store.put_trace(made, {})
    damage(store.backend, f"computations/{made}.json", cut)
    damage(store.backend, f"traces/{made}.json", cut)
    assert (store.recall(made), store.trace(made)) == (None, None)
    store.put_trace(made, {})
    assert store.remember(made, key) == key
    assert store.recall(made).version == key  # type: ignore[union-attr]
    assert store.trace(made) == {}


def test_a_checkpoint_is_passed_over_for_the_one_before(store: Store, cut: Callable[[bytes], bytes]) -> None:
    states = store.checkpoints("ab" * 32)
    states.save(1, {"w": 1})
    states.save(2, {"w": 2})
    damage(store.backend, store.backend.list("checkpoints")[-1], cut)
    assert states.latest().step == 1  # type: ignore[union-attr]
    states.save(2, {"w": 2})
    assert states.latest().state == {"w": 2}  # type: ignore[union-attr]


def test_a_signature_vouches_for_nothing_until_it_is_made_again(cut: Callable[[bytes], bytes]) -> None:
    plain, ada = open_backend("memory://"), Signer(Ed25519PrivateKey.from_private_bytes(b"a" * 32))
    signed = Store(Signed(plain, ada, {ada.key_id: ada.key.public_key()}))
    manifest = Manifest(ASSET, MONTH, signed.put(1))
    key = signed.commit(manifest)
    (signature,) = plain.list("signatures")
    damage(plain, signature, cut)
    with pytest.raises(Untrusted):
        signed.manifest(key)
    assert signed.commit(manifest) == key
    assert signed.load(key) == 1


def test_a_collection_is_refused_while_what_is_held_cannot_be_told(store: Store, cut: Callable[[bytes], bytes]) -> None:
    content = store.put({"seen": [1, 2, 3]})
    store.hold(content)
    (held,) = store.backend.list("held")
    damage(store.backend, held, cut)
    with pytest.raises(CorruptBlob):
        store.held()
    Store(store.backend).hold(content)
    assert Store(store.backend).held() == [content]


def test_a_plan_of_a_collection_says_no_more_why_and_what_is_in_the_trash_is_found(
    store: Store, cut: Callable[[bytes], bytes]
) -> None:
    key, backend = publish(store, {"a": [1, 2, 3]}), store.backend
    (blob,) = store.manifest(key).content.files
    collector = Collector(backend, lambda now: Decision(set(), {key: "a rule"}, {key: [blob.digest]}), "ada", grace=0)
    assert collector.collect().moved.objects == 1
    assert store.gone()[key].rule == "a rule"
    for part in ("plan", "moved"):
        damage(backend, f"collections/0000000001/{part}.json", cut)
    assert store.gone() == {}
    assert Store(backend).load(key) == {"a": [1, 2, 3]}
    damage(backend, f"trash/0000000001/{blob.digest}", cut)
    with pytest.raises(CorruptBlob):
        Store(backend).load(key)
    Store(backend).put({"a": [1, 2, 3]})
    assert Store(backend).load(key) == {"a": [1, 2, 3]}
    assert collector.collect().deleted.objects == 1
    assert [part.rpartition("/")[2] for part in backend.list("collections")][1:3] == ["ended.json", "moved.json"]


def test_a_version_without_its_manifest_is_unknown(store: Store) -> None:
    key = publish(store, 1)
    store.backend.delete(version_key(key))
    with pytest.raises(UnknownVersion):
        store.load(key)
    publish(store, 2)


def test_an_entry_in_the_middle_that_is_gone_is_said(store: Store) -> None:
    for i in range(3):
        publish(store, i)
    store.backend.delete(f"{REF}/0000000002.json")
    with pytest.raises(MissingBlob):
        store.log(ASSET, MONTH)


@given(st.text(max_size=20), st.integers(0, 200), st.integers(0, 8))
def test_the_beginning_of_an_entry_is_unfinished_and_the_whole_is_not(why: str, end: int, zeros: int) -> None:
    entry = sealed({"n": 1, "details": {}, "target": {"asset": "a"}, "why": why.encode(errors="ignore").decode()})
    assert not is_unfinished(entry)
    assert is_unfinished(entry[: min(end, len(entry) - 1)] + bytes(zeros)) or why.count("{") != why.count("}")


@pytest.mark.parametrize("data", [b"x", b"[1", b"null", canonical({"a": 1}) + b"x", b'{"a":1{}}'])
def test_bytes_that_were_no_such_entry_are_changed_ones_not_unfinished_ones(data: bytes) -> None:
    assert not is_unfinished(data) or data.startswith(b'{"a":1}')


def test_the_table_of_the_documentation_has_a_row_for_each_folder() -> None:
    table = TEXT.split("## After a power cut")[1].split("\n## ")[0]
    layout = TEXT.split("## Layout")[1].split("```")[1]
    folders = {line.split("/")[0] for line in re.findall(r"^(\w+)/", layout, re.M)} | {"store.json", "probe.json"}
    assert folders == {
        name.rstrip("/")
        for row in re.findall(r"^\| (`.+?) \|", table, re.M)
        for name in re.findall(r"`([\w.]+/?)", row)
    }
