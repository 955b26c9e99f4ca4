"""`ml-assets sign`: vouch for what a store holds already, so that those who ask for signatures can read it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import ml_assets
from ml_assets.cli.show import command, plural, progress, say, say_json
from ml_assets.errors import Refused, UsageError
from ml_assets.settings import Settings
from ml_assets.store import SIGNED, Signed, is_as_named, is_signed

EXAMPLES = """  ml-assets sign --dry-run     what nobody who is trusted has signed
  ml-assets sign               sign it, with the key of ML_ASSETS_SIGNING_KEY
"""
TOLD_EVERY = 1_000  # objects


def add_to(verbs: Any) -> None:
    """Add `sign`."""
    summary = "vouch for the manifests and logs that are there already"
    parser = command(verbs, "sign", summary, sign, EXAMPLES)
    parser.add_argument("--dry-run", action="store_true", help="only say what lacks a signature")


def sign(options: argparse.Namespace, settings: Settings) -> int:
    """1 if something was damaged, and so not signed."""
    if not settings.signing_key:
        raise UsageError(
            "Nothing can be signed without a key. Name it: ML_ASSETS_SIGNING_KEY=key.pem (docs/SIGNING.md)."
        )
    backend = ml_assets.open_store(settings).backend
    if not isinstance(backend, Signed) or backend.signer is None:
        raise Refused(f"{backend.url} is read from another store, too: sign each by itself.")
    damaged, done = list[str](), 0
    for key, data in _lacking(backend):
        if not is_as_named(key, data):
            damaged.append(key)
            progress(f"✗ {backend.url}/{key} is not what was written: it is not signed. Look: ml-assets verify")
            continue
        done += 1
        if not options.dry_run:
            backend.sign(key, data)
        if done % TOLD_EVERY == 0:
            progress(f"{done:,} objects")
    return _say(options, backend, done, damaged)


def _lacking(backend: Signed) -> Iterator[tuple[str, bytes]]:
    """What this key, or anybody who is trusted, has not signed."""
    own = backend.with_own_trusted()
    for root in SIGNED:
        for key in filter(is_signed, own.inside.list(root)):
            data = own.inside.get(key)
            if data and not own.is_vouched_for(key, data):
                yield key, data


def _say(options: argparse.Namespace, backend: Signed, done: int, damaged: list[str]) -> int:
    key = backend.signer.key_id if backend.signer else ""
    if options.json:
        say_json({"key": key, "signed": 0 if options.dry_run else done, "lacking": done, "damaged": damaged})
    else:
        lack, are = ("lacks", "is") if done == 1 else ("lack", "are")
        said = f"{lack} a signature" if options.dry_run else f"{are} signed now, by key {key[:12]}"
        say(f"{plural(done, 'object')} {said}" + (f"; {plural(len(damaged), 'object')} damaged" if damaged else ""))
        if options.dry_run and done:
            progress("sign them: ml-assets sign")
    return 1 if damaged else 0
