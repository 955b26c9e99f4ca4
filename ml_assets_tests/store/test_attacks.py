"""What somebody who can write to a store may try: it is refused, with one error of ours, before any code of an artifact runs.

Each attack changes a copy of a store that is whole. What it would let run is a module that leaves a file ``harmed`` when it is
imported, and a class of it that does so when it is built: neither may happen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import struct
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ml_assets.errors import (
    CorruptBlob,
    InvalidKey,
    MissingBlob,
    StoreError,
    UnknownVersion,
    UnreadableContent,
    Untrusted,
)
from ml_assets.store import Content, File, Manifest, Store, Verification, VersionKey, digest
from ml_assets.store.backends.backend import DOCUMENT
from ml_assets.store.backends.local import LocalBackend
from ml_assets.store.backends.signatures import Signer
from ml_assets.store.backends.signed import Signed
from ml_assets.store.canonical import canonical, parse, sealed
from ml_assets.store.collecting.collection import Collector, Decision
from ml_assets.store.keys import blob_key, version_key

ASSET = "p/notes"
REF = f"refs/main/{ASSET}/1"
OF_A_RUN = f"runs/r1/{ASSET}/1"
TRAP = "a_module_nobody_imports"
HARM = """
from pathlib import Path
Path("harmed").touch()
class Trap:
    def __init__(self, *args, **named): Path("harmed").touch()
    def __setstate__(self, state): Path("harmed").touch()
"""
KEY = "ab" * 32
ADA, EVE = (Signer(Ed25519PrivateKey.from_private_bytes(letter * 32)) for letter in (b"a", b"e"))
TRUSTED = {ADA.key_id: ADA.key.public_key()}
DEEP = b'{"a":' * 600 + b"1" + b"}" * 600


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of everything, signed by Ada."""
    root = tmp_path_factory.mktemp("attacked") / "store"
    store = Store(Signed(LocalBackend(root), ADA), user="ada")
    code = {"source": store.put_source({"a.py": b"x = 1"})}
    code["computation"] = {"key": KEY, "code": store.put_code({"a:f": "def f(): ..."})}  # type: ignore[assignment]
    environment = store.put_environment({"numpy": "2"})
    for value in ("first", "second"):
        manifest = Manifest(ASSET, "1", store.put(value), code=code, environment=environment, run="r1", by="ada")
        key, _ = store.publish(manifest, why=value)
    store.remember(KEY, key)
    store.put_trace("cd" * 32, {})
    store.checkpoints(KEY).save(1, {"loss": 0.5})
    store.publish(Manifest("p/other", "1", store.put("other")), why="another log")
    store.hold(store.put("held"))
    return root


