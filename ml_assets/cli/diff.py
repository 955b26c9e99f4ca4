"""`ml-assets diff`: what differs between two versions, and what that changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.show import command, progress, say, say_json, table
from ml_assets.lineage.diff import Diff, Table, diff, sections, verdict
from ml_assets.lineage.diff.predictions import THRESHOLD
from ml_assets.lineage.reference import resolve
from ml_assets.settings import Settings

EXAMPLES = """  ml-assets diff flight_delays/model@2013-05 flight_delays/model@2013-06
  ml-assets diff 9c22ab 07deff                        two versions of one partition: see ml-assets history
  ml-assets diff flight_delays/champion flight_delays/model@2013-06 --json
"""
INDENT = "  "


def add_to(verbs: Any) -> None:
    """Add `diff`."""
    parser = command(verbs, "diff", "what differs between two versions of an asset", compare, EXAMPLES)
    parser.add_argument("old", help="a reference, such as flight_delays/model@2013-05")
    parser.add_argument("new", help="another one, of the same asset")
    parser.add_argument(
        "--threshold",
        type=_probability,
        default=THRESHOLD,
        help="a probability from here on is a yes (default: %(default)s)",
    )


def compare(options: argparse.Namespace, settings: Settings) -> int:
    """The verdict first, then each section about which there is something to say."""
    store = ml_assets.open_store(settings)
    old, new = resolve(store, options.old), resolve(store, options.new)
    name = old.asset.partition("/")[0]
    problem = next((problem for problem in problems.PROBLEMS if problem.name == name), None)
    found = diff(store, old, new, problem, threshold=options.threshold, telling=progress)
    if options.json:
        say_json(found.to_json())
    else:
        for line in lines(found):
            say(line)
    return 0


def lines(found: Diff) -> Iterator[str]:
    """The whole answer, for people."""
    yield f"{found.old} -> {found.new}"
    yield verdict(found)
    for section in sections(found):
        yield from ("", section.title)
        for part in section.parts:
            yield from (f"{INDENT}{line}".rstrip() for line in _lines_of(part))


def _lines_of(part: str | Table) -> list[str]:
    return [part] if isinstance(part, str) else table(part.rows, part.header, indent=len(INDENT)).splitlines()


def _probability(text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 < threshold < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no probability: give a number between 0 and 1, such as 0.5")
    return threshold
