"""`ml-assets monitoring`: how champions did in the partitions that they served, what moved, and what was trained again for it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import ml_assets
from ml_assets.assets import noun_that
from ml_assets.cli.show import command, number, plural, say, say_json, table
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.lineage.monitored import monitored, report_of
from ml_assets.monitoring.finding import Finding
from ml_assets.monitoring.report import Drift, Report
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.promotion.ledger import instant
from ml_assets.promotion.retraining import retrainings
from ml_assets.settings import Settings
from ml_assets.store import RefEntry, Store, VersionKey

EXAMPLES = """  ml-assets monitoring flight_delays                       each month: promised, estimated, realised, and what moved
  ml-assets monitoring flight_delays --partition 2013-05   May: each feature, each slice, each alarm
  ml-assets monitoring flight_delays --live                what was answered over HTTP of days that have not landed
  ml-assets monitoring flight_delays --log                 what was trained again for what was found, and why not
"""
MOST_NAMED = 3  # features in a row


def add_to(verbs: Any) -> None:
    """Add `monitoring`."""
    summary = "how champions did where they served: promised, estimated, realised; what moved"
    parser = command(verbs, "monitoring", summary, monitoring, EXAMPLES)
    parser.add_argument("problem")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--partition", metavar="P", help="of this partition all that was found")
    which.add_argument(
        "--live", action="store_true", help="what was answered over HTTP and has not landed, today included"
    )
    which.add_argument("--log", action="store_true", help="what was trained again for what was found, and why not")
    parser.add_argument("--at", metavar="TIME", help="with --live: as it was then (ISO 8601; without zone: UTC)")


def monitoring(options: argparse.Namespace, settings: Settings) -> int:
    """Print what was found."""
    store, problem = ml_assets.open_store(settings), problem_named(options.problem)
    if not problem.partitions.in_time:
        raise UsageError(f"{problem.name} is not monitored: its partitions do not follow each other in time.")
    if options.log:
        _print_log(retrainings(store, problem.name), as_json=options.json)
    elif options.live:
        _print_live(problem, store, at=options.at, as_json=options.json)
    elif options.partition:
        _print_one(*_found(store, problem, options.partition), store, as_json=options.json)
    else:
        _print_all(problem, list(monitored(store, problem.name).values()), as_json=options.json)
    return 0


def _found(store: Store, problem: Problem, partition: str) -> tuple[VersionKey, Finding]:
    found = monitored(store, problem.name, [partition])
    if not found:
        asset = f"{problem.name}/{noun_that('watches')}"
        raise UnknownVersion(
            f"Nothing is known of how {partition} was served: it is not monitored yet, or nobody served it. "
            f"Make it: ml-assets run {asset} --partition '{partition}'"
        )
    return next(iter(found.items()))


def _print_all(problem: Problem, found: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        say_json([one.to_json() for one in found])
        return
    if not found:
        say(f"nothing of {problem.name} is monitored yet: the partition after a champion's first is")
        return
    header = ("partition", "model", "rows", "outcomes", "promised", "estimated", "realised", "moved beyond chance")
    say(table([_row(one) for one in found], header))
    first = found[-1]
    unit = "" if first.unit == "1" else f", in {first.unit}"
    say(f"{first.metric}{unit}, with 95 % intervals; {'more' if first.higher_is_better else 'less'} is better")


def _row(one: Finding) -> tuple[str, ...]:
    moved = [*one.drifted, *(name for name, how in one.scores.items() if how.is_alarm)]
    more = f" and {len(moved) - MOST_NAMED} more" if len(moved) > MOST_NAMED else ""
    numbers = (str(of) if of else "–" for of in one.numbers.values())
    named = f"{', '.join(moved[:MOST_NAMED])}{more}"
    return (one.partition, one.model, f"{one.rows:,}", f"{one.outcomes:,}", *numbers, named or "–")


def _print_live(problem: Problem, store: Store, *, at: str | None, as_json: bool) -> None:
    from ml_assets.orchestration.live_looks import live_looks

    now = instant(at) if at else datetime.now(UTC)
    told = [(one, report) for one in live_looks(problem, store, now) if (report := one.so_far(now))]
    if as_json:
        say_json(
            [{**one.finding(of).to_json(), "until": one.until.isoformat(), "report": of.to_json()} for one, of in told]
        )
        return
    if not told:
        say(
            f"nothing that the champion of {problem.name} answered over HTTP since yesterday is recorded: "
            f"ml-assets serve {problem.name} --record FOLDER"
        )
    for one, so_far in told:
        say(one.finding(one.report).sentence if one.report else f"{one.model.key} answered nothing before today.")
        say(_so_far(one.report, so_far))
        _print_drift(so_far)


def _so_far(seen: Report | None, report: Report) -> str:
    """What days show that are not over."""
    over = {moment.at for moment in seen.moments} if seen else set()
    today = {moment.at: moment.rows for moment in report.moments if moment.at not in over}
    moved = [one.sentence for one in (*report.features, *report.scores) if one.evidence.first in today]
    return " ".join([f"Today, so far no alarm: {sum(today.values()):,} rows.", *moved])


def _print_one(key: VersionKey, found: Finding, store: Store, *, as_json: bool) -> None:
    report = report_of(store, key)
    if as_json:
        say_json({**found.to_json(), "version": key.version, "report": report.to_json()})
        return
    say(found.sentence)
    _print_drift(report)
    slices = [*_slices(report, found.metric)]
    if slices:
        say()
        say(table(slices, ("slice", "rows", found.metric)))


def _print_drift(report: Report) -> None:
    header = ("feature", "moved", "in", "since", "evidence", "alarm from", "index", "missing", "unseen")
    say(table([_drift(one) for one in (*report.scores, *report.features)], header))
    say("evidence as powers of ten: 10^3 is a thousand to one against chance; index: PSI beyond chance")


def _drift(one: Drift) -> tuple[str, ...]:
    of = one.evidence
    if of.untold:
        return (one.name, "untold", of.untold, "–", "–", "–", number(one.psi_corrected), "–", "–")
    moved = "yes" if of.alarm else "perhaps" if of.suspected else "no"
    odds = f"10^{of.log10_e:.1f}", f"10^{of.threshold:.1f}"
    missing = f"{number(one.missing_before)} -> {number(one.missing)}"
    return (
        one.name,
        moved,
        of.what,
        of.first or "–",
        *odds,
        number(one.psi_corrected),
        missing,
        f"{one.unseen_rows:,}",
    )


def _slices(report: Report, metric: str) -> Iterator[tuple[str, ...]]:
    for one in report.slices:
        yield (f"{one.column} = {one.value}", f"{one.rows:,}", number(one.scores.get(metric)))


def _print_log(entries: Sequence[RefEntry], *, as_json: bool) -> None:
    if as_json:
        say_json([{**entry.details, "at": entry.at, "by": entry.by, "why": entry.why} for entry in entries])
        return
    rows = [(e.at[:19], str(e.details["decision"]), str(e.details["trains"]), e.why) for e in entries]
    say(table(rows, ("at", "decision", "trains", "why")))
    say(plural(len(entries), "decision"))
