"""``store.json`` says that a store exists, in which format, and that its backend was found safe to write to.

A store is only as good as its backend's refusal to create a key twice; some S3-compatible servers ignore the condition
without a word. So before the first write ``probe.json`` is created twice. Only if the second time is refused does
``store.json`` appear: a store that has one was probed, and opening it costs one read.
"""

from __future__ import annotations

from ml_assets.errors import UnreadableContent, UnsafeStore
from ml_assets.store.backends.backend import DOCUMENT, Backend, create
from ml_assets.store.canonical import canonical, is_unfinished, parse

FORMAT = 1
STORE = "store.json"
PROBE = "probe.json"
STORE_BYTES = canonical({"format": FORMAT, "made_by": "ml_assets"})


def is_store(backend: Backend) -> bool:
    """Whether there is a store of a format that we can read.

    Raises:
        UnreadableContent: if there is one of another format.
    """
    data = backend.get(STORE, DOCUMENT)
    if data is None:
        return False
    if is_unfinished(data) and STORE_BYTES.startswith(
        data.rstrip(b"\0")
    ):  # a power cut left it so: nothing else was begun
        return True
    try:
        written = parse(data)["format"]
    except (ValueError, KeyError, TypeError):
        written = data[:40]
    if written != FORMAT:
        raise UnreadableContent(
            f"{backend.url}/{STORE} says {written!r}, this ml_assets reads format {FORMAT}. Use the version that wrote it."
        )
    return True


def make_store(backend: Backend) -> None:
    """Probe the backend and create ``store.json``.

    Raises:
        UnsafeStore: if the backend creates a key twice.
    """
    backend.put_new(PROBE, canonical({"attempt": 1}))
    if backend.put_new(PROBE, canonical({"attempt": 2})):
        raise UnsafeStore(
            f"{backend.url} created the same key twice: it ignores create-only writes (If-None-Match: *). "
            "Two writers would overwrite each other without noticing. Use AWS S3, Ceph RGW, MinIO, GCS, Azure or a folder."
        )
    create(backend, STORE, STORE_BYTES)
