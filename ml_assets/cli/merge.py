"""`ml-assets merge`: publish a branch."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

import ml_assets
from ml_assets.assets import noun_that
from ml_assets.cli.differences import as_plain, named_by, shown
from ml_assets.cli.show import command, plural, progress, say, say_json
from ml_assets.errors import Refused, UsageError
from ml_assets.promotion.merging import is_merged
from ml_assets.settings import Settings
from ml_assets.store import Difference, RefEntry, Store, merging

EXAMPLES = """  ml-assets merge ada --dry-run               what main would name
  ml-assets merge ada                         all that ada has made; refused where main moved since
  ml-assets merge ada flight_delays/model@2013-06
  ml-assets merge ada flight_delays/model@2013-06 --over 9c22    although main has 9c22 meanwhile
"""


def add_to(verbs: Any) -> None:
    """Add `merge`."""
    verb = command(verbs, "merge", "publish a branch: main names what it names", merge, EXAMPLES)
    verb.add_argument("branch")
    verb.add_argument("of", nargs="*", metavar="PROBLEM|ASSET", help="only these (default: all of it)")
    verb.add_argument("--over", metavar="VERSION", default="", help="a version that main has meanwhile, to be replaced")
    verb.add_argument("--dry-run", action="store_true", help="say what main would name, and change nothing")


def merge(options: argparse.Namespace, settings: Settings) -> int:
    """Let main name what a branch names."""
    if settings.upstream:
        raise Refused(
            f"main is that of {settings.upstream}, which is only read here: nothing was merged. Share the branch, ml-assets "
            f"push, and merge it there: ML_ASSETS_UPSTREAM= ML_ASSETS_STORE={shlex.quote(settings.upstream)} ml-assets merge "
            f"{shlex.quote(options.branch)}"
        )
    if options.over and len(options.over) < 4:
        raise UsageError(f"The version {options.over!r} is too short. Give at least 4 of its digits.")
    store = ml_assets.open_store(settings)
    found = named_by(store, options.branch, options.of)
    merged = merging.to_merge([one for one in found if is_merged(one.asset)], options.over)
    left = [one for one in found if not is_merged(one.asset) and one.state in ("ahead", "moved")]
    for sentence in merging.made_elsewhere(store, merged):
        progress(f"warning: {sentence}")
    moves = [] if options.dry_run else list(_merged(store, merged))
    if options.json:
        say_json(_merge_as_plain(options, merged, moves, left))
    else:
        _print_merge(options, merged, left)
    return 0


def _merged(store: Store, merged: Sequence[Difference]) -> Iterator[RefEntry]:
    for entry in merging.merge(store, merged):
        progress(f"✓ {entry.target} is entry {entry.n} of main")
        yield entry


def _merge_as_plain(
    options: argparse.Namespace, merged: Sequence[Difference], moves: Sequence[RefEntry], left: Sequence[Difference]
) -> dict[str, Any]:
    return {
        "branch": options.branch,
        "dry_run": options.dry_run,
        "merged": [as_plain(one) for one in merged],
        "entries": [{**asdict(entry.target), "n": entry.n} for entry in moves],
        "left": sorted({one.asset for one in left}),
        "next": [*_decisions(merged, left)],
    }


def _print_merge(options: argparse.Namespace, merged: Sequence[Difference], left: Sequence[Difference]) -> None:
    if merged and options.dry_run:
        say(shown(merged))
    would = "would be merged" if options.dry_run else "merged"
    say(f"{plural(len(merged), 'ref')} {would} from {options.branch}")
    if left:
        names = ", ".join(sorted({one.asset for one in left}))
        say(f"left alone: {names}. Who is champion, and what follows from it, is decided on main")
    for line in _decisions(merged, left):
        say(f"next: {line}")
    if options.dry_run and merged:
        say(f"next: ml-assets merge {shlex.join([options.branch, *options.of])}")


def _decisions(merged: Sequence[Difference], left: Sequence[Difference]) -> Iterator[str]:
    """The commands that decide about the models that are merged, or were before."""
    trains, decides = noun_that("trains"), noun_that("decides")
    models = {_place(one) for one in merged if one.asset.endswith(f"/{trains}")}
    decided = {_place(one) for one in left if one.asset.endswith(f"/{decides}")}
    for problem, partition in sorted(models | decided, key=str):
        at = shlex.quote(str(partition))
        yield f"ml-assets run {problem}/{decides} --partition {at}   (or ml-assets promote {problem}/{trains}@{at} --why '…')"


def _place(one: Difference) -> tuple[str, str | None]:
    return one.asset.partition("/")[0], one.partition
