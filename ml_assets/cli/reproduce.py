"""`ml-assets reproduce`: rebuild versions from their manifests alone, and say whether they come out the same."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import ml_assets
from ml_assets.assets import every_name
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.lineage.reproduce import DAMAGED, Verdict, reproduce, restored
from ml_assets.settings import Settings, environ_for_code_in
from ml_assets.store import Store, VersionKey

EXAMPLES = """  ml-assets reproduce flight_delays/model@2013-06          one version
  ml-assets reproduce flight_delays                        all that was published of a problem
  ml-assets reproduce 9c22ab --keep /tmp/rebuilt           and look at what came out
  ml-assets reproduce 9c22ab --restore                     make again what was collected (docs/RETENTION.md)
  ml-assets reproduce flight_delays/model --anyway         also where other packages are installed than were then
"""
MARKS = {"identical": "✓", "differs": "✗", "cannot": "–"}


def add_to(verbs: Any) -> None:
    """Add `reproduce`."""
    parser = command(
        verbs, "reproduce", "rebuild versions from their manifests and compare what comes out", carry_out, EXAMPLES
    )
    parser.add_argument("references", nargs="+", metavar="REFERENCE", help="versions, problem/asset or a whole problem")
    parser.add_argument(
        "--anyway", action="store_true", help="rebuild with other packages or Python than were recorded"
    )
    parser.add_argument(
        "--restore", action="store_true", help="put back what was collected and comes out the same, inputs first"
    )
    parser.add_argument(
        "--keep", metavar="FOLDER", type=Path, help="keep the files that were rebuilt: FOLDER/<version>/"
    )


def carry_out(options: argparse.Namespace, settings: Settings) -> int:
    """0 if all are identical, 1 if some differ, 3 if some cannot be rebuilt. Only --restore writes."""
    store, landing = ml_assets.open_store(settings), ml_assets.open_landing(settings)
    if options.keep is not None:
        _make(options.keep)
    keys = list(dict.fromkeys(key for reference in options.references for key in _keys(store, reference)))
    found, started = [], time.perf_counter()
    again = restored if options.restore else reproduce
    with closing(
        again(store, landing, keys, environ_for_code_in, anyway=options.anyway, keep=options.keep)
    ) as verdicts:
        for verdict in verdicts:
            found.append(verdict)
            _report(verdict)
    counts: Counter[str] = Counter(verdict.state for verdict in found)
    if options.json:
        say_json([verdict.to_json() for verdict in found])
    else:
        _summarize(counts, time.perf_counter() - started)
    return 1 if counts["differs"] else 3 if counts["cannot"] else 0


def _keys(store: Store, reference: str) -> Iterator[VersionKey]:
    """The versions that a reference means; of a problem or an asset all that were not refused, in the order of the chain.

    Raises:
        UnknownVersion, AmbiguousVersion, UsageError: if there are none, several, or it is no reference.
    """
    assets = [asset for asset in store.assets() if reference in (asset, asset.partition("/")[0])]
    if not assets:
        yield resolve(store, reference)
        return
    for asset in sorted(assets, key=_place):
        yield from (key for key in store.versions(asset) if not _is_refused(store, key))


def _is_refused(store: Store, key: VersionKey) -> bool:
    try:
        return store.manifest(key).rejected
    except DAMAGED:  # the verdict on it says so
        return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"--keep {folder} cannot be a folder: {error.strerror}. Name another one.") from None


def _place(asset: str) -> tuple[int, str]:
    noun = asset.partition("/")[2]
    order = every_name()
    return (order.index(noun) if noun in order else len(order), asset)


def _report(verdict: Verdict) -> None:
    took = f"  {verdict.seconds:.1f} s" if verdict.seconds else ""
    progress(f"{MARKS[verdict.state]} {verdict.key}  {verdict.state}{took}")
    for sentence in verdict.said:
        progress(f"    {sentence}")


def _summarize(counts: Mapping[str, int], seconds: float) -> None:
    rebuilt = counts["identical"] + counts["differs"]
    cannot = f", {counts['cannot']} cannot be rebuilt" if counts["cannot"] else ""
    differ = f", {counts['differs']} differ" if counts["differs"] else ""
    say(f"{rebuilt} rebuilt, {counts['identical']} identical{differ}{cannot}, {seconds:.1f} s")
