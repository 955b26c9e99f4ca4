"""A backend whose manifests, logs and checkpoints are signed as they are written, and refused where nobody trusted signed them.

All else needs no signature: a manifest names blobs, environment, code and source by their digests, and what is remembered of a
computation is used only if the manifest says so, too. A signature is written before what it vouches for, so that nothing is ever
there unsigned; one whose object never came (another writer won, a crash) vouches for nothing.

It does not tell that the newest entries of a log were deleted, or cut short as by a power cut: keep the bucket's versions, and
let nobody but the collector delete (deploy/README.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.errors import Untrusted
from ml_assets.store.backends.backend import DOCUMENT, Backend, Place, create
from ml_assets.store.backends.listing import LAST, Entry
from ml_assets.store.backends.signatures import Signer, signature_key, signer_at, trusted_at, vouches
from ml_assets.store.canonical import digest, unsealed
from ml_assets.store.logs.log_folder import is_mark

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

SIGNED = ("versions", "refs", "runs", "checkpoints")
LOGS = ("refs", "runs")


class Signed:
    """A backend that signs and checks.

    Args:
        signer: signs what is written; None: it is written unsigned.
        trusted: public keys by their ids; empty: nothing is checked.
    """

    def __init__(
        self, inside: Place, signer: Signer | None = None, trusted: Mapping[str, Ed25519PublicKey] | None = None
    ) -> None:
        self.inside, self.signer, self.trusted, self.url = inside, signer, trusted or {}, inside.url

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        self.sign(key, data)
        return self.inside.put_new(key, data)

    def put_file(self, key: str, source: Path | bytes) -> None:
        """See ``Backend``."""
        if is_signed(key):
            self.sign(key, source if isinstance(source, bytes) else source.read_bytes())
        self.inside.put_file(key, source)

    def replace(self, key: str, data: bytes) -> None:
        """See ``Place``."""
        self.inside.replace(key, data)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``.

        Raises:
            Untrusted: if nobody who is trusted signed what lies there.
        """
        data = self.inside.get(key, most)
        if data is not None and self.trusted and is_signed(key):
            self._refuse_untrusted(key, data)
        return data

    def part(self, key: str, start: int, stop: int) -> bytes | None:
        """See ``Backend``."""
        return self.inside.part(key, start, stop)

    def stream(self, key: str) -> Iterator[bytes | memoryview] | None:
        """See ``Backend``."""
        return self.inside.stream(key)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        return self.inside.list(folder, after)

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        return self.inside.entries(folder, after, until, most)

    def entry(self, key: str) -> Entry | None:
        """See ``Backend``."""
        return self.inside.entry(key)

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        self.inside.delete(key)

    def rename(self, key: str, to: str) -> bool:
        """See ``Backend``."""
        return self.inside.rename(key, to)

    def within(self, seconds: float) -> Signed:
        """See ``Backend``."""
        return Signed(self.inside.within(seconds), self.signer, self.trusted)

    def with_own_trusted(self) -> Signed:
        """The same, which trusts its own signer, too."""
        own = {self.signer.key_id: self.signer.key.public_key()} if self.signer else {}
        return Signed(self.inside, self.signer, {**own, **self.trusted})

    def sign(self, key: str, data: bytes) -> None:
        """Vouch for what lies, or will lie, under ``key``; nothing where no such key is signed or nobody signs."""
        if self.signer is not None and is_signed(key):
            at = signature_key(digest(data), self.signer.key_id)
            envelope = self.signer.envelope(key, data)
            if (
                create(self.inside, at, envelope) is not None
            ):  # a key signs the same bytes alike each time: it was damaged
                self.inside.put_file(at, envelope)

    def is_vouched_for(self, key: str, data: bytes) -> bool:
        """Whether somebody who is trusted signed these bytes under this key."""
        signed = digest(data)
        envelopes = ((key_id, self.inside.get(signature_key(signed, key_id), DOCUMENT)) for key_id in self.trusted)
        return any(found and vouches(self.trusted[key_id], found, key, data) for key_id, found in envelopes)

    def _refuse_untrusted(self, key: str, data: bytes) -> None:
        """What is not as it is named was damaged, or never finished: who reads it finds that by itself."""
        if is_as_named(key, data) and not self.is_vouched_for(key, data):
            raise Untrusted(
                f"{self.url}/{key} is signed by nobody who is trusted here: it is not used. If you know that it is genuine, "
                "whoever may vouch for it signs it: ml-assets sign. Otherwise find out who wrote it."
            )


def is_signed(key: str) -> bool:
    """Whether what lies under such keys is signed; the marks of a log say nothing that counts."""
    return key.partition("/")[0] in SIGNED and not is_mark(key)


def signed(backend: Place, signing_key: str, trusted_keys: str) -> Place:
    """A backend as the settings want it: that signs, that checks, both, or as it is.

    Args:
        signing_key: a PEM file with a private key; empty: nothing is signed.
        trusted_keys: a PEM file, or a folder of them, with public keys; empty: nothing is checked.
    """
    if not signing_key and not trusted_keys:
        return backend
    signer = signer_at(signing_key) if signing_key else None
    return Signed(backend, signer, trusted_at(trusted_keys) if trusted_keys else {})


def trusted_by(backend: Backend) -> str:
    """Whom a backend trusts, as one word that changes when that does; empty where it checks nothing."""
    trusted = backend.trusted if isinstance(backend, Signed) else {}
    return digest("".join(sorted(trusted)).encode())[:12] if trusted else ""


def is_as_named(key: str, data: bytes) -> bool:
    """Whether the bytes of a manifest or checkpoint have the digest in their name, those of an entry their own."""
    if key.partition("/")[0] in LOGS:
        return unsealed(data) is not None
    return key.removesuffix(".json").endswith(digest(data))
