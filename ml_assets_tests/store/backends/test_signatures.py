"""What a signature says, and that it says it of these bytes under this key alone."""

from __future__ import annotations

import base64
import json
import subprocess
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from ml_assets.errors import UsageError
from ml_assets.store.backends.signatures import LARGEST, Signer, key_id, signer_at, trusted_at, vouches
from ml_assets.store.canonical import canonical, digest

KEY, DATA = "refs/main/p/champion/_/0000000003.json", b'{"n":3}'
ADA, EVE = (
    Signer(Ed25519PrivateKey.from_private_bytes(b"a" * 32)),
    Signer(Ed25519PrivateKey.from_private_bytes(b"e" * 32)),
)
PUBLIC = ADA.key.public_key()
ENVELOPE = ADA.envelope(KEY, DATA)


def changed(**fields) -> bytes:
    return canonical({**json.loads(ENVELOPE), **fields})


def test_it_vouches_for_its_bytes_under_its_key():
    assert vouches(PUBLIC, ENVELOPE, KEY, DATA)
    assert ADA.envelope(KEY, DATA) == ENVELOPE  # the same each time: signed twice is written once


@pytest.mark.parametrize(
    ("envelope", "key", "data"),
    [
        (ENVELOPE, KEY, b'{"n":4}'),
        (ENVELOPE, KEY.replace("3.json", "4.json"), DATA),
        (EVE.envelope(KEY, DATA), KEY, DATA),
        (changed(signatures=json.loads(EVE.envelope(KEY, DATA))["signatures"]), KEY, DATA),
        (changed(payload=json.loads(ADA.envelope(KEY, b"else"))["payload"]), KEY, DATA),
        (changed(payloadType="text/plain"), KEY, DATA),
        (changed(signatures=[]), KEY, DATA),
        (changed(signatures=[{"keyid": ADA.key_id, "sig": "not base64"}]), KEY, DATA),
        (changed(signatures=[{"keyid": ADA.key_id, "sig": 7}]), KEY, DATA),
        (ENVELOPE[:-1], KEY, DATA),
        (ENVELOPE + b" " * LARGEST, KEY, DATA),
        (b"[]", KEY, DATA),
        (b"", KEY, DATA),
    ],
    ids=[
        "other bytes", "replayed under another key", "by another", "another's signature", "other statement", "other type",
        "no signature", "no base64", "a number", "cut", "too long", "no object", "empty",
    ],
)  # fmt: skip
def test_it_vouches_for_nothing_else(envelope, key, data):
    assert not vouches(PUBLIC, envelope, key, data)


def test_another_implementation_reads_what_is_signed():
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import SSlibKey

    read = Envelope.from_dict(json.loads(ENVELOPE))
    read.verify([SSlibKey.from_crypto(PUBLIC, keyid=ADA.key_id)], 1)

    (subject,) = json.loads(read.payload)["subject"]
    assert subject == {"name": KEY, "digest": {"blake3": digest(DATA), "sha256": sha256(DATA).hexdigest()}}


def test_the_id_of_a_key_is_what_openssl_and_sha256_say_of_it(tmp_path):
    (tmp_path / "ada.pem").write_bytes(pem(ADA))
    der = ["openssl", "pkey", "-pubin", "-in", str(tmp_path / "ada.pem"), "-outform", "DER"]
    assert key_id(PUBLIC) == sha256(subprocess.run(der, capture_output=True, check=True).stdout).hexdigest()


def test_keys_are_read_from_pem_files(tmp_path):
    (tmp_path / "ada.pem").write_bytes(pem(ADA))
    (tmp_path / "eve.pem").write_bytes(pem(EVE))
    private = ADA.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (tmp_path / "ada.key").write_bytes(private)

    assert set(trusted_at(str(tmp_path))) == {ADA.key_id, EVE.key_id}
    assert set(trusted_at(str(tmp_path / "eve.pem"))) == {EVE.key_id}
    signer = signer_at(str(tmp_path / "ada.key"))
    assert signer.key_id == ADA.key_id
    assert base64.b64encode(private[30:40]).decode() not in repr(signer) and "Private" not in repr(signer)


@pytest.mark.parametrize("text", [b"", b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_file_that_is_no_key_is_refused_with_how_to_make_one(tmp_path, text):
    (tmp_path / "key.pem").write_bytes(text)
    for read in (signer_at, trusted_at):
        with pytest.raises(UsageError, match=r"cannot be read: .*openssl genpkey"):
            read(str(tmp_path / "key.pem"))
    with pytest.raises(UsageError, match="FileNotFoundError"):
        signer_at(str(tmp_path / "none.pem"))


def test_another_kind_of_key_is_refused(tmp_path):
    rsa = generate_private_key(65537, 2048)
    (tmp_path / "rsa.key").write_bytes(rsa.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "rsa.pem").write_bytes(rsa.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(UsageError, match="no Ed25519 key"):
        signer_at(str(tmp_path / "rsa.key"))
    with pytest.raises(UsageError, match="no Ed25519 key"):
        trusted_at(str(tmp_path))


def test_a_folder_without_keys_trusts_nobody_and_is_refused(tmp_path):
    with pytest.raises(UsageError, match="nobody is trusted"):
        trusted_at(str(tmp_path))


def pem(signer: Signer) -> bytes:
    return signer.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
