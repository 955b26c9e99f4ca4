"""`ml-assets verify`: read every byte again and compare it with the digest that names it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import ml_assets
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import UnknownVersion
from ml_assets.lineage.reference import resolve
from ml_assets.settings import Settings
from ml_assets.store import Store, VersionKey

EXAMPLES = """  ml-assets verify                              everything in the store
  ml-assets verify flight_delays                one problem
  ml-assets verify flight_delays/model@2013-06  one version
"""


def add_to(verbs: Any) -> None:
    """Add `verify`."""
    parser = command(verbs, "verify", "re-hash versions and report what is damaged or missing", verify, EXAMPLES)
    parser.add_argument("of", nargs="?", help="a problem or a reference (default: everything)")


def verify(options: argparse.Namespace, settings: Settings) -> int:
    """1 if anything is damaged."""
    store = ml_assets.open_store(settings)
    damaged: list[dict[str, str]] = []
    seen, whole = 0, set[str]()
    for key in _keys(store, options.of):
        seen += 1
        for problem in store.verify(key, whole):
            damaged.append({"version": str(key), "error": type(problem).__name__, "message": str(problem)})
            progress(f"✗ {key}: {type(problem).__name__}: {problem}")
        if seen % 100 == 0:
            progress(f"{seen} versions read")
    if not seen:
        raise UnknownVersion(f"{store.url} holds no version, so nothing was verified. Is ML_ASSETS_STORE right?")
    if options.json:
        say_json({"versions": seen, "damaged": damaged})
    else:
        say(f"{seen} versions read, {len(damaged)} faults found")
    return 1 if damaged else 0


def _keys(store: Store, of: str | None) -> Iterator[VersionKey]:
    if of is not None and ("/" in of or of not in {asset.split("/")[0] for asset in store.assets()}):
        yield resolve(store, of)
        return
    for asset in store.assets():
        if of is None or asset.split("/")[0] == of:
            yield from store.versions(asset)
