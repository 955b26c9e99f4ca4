"""`ml-assets gc`, `du`, `pin`, `unpin`: what the store keeps, what that costs, and what it lets go of."""

from __future__ import annotations

import argparse
import shlex
from collections import Counter
from collections.abc import Mapping
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.champion import reason
from ml_assets.cli.numbers import positive
from ml_assets.cli.show import command, plural, progress, say, say_json, size, table
from ml_assets.errors import UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.promotion.pins import Pins
from ml_assets.retention import GRACE_DAYS, S3_STANDARD, Retention, Use
from ml_assets.settings import Settings
from ml_assets.store import Amount, Outcome, RefEntry, Store, VersionKey

GC = """  ml-assets gc --dry-run        what would go, by which rule, and what could not be made again; nothing is changed
  ml-assets gc                  move it to the trash, and delete what has lain there for two weeks
  ml-assets gc --undo           bring back all that lies in the trash
"""
DU = """  ml-assets du                  bytes and money a month, by asset and by why they are kept
  ml-assets du flight_delays    of one problem
"""
PIN = """  ml-assets pin flight_delays/model@2013-06 --why 'the paper of 2013 cites it'
  ml-assets pin                 what is pinned
"""
UNPIN = """  ml-assets unpin flight_delays/model@2013-06 --why 'the paper is withdrawn'
"""
SHOWN = 20  # versions, of each kind


def add_to(verbs: Any) -> None:
    """Add `gc`, `du`, `pin` and `unpin`."""
    gc_ = command(verbs, "gc", "let go of content that no rule keeps; manifests and logs stay", gc, GC)
    how = gc_.add_mutually_exclusive_group()
    how.add_argument("--dry-run", action="store_true", help="only say what would go")
    how.add_argument("--undo", action="store_true", help="bring back what lies in the trash")
    _take_grace(gc_)
    du_ = command(verbs, "du", "what the store holds: bytes and money, by asset and by reason", du, DU)
    du_.add_argument("problem", nargs="?", help="only this one (default: everything)")
    du_.add_argument(
        "--price",
        type=positive,
        default=S3_STANDARD,
        metavar="DOLLARS",
        help=f"per GiB and month (default: {S3_STANDARD:g}, S3 Standard)",
    )
    _take_grace(du_)
    pin_ = command(verbs, "pin", "keep a version whatever the rules say; without one: what is pinned", pin, PIN)
    pin_.add_argument("version", nargs="?", help="reference to a version")
    pin_.add_argument("--why", type=reason, help="the reason, for the log")
    unpin_ = command(verbs, "unpin", "leave a version to the rules again", unpin, UNPIN)
    unpin_.add_argument("version", help="reference to a version")
    unpin_.add_argument("--why", type=reason, required=True, help="the reason, for the log")


def _take_grace(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--grace-days",
        type=positive,
        default=GRACE_DAYS,
        metavar="DAYS",
        help=f"what is younger stays, and the trash lies as long (default: {GRACE_DAYS:g}); longer than any run takes",
    )


# ---------------------------------------------------------------- gc


def gc(options: argparse.Namespace, settings: Settings) -> int:
    """Collect, or say what would be collected, or take it back."""
    retention = Retention(ml_assets.open_store(settings), problems.PROBLEMS, options.grace_days, progress)
    if options.undo:
        return _undo(retention, options)
    outcome = retention.foresee() if options.dry_run else retention.collect()
    if options.json:
        say_json(_to_json(outcome, retention))
        return 0
    _say_versions(outcome.collected, f"{'would lose' if options.dry_run else 'lost'} their content")
    _say_lost(retention.plan.lost)
    say(f"to the trash: {_amount(outcome.moved)} of {plural(len(outcome.collected), 'version')}")
    say(f"deleted for good: {_amount(outcome.deleted)}")
    say(f"back from the trash, because it is needed again: {_amount(outcome.restored)}")
    if options.dry_run:
        say("nothing was changed")
    if outcome.checkpoints.objects:
        say(f"checkpoints that nobody went on with: {_amount(outcome.checkpoints)}")
    say(f"next: {_next(outcome, options)}")
    return 0


def _next(outcome: Outcome, options: argparse.Namespace) -> str:
    if options.dry_run:
        return "ml-assets gc   (or keep one of them: ml-assets pin VERSION --why …)"
    if outcome.n:
        return f"ml-assets gc --undo within {options.grace_days:g} days; a gc after that deletes it"
    return "ml-assets du"


