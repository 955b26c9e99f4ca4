"""Signatures: who vouches that exactly these bytes belong under this key. Ed25519 keys; envelopes as the field has them.

    signatures/<digest>/<key id>.json    an envelope (DSSE 1.0) around a statement (in-toto, version 1):
                                         subject: the key, and the digests of the bytes that lie there

A statement names the key, so a signed object that is copied to another name is refused there. The key id is the SHA-256 of the
public key as DER, as ``openssl pkey -pubin -outform DER | sha256sum`` prints it.

References: https://github.com/secure-systems-lab/dsse, https://github.com/in-toto/attestation.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import UsageError
from ml_assets.store.canonical import Json, canonical, digest, parse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "ml-assets:stored/v1"
LARGEST = 64 << 10  # bytes of an envelope; a longer one is none of ours
HOW_TO_MAKE = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out trusted/me.pem"


def signature_key(signed: str, key_id: str) -> str:
    """Where the signature of bytes with this digest by this key lies."""
    return f"signatures/{signed}/{key_id}.json"


def statement(key: str, data: bytes) -> bytes:
    """What is signed: that ``data`` belongs under ``key``."""
    digests = {"blake3": digest(data), "sha256": sha256(data).hexdigest()}
    return canonical(
        {
            "_type": STATEMENT,
            "subject": [{"name": key, "digest": digests}],
            "predicateType": PREDICATE,
            "predicate": {},
        }
    )


@dataclass(frozen=True)
class Signer:
    """A private key."""

    key: Ed25519PrivateKey = field(repr=False)

    @property
    def key_id(self) -> str:
        """Of its public half."""
        return key_id(self.key.public_key())

    def envelope(self, key: str, data: bytes) -> bytes:
        """The signature of an object, as it is stored; the same bytes each time."""
        payload = statement(key, data)
        signature = {"keyid": self.key_id, "sig": _text(self.key.sign(_encoded(payload)))}
        return canonical({"payload": _text(payload), "payloadType": PAYLOAD_TYPE, "signatures": [signature]})


def vouches(public: Ed25519PublicKey, envelope: bytes, key: str, data: bytes) -> bool:
    """Whether an envelope says by this key that ``data`` belongs under ``key``."""
    from cryptography.exceptions import InvalidSignature

    payload = statement(key, data)
    try:
        public.verify(_signature(envelope, payload), _encoded(payload))
    except InvalidSignature:
        return False
    return True


def signer_at(path: str) -> Signer:
    """The private key in a PEM file.

    Raises:
        UsageError: if there is none that can be used.
    """
    _need_cryptography()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(Path(path).expanduser().read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(
            f"The signing key {path} cannot be read: {type(error).__name__}. Name a file with an Ed25519 key in PEM, not "
            f"encrypted. Make one: {HOW_TO_MAKE}"
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        raise UsageError(f"The signing key {path} is no Ed25519 key. Make one: {HOW_TO_MAKE}")
    return Signer(key)


def trusted_at(path: str) -> dict[str, Ed25519PublicKey]:
    """The public keys in a PEM file, or in all ``*.pem`` of a folder, by key id.

    Raises:
        UsageError: if one cannot be read, or there is none: a store that trusts nobody could not be read at all.
    """
    _need_cryptography()
    at = Path(path).expanduser()
    files = sorted(at.glob("*.pem")) if at.is_dir() else [at]
    keys = [_public_at(file) for file in files]
    if not keys:
        raise UsageError(f"There is no *.pem in {path}, so nobody is trusted. Put a public key there: {HOW_TO_MAKE}")
    return {key_id(key): key for key in keys}


def key_id(public: Ed25519PublicKey) -> str:
    """The SHA-256 of a public key as DER (SubjectPublicKeyInfo)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return sha256(public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


def _need_cryptography() -> None:
    if find_spec("cryptography") is None:
        raise UsageError("Signatures need cryptography. Install it: pip install 'ml_assets[sign]'")


def _public_at(file: Path) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(file.read_bytes())
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The trusted key {file} cannot be read: {type(error).__name__}. Name PEM files with public keys. Make one: "
            f"{HOW_TO_MAKE}"
        ) from None
    if not isinstance(key, Ed25519PublicKey):
        raise UsageError(f"The trusted key {file} is no Ed25519 key. Make one: {HOW_TO_MAKE}")
    return key


def _signature(envelope: bytes, payload: bytes) -> bytes:
    """The signature in an envelope around exactly this payload; no bytes where it is none."""
    found = _envelope(envelope)
    match found:
        case {"payload": said, "payloadType": "application/vnd.in-toto+json", "signatures": [{"sig": str(text)}]}:
            return _bytes(text) if said == _text(payload) else b""
    return b""


def _envelope(data: bytes) -> Mapping[str, Json]:
    try:
        found = parse(data) if len(data) <= LARGEST else {}
    except ValueError:
        found = {}
    return found if isinstance(found, dict) else {}


def _encoded(payload: bytes) -> bytes:
    """DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
