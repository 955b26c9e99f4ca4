"""`ml-assets branch`: which branches there are, what each has that main has not, and how one goes."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict
from typing import Any

import ml_assets
from ml_assets.cli.differences import as_plain, shown
from ml_assets.cli.show import command, plural, say, say_json, table
from ml_assets.errors import Refused, UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.promotion.merging import is_shared
from ml_assets.settings import Settings
from ml_assets.store import MAIN, RefEntry, Store, branches

EXAMPLES = """  ml-assets branch                            which there are: last move, ahead of main, where main moved since
  ml-assets branch ada                        each ref of one beside main
  ml-assets branch --remove ada               its versions stay, until they are collected
  ml-assets branch ada --names 9c22ab 07de    let a branch name these versions, also one that was removed
"""


def add_to(verbs: Any) -> None:
    """Add `branch`."""
    verb = command(verbs, "branch", "which branches there are, and how they differ from main", branch, EXAMPLES)
    verb.add_argument("branch", nargs="?", help="one of them: each of its refs")
    verb.add_argument("--names", nargs="+", metavar="VERSION", help="let it name these versions")
    verb.add_argument("--remove", metavar="NAME", help="remove one; its versions stay until they are collected")


def branch(options: argparse.Namespace, settings: Settings) -> int:
    """List, show, remove, or let one name versions."""
    store = ml_assets.open_store(settings)
    if options.remove:
        _remove(store, options.remove, as_json=options.json)
    elif options.branch and options.names:
        _let_name(store, options)
    elif options.branch:
        _print_one(store.at_a_glance(), options.branch, as_json=options.json)
    elif options.names:
        raise UsageError("Say which branch is to name them: ml-assets branch NAME --names VERSION")
    else:
        _print_all(store.at_a_glance(), settings, as_json=options.json)
    return 0


def _print_all(store: Store, settings: Settings, *, as_json: bool) -> None:
    rows = [_summary(store, name) for name in store.branches()]
    if as_json:
        places = {"store": store.url, "upstream": settings.upstream or None}
        say_json({**places, "user": store.user, "branch": store.branch, "branches": rows})
        return
    over = f" over {settings.upstream}, whose main is read and never written" if settings.upstream else ""
    say(f"you are {store.user} on branch {store.branch} of {store.url}{over}")
    header = ("branch", "refs", "ahead", "main moved", "last move", "by")
    say(table([_cells(row) for row in rows], header) or "nothing is named yet")
    others = [row["branch"] for row in rows if row["branch"] != MAIN]
    if settings.upstream and store.branch in others:
        say("next: ml-assets push --dry-run")
    elif others:
        say(f"next: ml-assets merge {shlex.quote(others[0])} --dry-run")


def _summary(store: Store, name: str) -> dict[str, Any]:
    """A branch in numbers; of main there is nothing to compare."""
    if name == MAIN:
        last = branches.last_move(store, MAIN)
        return {"branch": name, "refs": len(branches.refs_of(store, MAIN)), **_move(last)}
    found = branches.differences(store, name)
    ahead = sum(one.state in ("ahead", "moved") for one in found)
    moved = sum(bool(one.moves) for one in found)
    return {"branch": name, "refs": len(found), "ahead": ahead, "main_moved": moved, **_move(branches.newest(found))}


def _move(entry: RefEntry | None) -> dict[str, Any]:
    return {"at": entry.at if entry else None, "by": entry.by if entry else None}


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    numbers = (str(row.get(name, "–")) for name in ("refs", "ahead", "main_moved"))
    return (row["branch"], *numbers, (row["at"] or "–")[:16], row["by"] or "–")


def _print_one(store: Store, name: str, *, as_json: bool) -> None:
    found = branches.differences(store, name)
    if as_json:
        say_json({"branch": name, "refs": [as_plain(one) for one in found]})
        return
    say(shown(found))
    say(f"next: ml-assets merge {shlex.quote(name)} --dry-run")


def _remove(store: Store, name: str, *, as_json: bool) -> None:
    """Say what is lost, and how to have it back."""
    found = branches.differences(store, name) if name != MAIN else []
    branches.remove(store, name)
    only = [one.entry.target for one in found if one.state in ("ahead", "moved") and is_shared(one.asset)]
    logs = sorted({one.asset for one in found if not is_shared(one.asset)})
    if as_json:
        say_json({"removed": name, "refs": len(found), "only_here": [asdict(key) for key in only], "logs": logs})
        return
    say(f"removed the branch {name}: {plural(len(found), 'ref')}, {len(only)} of versions that main does not name")
    if only:
        say("they stay until they are collected; to have them back:")
        say(f"  ml-assets branch {shlex.quote(name)} --names {' '.join(key.short for key in only)}")
    if logs:
        say(f"gone for good, what the branch wrote in {', '.join(logs)}")


def _let_name(store: Store, options: argparse.Namespace) -> None:
    if options.branch == MAIN:
        raise Refused("What main names is moved by runs and by ml-assets merge. Nothing was changed. Name a branch.")
    there = store.on(options.branch)
    keys = [resolve(store, text) for text in options.names]
    for key in keys:
        own = there.own_log(key.asset, key.partition)
        if not own or own[-1].target != key:
            there.move(key.asset, key.partition, key, expected=own[-1].n if own else 0, why="named by hand")
    if options.json:
        say_json({"branch": options.branch, "names": [asdict(key) for key in keys]})
    else:
        say(f"the branch {options.branch} names {', '.join(map(str, keys))}")
        say(f"next: ml-assets branch {shlex.quote(options.branch)}")
