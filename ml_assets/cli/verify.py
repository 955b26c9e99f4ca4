"""`ml-assets verify`: read every object again and compare it with what names it and what needs it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import ml_assets
from ml_assets.cli.show import command, plural, progress, say, say_json
from ml_assets.errors import UnknownVersion
from ml_assets.lineage.reference import resolve
from ml_assets.settings import Settings
from ml_assets.store import Fault, Looked, Verification

EXAMPLES = """  ml-assets verify                              everything in the store
  ml-assets verify flight_delays                one problem
  ml-assets verify flight_delays/model@2013-06  one version
"""
TOLD_EVERY = 1_000  # objects


def add_to(verbs: Any) -> None:
    """Add `verify`."""
    summary = "read everything again: what is damaged or missing, and how it is made again"
    parser = command(verbs, "verify", summary, verify, EXAMPLES)
    parser.add_argument("of", nargs="?", help="a problem or a reference (default: everything)")


def verify(options: argparse.Namespace, settings: Settings) -> int:
    """1 if anything is damaged."""
    store = ml_assets.open_store(settings)
    versions, objects, faults = 0, 0, list[Fault]()
    for looked in _looks(Verification(store), options.of):
        objects += 1
        versions += looked.key.startswith("versions/")
        if looked.fault:
            faults.append(looked.fault)
            progress(f"✗ {looked.fault.of}: {_sentence(looked.fault)}\n    {looked.fault.remedy}")
        if objects % TOLD_EVERY == 0:
            progress(f"{objects:,} objects read")
    if not versions:
        raise UnknownVersion(f"{store.url} holds no version, so nothing was verified. Is ML_ASSETS_STORE right?")
    if options.json:
        say_json({"versions": versions, "objects": objects, "damaged": list(map(_to_json, faults))})
    else:
        say(f"{plural(versions, 'version')}, {plural(objects, 'object')} read: {plural(len(faults), 'fault')} found")
    return 1 if faults else 0


def _looks(verification: Verification, of: str | None) -> Iterator[Looked]:
    if of is None:
        return verification.everything()
    if "/" not in of and of in {asset.split("/")[0] for asset in verification.store.assets()}:
        return verification.problem(of)
    return verification.versions([resolve(verification.store, of)])


def _sentence(fault: Fault) -> str:
    return f"{type(fault.error).__name__}: {fault.error}"


def _to_json(fault: Fault) -> dict[str, str]:
    error = {"error": type(fault.error).__name__, "message": str(fault.error)}
    return {"of": fault.of, "key": fault.key, **error, "remedy": fault.remedy}
