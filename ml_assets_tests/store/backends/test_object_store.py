"""What networks and busy servers do to each operation: it succeeds in the end, or is one error within a stated time."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from ml_assets.errors import CorruptBlob, OutcomeUnknown, RefMoved, StoreUnreachable
from ml_assets.store import Manifest, RefEntry, Store, open_backend
from ml_assets.store.backends.backend import PIECE, Place, create
from ml_assets.store.backends.faults import meaning
from ml_assets_tests.doubles.faulty import (
    FOR_EVER,
    Effect,
    Fault,
    Faulty,
    corrupted,
    faulty,
    late,
    reset,
    reset_after,
    stalled,
    status,
    truncated,
)
from ml_assets_tests.doubles.hourglass import Hourglass
from ml_assets_tests.doubles.s3 import BUCKET, create_bucket

PASSING: dict[str, Effect] = {
    "late": late(0.02),
    "reset before": reset,
    "reset after": reset_after,
    "truncated": truncated,
    "503": status(503, "SlowDown"),
    "500 after": status(500, "InternalError", after=True),
    "429": status(429, "TooManyRequests"),
    "request timeout": status(400, "RequestTimeout"),
    "conflict": status(409, "ConditionalRequestConflict"),
}
NEVER_OF = {"request timeout": "(?!HEAD)"}  # its reply has no body to say so
OPERATIONS: dict[str, Callable[[Place, Path], Any]] = {
    "put_new": lambda backend, path: create(backend, "f/new", b"new"),
    "put_file": lambda backend, path: backend.put_file("f/file", path),
    "replace": lambda backend, path: backend.replace("f/a", b"0123456789"),
    "get": lambda backend, path: backend.get("f/a"),
    "stream": lambda backend, path: b"".join(backend.stream("f/a") or ()),
    "list": lambda backend, path: backend.list("f"),
    "entry": lambda backend, path: backend.entry("f/a") is not None,
    "delete": lambda backend, path: backend.delete("f/b"),
}
WRITES = ("put_new", "put_file", "replace", "delete")
ANSWERS = {"get": b"0123456789", "stream": b"0123456789", "list": ["f/a", "f/b"], "entry": True}


@pytest.fixture
def server(moto: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    create_bucket(moto)
    with faulty(moto["AWS_ENDPOINT_URL"]) as server:
        for name, value in {**moto, "AWS_ENDPOINT_URL": server.url}.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def glass() -> Hourglass:
    return Hourglass()


@pytest.fixture
def backend(server: Faulty, glass: Hourglass) -> Place:
    backend = open_backend(f"s3://{BUCKET}/{uuid.uuid4().hex}", glass.patience())
    backend.put_new("f/a", b"0123456789")
    backend.put_new("f/b", b"b")
    server.requests.clear()
    return backend


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"large")
    return tmp_path / "file"


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("fault", PASSING)
def test_a_blip_is_not_noticed(fault: str, operation: str, backend: Place, server: Faulty, file: Path) -> None:
    server.faults.append(Fault(NEVER_OF.get(fault, ".*"), PASSING[fault], times=2))
    assert OPERATIONS[operation](backend, file) == ANSWERS.get(operation)
    written = {"put_new": "f/new", "put_file": "f/file"}
    if operation in written:
        assert backend.get(written[operation]) in (b"new", b"large")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_server_that_is_down_is_given_up_after_the_stated_time(
    operation: str, backend: Place, server: Faulty, glass: Hourglass, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_assets.store.backends.object_store.PART_RETRIES", 0)
    server.faults.append(Fault(".*", reset, times=FOR_EVER))
    with pytest.raises(
        StoreUnreachable, match=r"^Cannot .*: the connection broke\. It was given up after 2\d tries over 4 m"
    ) as gave_up:
        OPERATIONS[operation](backend, file)
    assert (type(gave_up.value) is OutcomeUnknown) == (operation in WRITES)
    assert 285 <= glass.now <= 300


def test_a_server_that_refuses_connections_for_a_while_is_waited_for(
    backend: Place, server: Faulty, glass: Hourglass
) -> None:
    server.stop_listening()
    glass.meanwhile = lambda: server.listen() if glass.now > 20 else None
    assert backend.put_new("f/new", b"x")
    assert 20 < glass.now < 60


def test_one_that_never_answered_is_given_up_sooner(server: Faulty, glass: Hourglass) -> None:
    server.stop_listening()
    with pytest.raises(
        StoreUnreachable, match=r"^Cannot read s3://b/k: it refuses connections\. It was given up after \d+ t"
    ):
        open_backend("s3://b", glass.patience()).get("k")
    assert glass.now <= 30


def test_who_is_in_a_hurry_gives_up_sooner_and_shares_what_is_known(
    backend: Place, server: Faulty, glass: Hourglass
) -> None:
    server.faults.append(Fault(".*", reset, times=FOR_EVER))
    with pytest.raises(StoreUnreachable):
        backend.within(10).get("f/a")
    assert glass.now <= 10


def test_a_reply_that_never_comes_is_given_up_and_asked_for_again(
    backend: Place, server: Faulty, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ml_assets.store.backends.object_store.SILENCE", timedelta(seconds=1))
    hurt = open_backend(backend.url, backend.patience)  # type: ignore[attr-defined]
    until = threading.Event()
    server.faults.append(Fault("GET", stalled(until)))
    assert hurt.get("f/a") == b"0123456789"
    until.set()
    assert len(server.requests) == 2


def test_a_stalled_write_is_given_up_too(backend: Place, server: Faulty, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ml_assets.store.backends.object_store.MINUTE", timedelta(milliseconds=200))
    hurt = open_backend(backend.url, backend.patience)  # type: ignore[attr-defined]
    until = threading.Event()
    server.faults.append(Fault("PUT", stalled(until)))
    assert hurt.put_new("f/new", b"x")
    until.set()


def test_a_publish_survives_any_reply_that_is_lost(server: Faulty, glass: Hourglass) -> None:
    """Every single request of it in turn."""
    url, requests = f"s3://{BUCKET}/{uuid.uuid4().hex}", 1
    store = Store(open_backend(url, glass.patience()))
    store.put(0)
    for i in range(1, 50):
        server.requests.clear()
        server.faults[:] = [Fault(".*", reset_after, spared=i - 1)]
        key, entry = store.publish(Manifest("a/model", None, store.put({"i": i}), run="41aa"), why=str(i))
        assert (entry.n, store.head("a/model", None)) == (i, entry)  # type: ignore[union-attr]
        assert store.verify(key) == []
        requests = len(server.requests)
        if i > requests:
            break
    assert 8 < i < 49, "each request was hit once"


class TestOutcomes:
    """Of a move: it landed, it did not, or nobody said which; then nothing is taken back, and the next try finds out."""

    @pytest.fixture
    def store(self, server: Faulty, glass: Hourglass) -> Store:
        store = Store(open_backend(f"s3://{BUCKET}/{uuid.uuid4().hex}", glass.patience()), user="ada")
        self.publish(store, 1)
        server.requests.clear()
        return store

    @staticmethod
    def publish(store: Store, value: int) -> RefEntry | None:
        return store.publish(Manifest("a/model", None, store.put(value)), why=str(value))[1]

    def test_it_landed_whose_reply_was_lost(self, store: Store, server: Faulty) -> None:
        server.faults.append(Fault("PUT .*refs/", reset_after))
        assert self.publish(store, 2) == store.head("a/model", None)

    def test_it_did_not(self, store: Store, server: Faulty) -> None:
        server.faults.append(Fault("PUT .*refs/", status(403, "AccessDenied"), times=FOR_EVER))
        with pytest.raises(StoreUnreachable, match=r"access is denied .*Nothing was changed\.$") as refused:
            self.publish(store, 2)
        assert type(refused.value) is StoreUnreachable
        assert [entry.n for entry in store.log("a/model", None)] == [1]

    @pytest.mark.parametrize("was_done", [True, False], ids=["it was done", "it was not"])
    @pytest.mark.parametrize("then", ["silence", "refusal"])
    def test_it_is_not_known_and_the_next_try_finds_out(
        self, store: Store, server: Faulty, was_done: bool, then: str
    ) -> None:
        end = reset if then == "silence" else status(400, "ExpiredToken")
        server.faults.append(Fault("PUT .*refs/", reset_after if was_done else reset))
        server.faults.append(Fault("PUT .*refs/", end, times=FOR_EVER))
        with pytest.raises(OutcomeUnknown, match="Whether it was done is not known: doing it again is safe"):
            self.publish(store, 2)
        assert not [request for request in server.requests if request.startswith("DELETE")]
        server.faults.clear()
        assert [entry.n for entry in store.log("a/model", None)] == ([1, 2] if was_done else [1])
        assert self.publish(store, 2) == store.head("a/model", None)
        assert [entry.why for entry in store.log("a/model", None)] == ["1", "2"]

    def test_nor_is_it_where_the_key_is_taken_and_cannot_be_read(self, store: Store, server: Faulty) -> None:
        server.faults.append(Fault("PUT .*refs/", reset_after))
        server.faults.append(Fault(r"GET .*refs/.*/0000000002\.json", status(400, "ExpiredToken")))
        with pytest.raises(OutcomeUnknown, match=r"was to be created\. Whether it was done is not known"):
            self.publish(store, 2)
        assert [entry.n for entry in store.log("a/model", None)] == [1, 2]

    def test_who_moves_from_an_entry_is_told_that_it_was_himself(self, store: Store, server: Faulty) -> None:
        key = store.commit(Manifest("a/model", None, store.put(2)))
        server.faults.append(Fault("PUT .*refs/", reset_after))
        server.faults.append(Fault("PUT .*refs/", reset, times=FOR_EVER))
        with pytest.raises(OutcomeUnknown):
            store.move("a/model", None, key, expected=1, why="x")
        server.faults.clear()
        with pytest.raises(RefMoved, match=rf"at entry 2, {key} by ada"):
            store.move("a/model", None, key, expected=1, why="x")


class TestCorruptedBodies:
    """What was changed on its way is found as what was changed where it lies: before anything of it is used."""

    @pytest.mark.parametrize("folder", ["blobs", "versions", "refs"])
    def test_one_is_an_error_and_the_next_try_succeeds(self, folder: str, server: Faulty, glass: Hourglass) -> None:
        store = Store(open_backend(f"s3://{BUCKET}/{uuid.uuid4().hex}", glass.patience()))
        store.publish(Manifest("a/model", None, store.put({"i": 1})), why="x")
        server.faults.append(Fault(rf"GET .*/{folder}/", corrupted))
        with pytest.raises(CorruptBlob):
            store.load(store.head("a/model", None).target)  # type: ignore[union-attr]
        assert store.load(store.head("a/model", None).target) == {"i": 1}  # type: ignore[union-attr]


class TestListing:
    """A listing that is answered 200 with an error in its body reads as empty."""

    lie = staticmethod(status(200, "InternalError"))

    def test_it_is_not_believed_once(self, backend: Place, server: Faulty) -> None:
        server.faults.append(Fault(r"GET .*list-type", self.lie))
        assert backend.list("f") == ["f/a", "f/b"]

    @pytest.mark.parametrize("lies", [2, 3, 5])
    def test_nor_while_all_listings_fail(self, backend: Place, server: Faulty, lies: int) -> None:
        backend.put_new("store.json", b"{}")
        server.faults.append(Fault(r"GET .*list-type", self.lie, times=lies))
        assert backend.list("f") == ["f/a", "f/b"]

    def test_nor_for_ever(self, backend: Place, server: Faulty) -> None:
        backend.put_new("store.json", b"{}")
        server.faults.append(Fault(r"GET .*list-type", self.lie, times=FOR_EVER))
        with pytest.raises(StoreUnreachable, match="a listing says that nothing is there, although something is"):
            backend.list("f")

    def test_nor_as_the_end_of_a_long_one(
        self, backend: Place, server: Faulty, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("ml_assets.store.backends.listing.PAGE", 1)  # of which there seem to be full ones only
        server.faults.append(Fault(r"GET .*list-type", _first_page_of(1)))
        assert backend.list("f") == ["f/a", "f/b"]

    @pytest.mark.parametrize("other", ["a/1", "z/1", ""], ids=["others before", "others after", "nothing else"])
    def test_a_folder_that_is_empty_is_empty(self, server: Faulty, other: str, glass: Hourglass) -> None:
        backend = open_backend(f"s3://{BUCKET}/{uuid.uuid4().hex}", glass.patience())
        if other:
            backend.put_new(other, b"x")
        assert backend.list("f") == []
        assert glass.slept == []


REFUSALS = {
    "no bucket": (status(404, "NoSuchBucket"), r"the bucket does not exist \(404 NoSuchBucket\)\. Make it"),
    "denied": (status(403, "AccessDenied"), r"access is denied \(403 AccessDenied\)\. Let these credentials"),
    "unknown key": (status(403, "InvalidAccessKeyId"), r"the access key is not known there .*Mend AWS_ACCESS_KEY_ID"),
    "wrong secret": (status(403, "SignatureDoesNotMatch"), r"the secret key is wrong .*Mend AWS_SECRET_ACCESS_KEY"),
    "expired": (status(400, "ExpiredToken"), r"the credentials have expired .*Get new ones"),
    "clock": (status(403, "RequestTimeTooSkewed"), r"the clock of this machine is wrong"),
    "region": (status(301, "PermanentRedirect"), r"the bucket is in another region"),
    "unauthenticated": (status(401, "Whatever"), r"the server refuses it \(401 Whatever\)\. Check the address"),
    "other": (status(400, "InvalidRequest"), r"the server refuses it \(400 InvalidRequest\)"),
}


@pytest.mark.parametrize(
    ("refusal", "operation"),
    [
        *((refusal, "get") for refusal in REFUSALS),
        *(("denied", of) for of in ("put_new", "list", "delete", "put_file")),
    ],
)
def test_a_refusal_is_an_error_at_once_whose_first_sentence_says_why(
    refusal: str, operation: str, backend: Place, server: Faulty, glass: Hourglass, file: Path
) -> None:
    effect, sentence = REFUSALS[refusal]
    server.faults.append(Fault(".*", effect, times=FOR_EVER))
    with pytest.raises(StoreUnreachable, match=rf"^Cannot \w+ {backend.url}/[\w/]+: {sentence}") as refused:
        OPERATIONS[operation](backend, file)
    assert glass.slept == []
    assert "<" not in str(refused.value)
    assert len(str(refused.value)) < 260


@pytest.mark.parametrize(
    ("cloud", "remedy"),
    [
        ("S3", "AWS_PROFILE"),
        ("GCS", "GOOGLE_APPLICATION_CREDENTIALS"),
        ("MicrosoftAzure", "AZURE_STORAGE_ACCOUNT_NAME"),
    ],
)
def test_who_has_no_credentials_is_told_how_one_says_them_there(cloud: str, remedy: str) -> None:
    found = meaning(OSError(f"Generic {cloud} error: Error performing GET http://169.254.169.254/latest"))
    assert found.what == "no credentials were found"
    assert remedy in found.remedy


@pytest.mark.parametrize("operation", ["get", "stream"])
def test_an_error_in_the_body_of_a_reply_that_says_200_is_not_the_object(
    operation: str, backend: Place, server: Faulty, file: Path
) -> None:
    server.faults.append(Fault("GET", status(200, "InternalError"), times=2))
    assert OPERATIONS[operation](backend, file) == b"0123456789"


@pytest.mark.parametrize("operation", ["stream", "entry"])
def test_a_bucket_that_is_missing_is_no_missing_key(operation: str, backend: Place, server: Faulty, file: Path) -> None:
    server.faults.append(Fault(".*", status(404, "NoSuchBucket"), times=FOR_EVER))
    with pytest.raises(StoreUnreachable, match="the bucket does not exist"):
        OPERATIONS[operation](backend, file)


@pytest.mark.parametrize("operation", ["get", "stream", "entry"])
def test_a_missing_key_is_none(operation: str, backend: Place) -> None:
    assert getattr(backend, operation)("f/nothing") is None


def test_a_large_blob_that_breaks_off_costs_a_piece(backend: Place, server: Faulty) -> None:
    data = bytes(range(256)) * (PIECE // 256) + b"the rest"
    backend.put_new("f/large", data)
    server.requests.clear()
    server.faults.append(Fault("GET", truncated, spared=1))
    assert b"".join(backend.stream("f/large") or ()) == data
    assert [request.partition(" ")[0] for request in server.requests] == ["HEAD", "GET", "GET", "GET"]


def _first_page_of(keys: int) -> Effect:
    """A listing that has so many keys and says that it is complete."""

    def effect(answer: Callable[[], Any]) -> Any:
        reply = answer()
        items = reply.body.split(b"<Contents>")
        closing = items[-1].split(b"</Contents>")[1]
        return reply._replace(body=b"<Contents>".join(items[: keys + 1]) + (closing if keys + 1 < len(items) else b""))

    return effect
