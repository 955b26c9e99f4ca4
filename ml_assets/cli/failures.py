"""`ml-assets failures`: what champions got badly wrong, what became of it, and what no longer counts."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

import ml_assets
from ml_assets.cli.champion import ledger_asked, reason
from ml_assets.cli.show import command, number, say, say_json, short, table
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.problem import FAILURES, Problem
from ml_assets.problems import problem_named
from ml_assets.promotion.failure_list import KnownFailure, failures_of_problem
from ml_assets.promotion.retired import Retired
from ml_assets.settings import Settings
from ml_assets.store import Store

EXAMPLES = """  ml-assets failures flight_delays                            open, mended and retired, with sizes, models and dates
  ml-assets failures flight_delays --partition 2013-05        those of May
  ml-assets failures flight_delays --retire 2013-05:3f9a1c22 --why 'that airport closed'
"""


def add_to(verbs: Any) -> None:
    """Add `failures`."""
    parser = command(
        verbs, "failures", "what champions got badly wrong: open, mended, retired; retire one", failures, EXAMPLES
    )
    parser.add_argument("problem")
    parser.add_argument("--partition", metavar="P", help="of this partition; or of which line, where there are several")
    parser.add_argument("--retire", metavar="FAILURE", help="no challenger is held to it any more; say --why")
    parser.add_argument("--why", type=reason, help="the reason, for the log")


def failures(options: argparse.Namespace, settings: Settings) -> int:
    """List them, or retire one."""
    if bool(options.retire) != bool(options.why):
        raise UsageError("--retire takes a failure and --why the reason; give both or neither.")
    store, problem = ml_assets.open_store(settings), problem_named(options.problem)
    if problem.held_to(FAILURES) is None:
        raise UsageError(f"{problem.name} remembers no failures. Add NoRegression(FAILURES) to its gates.")
    line, found = _known(store, problem, options.partition)
    if options.retire:
        return _retire(store, problem, line, found, options)
    if options.json:
        say_json([one.to_json() for one in found])
        return 0
    header = (
        "failure",
        "state",
        "rows",
        problem.entity,
        "label",
        "error",
        "failed by",
        "mended by",
        "found",
        "retired",
    )
    say(table([_row(one) for one in found], header))
    states = Counter(one.state for one in found)
    say(f"{states['open']} open, {states['mended']} mended, {states['retired']} retired")
    return 0


def _known(store: Store, problem: Problem, asked: str | None) -> tuple[str | None, list[KnownFailure]]:
    """The line that is asked about, and its failures, or those of one partition."""
    ledger, partition = ledger_asked(problem.name, asked, store)
    of_line = [
        one for one in failures_of_problem(store, problem) if problem.partitions.line(one.partition) == ledger.line
    ]
    return ledger.line, [one for one in of_line if partition in (None, one.partition)]


def _retire(
    store: Store, problem: Problem, line: str | None, found: list[KnownFailure], options: argparse.Namespace
) -> int:
    meant = next((one for one in found if one.failure == options.retire), None)
    if meant is None:
        raise UnknownVersion(
            f"{problem.name} has no failure {options.retire!r}. List them: ml-assets failures {problem.name}"
        )
    entry = Retired(store, problem.name, line).retire(meant.failure, meant.found_in, why=options.why)
    if options.json:
        say_json({"failure": meant.failure, "by": entry.by, "at": entry.at, "why": entry.why})
    else:
        say(f"{meant.failure} is retired: from the next decision on, no challenger is held to it")
    return 0


def _row(one: KnownFailure) -> tuple[str, ...]:
    label, error = f"{one.label:g}", number(one.error)
    models = short(one.failed), short(one.mended) or "–"
    return (one.failure, one.state, f"{one.rows:,}", one.entity, label, error, *models, one.since[:10], one.why or "–")
