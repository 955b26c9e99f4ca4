"""A store whose manifests and logs are signed: what nobody trusted signed is refused before anything of it is used."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ml_assets.errors import CorruptBlob, Untrusted
from ml_assets.store import Manifest, Store, Verification
from ml_assets.store.backends.local import LocalBackend, is_local
from ml_assets.store.backends.signatures import Signer
from ml_assets.store.backends.signed import Signed, is_as_named, trusted_by
from ml_assets.store.keys import ref_folder, version_key
from ml_assets_tests.doubles.backends import Counted

ADA, EVE = (Signer(Ed25519PrivateKey.from_private_bytes(letter * 32)) for letter in (b"a", b"e"))
TRUSTED = {ADA.key_id: ADA.key.public_key()}


@pytest.fixture
def plain(tmp_path) -> LocalBackend:
    """Where all of them write, as an attacker who has the keys of the bucket does."""
    return LocalBackend(tmp_path / "store")


@pytest.fixture
def ours(plain) -> Store:
    return Store(Signed(plain, ADA, TRUSTED), user="ada")


def publish(store: Store, value: int, partition: str = "1"):
    manifest = Manifest("p/notes", partition, store.put(value))
    return store.publish(manifest, why="for a test")[0]


def test_what_the_trusted_write_is_read_by_all(ours, plain):
    key = publish(ours, 1)
    ours.checkpoints("ab" * 32).save(1, {"loss": 0.5})
    for reader in (ours, Store(Signed(plain, None, TRUSTED)), Store(plain)):
        assert reader.head("p/notes", "1").target == key and reader.load(key) == 1
        assert reader.checkpoints("ab" * 32).latest().state == {"loss": 0.5}
        assert reader.at_a_glance().heads("p/notes", ["1", "2"])["1"].target == key
    assert all(looked.fault is None for looked in Verification(ours).everything())


@pytest.mark.parametrize("writer", [None, EVE], ids=["unsigned", "by a stranger"])
def test_what_others_wrote_is_refused(ours, plain, writer):
    publish(ours, 1)
    theirs = Store(Signed(plain, writer) if writer else plain, user="eve")
    key = publish(theirs, 2, "2")
    for read in (lambda: ours.manifest(key), lambda: ours.load(key), lambda: ours.head("p/notes", "2")):
        with pytest.raises(Untrusted, match=r"signed by nobody who is trusted here.*ml-assets sign"):
            read()
    assert {type(looked.fault.error) for looked in Verification(ours).everything() if looked.fault} == {Untrusted}


def test_a_stranger_cannot_let_a_ref_go_back_to_what_was_signed(ours, plain):
    first, second = publish(ours, 1), publish(ours, 2)
    theirs = Store(plain, user="eve")
    theirs.move("p/notes", "1", first, expected=2, why="replayed")
    with pytest.raises(Untrusted):
        ours.head("p/notes", "1")

    folder = ref_folder("main", "p/notes", "1")
    plain.delete(f"{folder}/0000000003.json")
    assert ours.head("p/notes", "1").target == second
    plain.put_new(f"{folder}/0000000003.json", plain.get(f"{folder}/0000000001.json"))  # signed, under another name
    with pytest.raises(Untrusted):
        ours.head("p/notes", "1")


def test_a_computation_whose_memory_was_forged_is_done_again(ours, plain):
    theirs = Store(plain)
    manifest = Manifest("p/notes", "1", theirs.put("poisoned"), code={"computation": {"key": "cd" * 32}})
    theirs.remember("cd" * 32, theirs.commit(manifest))
    assert theirs.recall("cd" * 32).damage == ""
    assert ours.recall("cd" * 32).damage == "its manifest cannot be read (Untrusted)"


def test_a_state_of_a_training_that_a_stranger_left_is_passed_over(ours, plain):
    ours.checkpoints("ab" * 32).save(1, {"loss": 0.5})
    Store(plain).checkpoints("ab" * 32).save(2, {"loss": 0.0})
    assert ours.checkpoints("ab" * 32).latest().step == 1


def test_a_writer_that_lost_a_race_leaves_nothing_that_counts(ours, plain):
    publish(ours, 1)
    entry = f"{ref_folder('main', 'p/notes', '1')}/0000000001.json"
    assert not ours.backend.put_new(entry, b'{"n":1}')  # signed first, then refused
    assert ours.load(ours.head("p/notes", "1").target) == 1


def test_a_repair_is_signed_too(ours, plain):
    key = publish(ours, 1)
    manifest = ours.manifest(key)
    plain.replace(version_key(key), b"damaged")
    ours.commit(manifest)
    assert ours.load(key) == 1


def test_bytes_of_a_signed_manifest_that_changed_are_refused(ours, plain):
    key = publish(ours, 1)
    plain.replace(version_key(key), plain.get(version_key(key)).replace(b"p/notes", b"p/nodes"))
    with pytest.raises(CorruptBlob):
        ours.manifest(key)
    assert not is_as_named(version_key(key), plain.get(version_key(key)))


def test_who_trusts_others_has_other_copies(plain):
    assert trusted_by(plain) == "" and trusted_by(Signed(plain, ADA)) == ""
    assert trusted_by(Signed(plain, None, TRUSTED)) != trusted_by(
        Signed(plain, None, {EVE.key_id: EVE.key.public_key()})
    )


def test_what_is_signed_costs_one_more_request_when_it_is_written_and_when_it_is_read(plain):
    asked: list[str] = []
    store = Store(Signed(Counted(plain, lambda n, key: asked.append(key)), ADA, TRUSTED))
    manifest = Manifest("p/notes", "1", store.put(1))

    def tops(act: Callable[[], object]) -> list[str]:
        asked.clear()
        act()
        return [key.partition("/")[0] for key in asked[::2]]  # before and after each

    assert tops(lambda: store.commit(manifest)) == ["signatures", "versions"]
    assert tops(lambda: store.manifest(manifest.key)) == ["versions", "signatures"]


def test_a_signed_folder_is_as_near_as_a_folder(ours):
    assert is_local(ours.backend) and ours.at_a_glance() is ours