class World:
    """The attacked store, by those who read it and by who attacks."""

    def __init__(self, root: Path) -> None:
        self.root, self.plain = root, LocalBackend(root)
        self.store, self.attacker = Store(self.plain, user="ada"), Store(LocalBackend(root), user="eve")
        self.trusting = Store(Signed(LocalBackend(root), None, TRUSTED), user="ada")

    @property
    def head(self) -> VersionKey:
        return VersionKey(**parse(self.bytes(f"{REF}/0000000002.json"))["target"])

    @property
    def blob(self) -> str:
        return blob_key(self.attacker.manifest(self.head).content.files[0].digest)

    def bytes(self, key: str) -> bytes:
        return (self.root / key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        (self.root / key).parent.mkdir(parents=True, exist_ok=True)
        (self.root / key).write_bytes(data)

    def only(self, folder: str) -> str:
        return min(self.plain.list(folder))

    def craft(self, codec: Any, files: dict[str, bytes], meta: Any = None, listed: Any = None) -> None:
        """Name a content that is intact, and not what a codec writes."""
        told = [{"path": path, "digest": digest(data), "size": len(data)} for path, data in sorted(files.items())]
        for data in files.values():
            self.plain.put_new(blob_key(digest(data)), data)
        self.forge(content={"codec": codec, "files": listed or told, "meta": {} if meta is None else meta})

    def forge(self, **fields: Any) -> None:
        """Name a manifest with other fields, whose digests and seals are all in order."""
        told = {**parse(self.bytes(version_key(self.head))), **fields}
        self.name(self.put_manifest(json.dumps(told).encode()))

    def put_manifest(self, data: bytes) -> VersionKey:
        key = VersionKey(ASSET, "1", digest(data))
        self.write(version_key(key), data)
        return key

    def name(self, key: VersionKey, n: int = 3, **changed: Any) -> None:
        entry = {"n": n, "target": {"asset": key.asset, "partition": key.partition, "version": key.version}, "by": "eve",
                 "why": "", "at": "", "run": None, "details": {}, "token": "t", **changed}  # fmt: skip
        self.write(f"{REF}/{n:010d}.json", sealed(entry))


@pytest.fixture
def world(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    shutil.copytree(whole, tmp_path / "store")
    (tmp_path / f"{TRAP}.py").write_text(HARM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    yield World(tmp_path / "store")
    assert not Path("harmed").exists()
    assert TRAP not in sys.modules


# ------------------------------------------------------------ what is done with a store


def load(world: World) -> Any:
    head = world.store.head(ASSET, "1")
    assert head is not None
    return world.store.load(head.target)


def read_trusting(world: World) -> Any:
    head = world.trusting.head(ASSET, "1")
    assert head is not None
    return world.trusting.load(head.target)


def log(world: World) -> Any:
    return world.store.log(ASSET, "1")


def of_head(read: str, what: Callable[[Manifest], str]) -> Callable[[World], Any]:
    return lambda world: getattr(world.store, read)(what(world.store.manifest(world.head)))


environment = of_head("environment", lambda manifest: str(manifest.environment))
code = of_head("code", lambda manifest: manifest.code["computation"]["code"])
source = of_head("source", lambda manifest: manifest.code["source"])


def recall(world: World) -> Any:
    """Whether a computation is done again."""
    found = world.store.recall(KEY)
    return None if found is None or found.damage else found


def trace(world: World) -> Any:
    return world.store.trace("cd" * 32)


def checkpoint(world: World) -> Any:
    found = world.store.checkpoints(KEY).latest()
    return found and found.state


def why_gone(world: World) -> Any:
    return world.store.gone() or None


def collect(world: World) -> Any:
    later = time.time() + 10**6
    for path in world.root.rglob("*"):
        os.utime(path, (later - 10**6, later - 10**6), follow_symlinks=False)
    return Collector(world.plain, lambda now: Decision(set()), "ada", grace=0).collect()


def write(world: World) -> Any:
    return world.store.publish(Manifest(ASSET, "1", world.store.put("third")), why="a test")


# ------------------------------------------------------------ attacks


def flip(find: Callable[[World], str]) -> Callable[[World], None]:
    def attack(world: World) -> None:
        key = find(world)
        data = bytearray(world.bytes(key))
        data[len(data) // 2] ^= 1
        world.write(key, bytes(data))

    return attack


def replaced(find: Callable[[World], str], data: bytes) -> Callable[[World], None]:
    return lambda world: world.write(find(world), data)


def oversized(find: Callable[[World], str]) -> Callable[[World], None]:
    """More bytes than any of ours; a hole in the file, which takes no room."""

    def attack(world: World) -> None:
        world.write(find(world), b"{")
        os.truncate(world.root / find(world), DOCUMENT + 1)

    return attack


def first_of(folder: str) -> Callable[[World], str]:
    return lambda world: world.only(folder)


def manifest_at(world: World) -> str:
    return version_key(world.head)


def blob_at(world: World) -> str:
    return world.blob


def entry_at(n: int) -> Callable[[World], str]:
    return lambda world: f"{REF}/{n:010d}.json"


def document(field: str, data: bytes) -> Callable[[World], None]:
    """A manifest that names an environment, code or source of these bytes, all under their digests."""

    def attack(world: World) -> None:
        found = digest(data)
        told = parse(world.bytes(version_key(world.head)))
        folder = {"environment": "environments", "code": "code", "source": "sources"}[field]
        world.write(f"{folder}/{found}.json", data)
        if field == "environment":
            told["environment"] = found
        elif field == "source":
            told["code"]["source"] = found
        else:
            told["code"]["computation"]["code"] = found
        world.forge(**told)

    return attack


def swap_blobs(world: World) -> None:
    one, other = world.blob, next(key for key in world.plain.list("blobs") if key != world.blob)
    first, second = world.bytes(one), world.bytes(other)
    world.write(one, second)
    world.write(other, first)


def put_another_valid_blob(world: World) -> None:
    world.write(world.blob, b'"poisoned"')


def add_a_file(world: World) -> None:
    told = parse(world.bytes(manifest_at(world)))
    told["content"]["files"].append({"path": "run.py", "digest": digest(HARM.encode()), "size": len(HARM)})
    world.write(manifest_at(world), canonical(told))


def copy_manifest(world: World) -> None:
    key = VersionKey("p/other", "1", world.head.version)
    world.write(version_key(key), world.bytes(version_key(world.head)))
    world.name(key)


def copy_entry(world: World) -> None:
    world.write(f"{REF}/0000000003.json", world.bytes(f"{REF}/0000000001.json"))


def copy_entry_of_another_log(world: World) -> None:
    world.write(f"{REF}/0000000001.json", world.bytes("refs/main/p/other/1/0000000001.json"))
    (world.root / f"{REF}/0000000002.json").unlink()


def copy_signature(world: World) -> None:
    """A manifest of Eve's, under a signature of Ada's for something else."""
    world.forge(notes={"by": "eve"})
    forged = max(world.root.joinpath("versions").rglob("*.json"), key=lambda path: path.stat().st_mtime_ns)
    theirs = (world.root / "signatures" / digest(forged.read_bytes()) / ADA.key_id).with_suffix(".json")
    theirs.parent.mkdir(parents=True)
    shutil.copy(world.root / world.only("signatures"), theirs)
    Signed(world.plain, EVE).sign(f"{REF}/0000000003.json", world.bytes(f"{REF}/0000000003.json"))


def forge_signed_by_a_stranger(world: World) -> None:
    eve = Store(Signed(LocalBackend(world.root), EVE), user="eve")
    eve.publish(Manifest(ASSET, "1", eve.put("poisoned")), why="forged")


def link(find: Callable[[World], str]) -> Callable[[World], None]:
    """What lies there lies outside now, and a link leads to it."""

    def attack(world: World) -> None:
        at = world.root / find(world)
        outside = world.root.parent / "outside"
        at.rename(outside)
        at.symlink_to(outside)

    return attack


def safetensors(header: Any, data: bytes = bytes(8)) -> bytes:
    told = json.dumps(header).encode()
    return struct.pack("<Q", len(told)) + told + data


def tensors(header: Any, data: bytes = bytes(8)) -> Callable[[World], None]:
    return lambda world: world.craft("tensors", {"tensors.safetensors": safetensors(header, data)})


def tensor(**changed: Any) -> Any:
    return {"w": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changed}}


def of_class(codec: str, file: str) -> Callable[[World], None]:
    return lambda world: world.craft(codec, {file: b"{}"}, {"class": f"{TRAP}.Trap"})


def remembered(fact: Any) -> Callable[[World], None]:
    return lambda world: world.write(f"computations/{KEY}.json", sealed(fact))


def poison_memory(world: World) -> None:
    """A memory that stands for a version which came of another computation."""
    made = world.attacker.commit(
        Manifest(ASSET, "1", world.attacker.put("poisoned"), code={"computation": {"key": "0" * 64}})
    )
    remembered({"version": {"asset": made.asset, "partition": made.partition, "version": made.version}})(world)


def state(header: Any) -> Callable[[World], None]:
    """A checkpoint of these bytes, under their digest, newer than the one there is."""

    def attack(world: World) -> None:
        shutil.rmtree(world.root / "checkpoints")
        told = canonical(header) if not isinstance(header, bytes) else header
        data = struct.pack("<Q", len(told)) + told
        world.write(f"checkpoints/{KEY}/000000000009-{digest(data)}", data)

    return attack


def header(**changed: Any) -> Any:
    facts = {"step": 9, "interruptions": 0}
    return {"facts": facts, "tensors": False, "sizes": [], "state": {"loss": 0.0}, **changed}


def planned(plan: Any) -> Callable[[World], None]:
    def attack(world: World) -> None:
        for part in ("begun", "plan"):
            world.write(f"collections/0000000001/{part}.json", sealed(plan))

    return attack


class Attack(NamedTuple):
    do: Callable[[World], object]
    then: Callable[[World], Any]
    error: type[StoreError] | None
    """None: nothing of it is used."""
    says: str = ""


CHANGED = "reads back as|was changed"
GROUP = {"asset": ASSET, "partition": "1", "rule": "r", "versions": []}
ATTACKS = {
    # bytes that changed
    "a bit of a blob": Attack(flip(blob_at), load, CorruptBlob, CHANGED),
    "a bit of a manifest": Attack(flip(manifest_at), load, CorruptBlob, CHANGED),
    "a bit of the newest entry": Attack(flip(entry_at(2)), load, CorruptBlob, CHANGED),
    "a bit of an older entry": Attack(flip(entry_at(1)), log, CorruptBlob, CHANGED),
    "a bit of an environment": Attack(flip(first_of("environments")), environment, CorruptBlob, CHANGED),
    "a bit of code": Attack(flip(first_of("code")), code, CorruptBlob, CHANGED),
    "a bit of a list of sources": Attack(flip(first_of("sources")), source, CorruptBlob, CHANGED),
    "a bit of what is held": Attack(flip(first_of("held")), lambda world: world.store.held(), CorruptBlob, CHANGED),
    "a bit of a memory": Attack(flip(first_of("computations")), recall, None),
    "a bit of a trace": Attack(flip(first_of("traces")), trace, None),
    "a bit of a checkpoint": Attack(flip(first_of("checkpoints")), checkpoint, None),
    "two blobs swapped": Attack(swap_blobs, load, CorruptBlob, CHANGED),
    "another valid blob": Attack(put_another_valid_blob, load, CorruptBlob, CHANGED),
    # formats and codecs
    "a store of an older format": Attack(
        replaced(lambda world: "store.json", b'{"format":0}'), load, UnreadableContent, "format 1"
    ),
    "a manifest of an older format": Attack(lambda world: world.forge(format=0), load, UnreadableContent, "format 1"),
    "an unknown codec": Attack(
        lambda world: world.craft("pickle", {"value.pkl": b"x"}), load, UnreadableContent, "codec 'pickle'"
    ),
    "a codec of an older format": Attack(
        lambda world: world.craft("json-0", {"value.json": b"1"}), load, UnreadableContent, "codec 'json-0'"
    ),
    "a codec that is no name": Attack(
        lambda world: world.craft(["json"], {}), load, UnreadableContent, "codec of a Content is a list"
    ),
    "an unknown field of a manifest": Attack(
        lambda world: world.forge(run_this=f"{TRAP}.Trap"), load, UnreadableContent, "run_this"
    ),
    # contents
    "a file twice in a content": Attack(
        lambda world: world.craft("json", {}, listed=2 * [{"path": "value.json", "digest": "0" * 64, "size": 1}]),
        load,
        UnreadableContent,
        "a file twice",
    ),
    "a file added to a content": Attack(add_a_file, load, CorruptBlob, CHANGED),
    "a file of a folder above it": Attack(
        lambda world: world.craft("folder", {"../x": b"x"}), load, UnreadableContent, "leads out of the folder"
    ),
    "a file with an absolute path": Attack(
        lambda world: world.craft("folder", {"/etc/x": b"x"}), load, UnreadableContent, "leads out of the folder"
    ),
    "a path that is no text": Attack(
        lambda world: world.craft("json", {}, listed=[{"path": 1, "digest": "0" * 64, "size": 1}]),
        load,
        UnreadableContent,
        "path of a File",
    ),
    "a digest that is a path": Attack(
        lambda world: world.craft("json", {}, listed=[{"path": "value.json", "digest": "../../x", "size": 1}]),
        load,
        UnreadableContent,
        "without a digest",
    ),
    "a size below nothing": Attack(
        lambda world: world.craft("json", {}, listed=[{"path": "value.json", "digest": "0" * 64, "size": -1}]),
        load,
        UnreadableContent,
        "size that it cannot have",
    ),
    "a size that is huge": Attack(
        lambda world: world.craft(
            "json", {"value.json": b"1"}, listed=[{"path": "value.json", "digest": digest(b"1"), "size": 1 << 60}]
        ),
        load,
        UnreadableContent,
        "that was written by something else",
    ),
    "a blob larger than is said": Attack(oversized(blob_at), load, CorruptBlob, "where at most"),
    # names
    "an asset whose name is a path": Attack(
        lambda world: world.name(VersionKey("../../x", "1", "0" * 64)), load, UnknownVersion, "There is no version"
    ),
    "a version that is a path": Attack(
        lambda world: world.name(VersionKey(ASSET, "1", "../../../x")), load, InvalidKey, "is no version"
    ),
    "a source outside of its folder": Attack(
        document("source", canonical({"../a.py": "0" * 64})),
        lambda world: world.store.source(digest(canonical({"../a.py": "0" * 64}))),
        UnreadableContent,
        "lies outside",
    ),
    "a source that is a path": Attack(
        document("source", canonical({"a.py": "../../x"})),
        lambda world: world.store.source(digest(canonical({"a.py": "../../x"}))),
        UnreadableContent,
        "is no blob",
    ),
    # documents
    "an oversized manifest": Attack(oversized(manifest_at), load, CorruptBlob, "where at most"),
    "an oversized entry": Attack(oversized(entry_at(3)), load, CorruptBlob, "where at most"),
    "an oversized store.json": Attack(oversized(lambda world: "store.json"), load, CorruptBlob, "where at most"),
    "an oversized environment": Attack(oversized(first_of("environments")), environment, CorruptBlob, "where at most"),
    "an oversized memory": Attack(oversized(first_of("computations")), recall, CorruptBlob, "where at most"),
    "a manifest nested too deeply": Attack(
        lambda world: world.name(world.put_manifest(DEEP)), load, UnreadableContent, "nested too deeply"
    ),
    "a manifest nested as deeply as Python reads": Attack(
        lambda world: world.name(world.put_manifest(b"[" * 100_000)), load, UnreadableContent, "cannot be read"
    ),
    "meta nested too deeply": Attack(
        lambda world: world.craft("json", {"value.json": b"1"}, json.loads(DEEP)),
        load,
        UnreadableContent,
        "nested too deeply",
    ),
    "a value nested too deeply": Attack(
        lambda world: world.craft("json", {"value.json": DEEP}), load, UnreadableContent, "nested too deeply"
    ),
    "an entry nested too deeply": Attack(replaced(entry_at(3), DEEP), load, CorruptBlob, "was changed"),
    "a key given twice": Attack(
        lambda world: world.name(
            world.put_manifest(world.bytes(version_key(world.head)).replace(b'{"asset"', b'{"asset":"x","asset"', 1))
        ),
        load,
        UnreadableContent,
        "the same key twice",
    ),
    "fields of other types": Attack(
        lambda world: world.forge(notes=[1], by=7), load, UnreadableContent, "is a (list|int)"
    ),
    "a computation that is none": Attack(
        lambda world: world.forge(code={"computation": "x"}), load, UnreadableContent, "cannot be read"
    ),
    "an environment that is none": Attack(
        document("environment", b"no json"),
        lambda world: world.store.environment(digest(b"no json")),
        UnreadableContent,
        "not what ml_assets writes",
    ),
    "code that is no text": Attack(
        document("code", canonical({"a": 1})),
        lambda world: world.store.code(digest(canonical({"a": 1}))),
        UnreadableContent,
        "not what ml_assets writes",
    ),
    # code
    "a class of a record": Attack(
        lambda world: world.craft(
            "record", {"a/value.json": b"1"}, {"type": f"{TRAP}:Trap", "fields": {"a": {"codec": "json", "meta": {}}}}
        ),
        load,
        UnreadableContent,
        "not among the types registered",
    ),
    "a class of sparse arrays": Attack(
        lambda world: world.craft("sparse", {"data.npy": b""}, {"class": f"{TRAP}.Trap", "shape": [1, 1]}),
        load,
        UnreadableContent,
        "no sparse",
    ),
    "a class of arrow tables": Attack(of_class("arrow", "table.arrow"), load, UnreadableContent, "no table is a"),
    "meta that is no object": Attack(
        lambda world: world.craft("record", {}, [f"{TRAP}:Trap"]), load, UnreadableContent, "meta of a Content"
    ),
    # safetensors
    "tensors longer than their file": Attack(
        tensors(tensor(shape=[1 << 40], data_offsets=[0, 1 << 42])), load, UnreadableContent, "'tensors'"
    ),
    "tensors of another size than they say": Attack(tensors(tensor(shape=[3])), load, UnreadableContent, "'tensors'"),
    "tensors that overlap": Attack(
        tensors({"a": tensor()["w"], "b": tensor()["w"]}), load, UnreadableContent, "'tensors'"
    ),
    "bytes that no tensor has": Attack(tensors(tensor(), bytes(16)), load, UnreadableContent, "'tensors'"),
    "a header longer than its file": Attack(
        lambda world: world.craft("tensors", {"tensors.safetensors": struct.pack("<Q", 1 << 50)}),
        load,
        UnreadableContent,
        "'tensors'",
    ),
    # logs
    "a manifest under another name": Attack(copy_manifest, load, CorruptBlob, "copied to another name"),
    "an older entry replayed": Attack(copy_entry, load, CorruptBlob, "was changed"),
    "a number left out": Attack(lambda world: world.name(world.head, n=9), log, MissingBlob, "Entry 8 of .* is gone"),
    "the last number there is": Attack(
        lambda world: world.name(world.head, n=10**10 - 1), write, CorruptBlob, "nobody moved it so often"
    ),
    "an entry that passes over itself": Attack(
        lambda world: world.name(world.head, details={"passed_over": -1}), log, CorruptBlob, "was changed"
    ),
    "an entry that passes over all": Attack(
        lambda world: world.name(world.head, details={"passed_over": 10**12}), log, CorruptBlob, "was changed"
    ),
    "an entry of other types": Attack(
        lambda world: world.name(world.head, target={"asset": 1, "partition": [], "version": {}}),
        load,
        CorruptBlob,
        "was changed",
    ),
    # signatures
    "unsigned": Attack(lambda world: world.forge(notes={"by": "eve"}), read_trusting, Untrusted, "signed by nobody"),
    "signed by a stranger": Attack(forge_signed_by_a_stranger, read_trusting, Untrusted, "signed by nobody"),
    "an entry of another log": Attack(copy_entry_of_another_log, read_trusting, Untrusted, "signed by nobody"),
    "an entry back to an older version": Attack(
        lambda world: world.attacker.move(ASSET, "1", world.attacker.log(ASSET, "1")[0].target, expected=2, why="back"),
        read_trusting,
        Untrusted,
        "signed by nobody",
    ),
    "a signature of something else": Attack(copy_signature, read_trusting, Untrusted, "signed by nobody"),
    "an envelope nested too deeply": Attack(
        lambda world: [world.write(key, DEEP) for key in world.plain.list("signatures")],
        read_trusting,
        Untrusted,
        "signed by nobody",
    ),
    # memories, checkpoints, collections
    "a memory of another computation": Attack(poison_memory, recall, None),
    "a memory of other types": Attack(remembered({"version": f"{TRAP}.Trap"}), recall, None),
    "a memory of a path": Attack(
        remembered({"version": {"asset": "..", "partition": None, "version": "../../x"}}), recall, None
    ),
    "a memory of nothing": Attack(remembered({}), recall, None),
    "a trace of other types": Attack(
        lambda world: world.write(f"traces/{'cd' * 32}.json", sealed({"landed": {"a": {"digest": 1}}})), trace, None
    ),
    "a checkpoint of an unknown codec": Attack(
        state(header(state={"codec": "pickle", "meta": {}, "parts": {}})), checkpoint, None
    ),
    "a checkpoint of a class": Attack(
        state(header(state={"codec": "record", "meta": {"type": f"{TRAP}:Trap", "fields": {}}, "parts": {}})),
        checkpoint,
        None,
    ),
    "a checkpoint with sizes of its own": Attack(state(header(sizes=[1 << 60])), checkpoint, None),
    "a checkpoint nested too deeply": Attack(state(DEEP), checkpoint, None),
    "a checkpoint that does not say its step": Attack(state(header(facts=[1])), checkpoint, None),
    "a plan of other types": Attack(
        planned({"at": "", "by": "", "collected": [1, {**GROUP, "versions": 7}, {"asset": 1}]}), why_gone, None
    ),
    "a plan that says nothing": Attack(planned({"collected": 5}), why_gone, None),
    "a collection that is none": Attack(lambda world: world.write("collections/x/y/z.json", b"{}"), why_gone, None),
    # symbolic links
    "a blob that is a link": Attack(link(blob_at), load, UnreadableContent, "is a symbolic link"),
    "a folder of blobs that is a link": Attack(
        link(lambda world: "blobs"), load, UnreadableContent, "is a symbolic link"
    ),
    "a log that is a link": Attack(link(lambda world: REF), write, UnreadableContent, "is a symbolic link"),
    "a link for a collector to follow": Attack(
        link(lambda world: "blobs"), collect, UnreadableContent, "is a symbolic link"
    ),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_refused_before_any_of_its_code_runs(name: str, world: World) -> None:
    attack = ATTACKS[name]
    assert load(world) == read_trusting(world) == "second"
    attack.do(world)
    fresh = World(world.root)
    if attack.error is None:
        assert attack.then(fresh) is None
        return
    with pytest.raises(StoreError) as refused:
        attack.then(fresh)
    assert type(refused.value) is attack.error
    assert re.search(attack.says, str(refused.value)), str(refused.value)
    assert len(str(refused.value)) < 600


@pytest.mark.parametrize("name", ATTACKS)
def test_after_an_attack_all_of_the_store_can_still_be_verified(name: str, world: World) -> None:
    ATTACKS[name].do(world)
    for looked in Verification(Store(Signed(LocalBackend(world.root), None, TRUSTED))).everything():
        assert looked.fault is None or isinstance(looked.fault.error, StoreError)


def test_what_lies_behind_a_link_is_left_alone(world: World) -> None:
    outside = world.root.parent / "outside"
    outside.mkdir()
    (outside / "letter").write_bytes(b"dear")
    (world.root / "checkpoints" / "x").symlink_to(outside)
    (world.root / "blobs" / "ff").symlink_to(outside)
    collect(world)
    assert (outside / "letter").read_bytes() == b"dear"


def test_the_trap_would_have_been_seen(world: World) -> None:
    __import__(TRAP)
    assert Path("harmed").exists()
    Path("harmed").unlink()
    sys.modules[TRAP].Trap()
    assert Path("harmed").exists()
    Path("harmed").unlink()
    del sys.modules[TRAP]


def test_a_content_that_is_whole_is_read(world: World) -> None:
    data = b"abc"
    world.plain.put_new(blob_key(digest(data)), data)
    content = Content("folder", {}, (File("x", digest(data), 3),))
    assert world.store.get(content).read("x") == data
    with pytest.raises(UnreadableContent, match="that was written by something else"):
        world.store.get(replace(content, files=(File("x", digest(data), 4),))).read("x")