def _say_versions(collected: Mapping[VersionKey, str], what: str) -> None:
    if not collected:
        return
    say(f"{plural(len(collected), 'version')} {what}:")
    rules = Counter((key.asset, rule) for key, rule in collected.items())
    rows = [(asset, f"{count:,}", rule) for (asset, rule), count in sorted(rules.items())]
    say(table(rows, ("asset", "versions", "rule")))


def _say_lost(lost: Mapping[VersionKey, str]) -> None:
    for key, why in list(lost.items())[:SHOWN]:
        say(f"no longer reproducible: {key}: {why}")
    if len(lost) > SHOWN:
        say(f"and {len(lost) - SHOWN:,} more; all of them: --json")


def _to_json(outcome: Outcome, retention: Retention) -> dict[str, Any]:
    amounts = {name: getattr(outcome, name)._asdict() for name in ("moved", "deleted", "restored", "checkpoints")}
    return {
        "collection": outcome.n,
        **amounts,
        "collected": [{"version": str(key), "rule": rule} for key, rule in outcome.collected.items()],
        "no_longer_reproducible": [{"version": str(key), "why": why} for key, why in retention.plan.lost.items()],
    }


def _undo(retention: Retention, options: argparse.Namespace) -> int:
    restored = retention.undo()
    if options.json:
        say_json({"restored": restored._asdict()})
    else:
        say(f"brought back: {_amount(restored)}")
        say("next: keep what you need, or the next gc takes it again: ml-assets pin VERSION --why …")
    return 0


# ---------------------------------------------------------------- du


def du(options: argparse.Namespace, settings: Settings) -> int:
    """What there is, and what it costs."""
    retention = Retention(ml_assets.open_store(settings), problems.PROBLEMS, options.grace_days, progress)
    found = [use for use in retention.uses(options.price) if options.problem in (None, use.asset.partition("/")[0])]
    if options.json:
        say_json([use.to_json() for use in found])
        return 0
    header = ("asset", "why", "versions", "files", "bytes", "$ a month")
    say(table([_row(use) for use in found], header))
    total = sum(use.bytes for use in found)
    say(f"{size(total)} in all, {sum(use.dollars for use in found):.2f} dollars a month at {options.price:g} per GiB")
    say("next: ml-assets gc --dry-run")
    return 0


def _row(use: Use) -> tuple[str, ...]:
    return (use.asset or "–", use.why, f"{use.versions:,}", f"{use.files:,}", size(use.bytes), f"{use.dollars:.2f}")


def _amount(amount: Amount) -> str:
    return f"{plural(amount.objects, 'file')}, {size(amount.bytes)}"


# ---------------------------------------------------------------- pins


def pin(options: argparse.Namespace, settings: Settings) -> int:
    """Pin a version, or list what is pinned."""
    if bool(options.version) != bool(options.why):
        raise UsageError("pin takes a version and --why the reason; give both, or neither to see what is pinned.")
    store = ml_assets.open_store(settings)
    if not options.version:
        return _list(store, options)
    key = resolve(store, options.version)
    entry = Pins.about(store, key).pin(key, why=options.why)
    next_one = f"ml-assets unpin {shlex.quote(key.short)} --why …   (when nobody needs it any more)"
    return _say_pin(options, key, entry, "is pinned: no rule lets it go", next_one)


def _say_pin(options: argparse.Namespace, key: VersionKey, entry: RefEntry, what: str, next_one: str) -> int:
    if options.json:
        say_json(_pin_to_json(key, entry))
    else:
        say(f"{key} {what}")
        say(f"next: {next_one}")
    return 0


def _pin_to_json(key: VersionKey, entry: RefEntry) -> dict[str, str]:
    return {"version": str(key), "by": entry.by, "at": entry.at, "why": entry.why}


def _list(store: Store, options: argparse.Namespace) -> int:
    found = [
        (key, entry)
        for problem in sorted({asset.partition("/")[0] for asset in store.assets()})
        for key, entry in Pins(store, problem, None).now().items()
    ]
    if options.json:
        say_json([_pin_to_json(*one) for one in found])
        return 0
    say(table([(str(key), e.by, e.at[:10], e.why) for key, e in found], ("version", "by", "since", "why")))
    say(plural(len(found), "version") + " pinned")
    return 0


def unpin(options: argparse.Namespace, settings: Settings) -> int:
    """Take a pin back."""
    store = ml_assets.open_store(settings)
    key = resolve(store, options.version)
    entry = Pins.about(store, key).unpin(key, why=options.why)
    return _say_pin(options, key, entry, "is not pinned any more", "ml-assets gc --dry-run")
