"""`ml-assets champion`, `promote`, `rollback`: which model serves, why, and how to put another one there."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.home import place_of_home
from ml_assets.cli.show import command, progress, say, say_json, short, table
from ml_assets.errors import UsageError
from ml_assets.evaluation.audit import Kept, Outcome, came_next, in_short, reliability
from ml_assets.lineage.audits import audited
from ml_assets.lineage.judged import newest_evaluation
from ml_assets.lineage.reference import resolve
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.promotion.audit import name_of
from ml_assets.promotion.by_hand import Trial, promote_by_hand, rollback_target
from ml_assets.promotion.ledger import Ledger, Move, how_to_approve, reigning
from ml_assets.settings import Settings
from ml_assets.store import Store

CHAMPION = """  ml-assets champion flight_delays              who serves, since when, why
  ml-assets champion flight_delays --partition 2013-03      who was chosen by the end of March
  ml-assets champion arrival_minutes --partition EWR        each origin has a champion of its own
  ml-assets champion flight_delays --log        every move, and what came next
  ml-assets champion flight_delays --audit      how often what was promised came true
  ml-assets champion flight_delays --at 2026-11-21T03:00Z   who served then
"""
PROMOTE = """  ml-assets promote flight_delays/model@2013-05 --why 'the June model misses cancellations'
"""
ROLLBACK = """  ml-assets rollback flight_delays --why 'calibration is off since Tuesday'    back to the champion before
  ml-assets rollback flight_delays --to 9c22ab --why '…'                       back to an earlier one
"""


def add_to(verbs: Any) -> None:
    """Add `champion`, `promote` and `rollback`."""
    champion_ = command(verbs, "champion", "which model serves, since when and why", champion, CHAMPION)
    champion_.add_argument("problem")
    champion_.add_argument(
        "--partition",
        metavar="P",
        help="as known at the end of P; or whose, where there are several: static partitions and a grid's values have one each",
    )
    which = champion_.add_mutually_exclusive_group()
    log = "every move, proposal, approval and refusal, oldest first, and what came next"
    which.add_argument("--log", action="store_true", help=log)
    which.add_argument("--audit", action="store_true", help="how often what was promised of moves came true")
    which.add_argument("--at", metavar="TIME", help="who was champion at that time (ISO 8601; without zone: UTC)")

    promote_ = command(
        verbs, "promote", "make a model champion by hand, after checking that it loads and scores", promote, PROMOTE
    )
    promote_.add_argument("model", help="reference to a model version")
    promote_.add_argument("--why", required=True, type=reason, help="the reason, for the ledger")

    rollback_ = command(
        verbs, "rollback", "put an earlier champion back, after checking that it loads and scores", rollback, ROLLBACK
    )
    rollback_.add_argument("problem")
    rollback_.add_argument("--partition", metavar="P", help="whose, where there are several: see `champion`")
    rollback_.add_argument("--to", metavar="VERSION", help="an earlier champion (default: the one before)")
    rollback_.add_argument("--why", required=True, type=reason, help="the reason, for the ledger")


def champion(options: argparse.Namespace, settings: Settings) -> int:
    """Print the champion and what is proposed, or all moves."""
    store = ml_assets.open_store(settings)
    if options.audit:
        _print_audit(store, options)
        return 0
    ledger, until = _ledger_to_read(options, store)
    if options.log:
        _print_log(ledger, audited(store, ledger.problem), as_json=options.json)
    elif options.at:
        _print_champion(ledger.at(options.at), as_json=options.json)
    elif until is not None:
        _print_champion(ledger.current(until=until), as_json=options.json)
    else:
        _print_present(ledger, as_json=options.json)
    return 0


def _print_log(ledger: Ledger, outcomes: Sequence[Outcome], *, as_json: bool) -> None:
    moves = ledger.moves()
    next_ = [came_next(outcomes, name_of(move), ledger.line) for move in moves]
    if as_json:
        say_json([{**as_plain(move), "came_next": came} for move, came in zip(moves, next_, strict=True)])
        return
    serving = reigning(moves)
    header = ("move", "kind", "as_of", "model", "version", "since", "by", "came next", "why")
    rows = [_row(move, came, serves=move is serving) for move, came in zip(moves, next_, strict=True)]
    say(table(rows, header))
    if moves:
        say("* serves now: champions succeed each other in order of the partition that they were decided as of")


def _print_audit(store: Store, options: argparse.Namespace) -> None:
    """How often what was promised came true; of all lines, or of one."""
    every = audited(store, options.problem)
    outcomes = [one for one in every if options.partition in (None, one.line, one.partition)]
    rows = reliability(outcomes)
    if options.json:
        say_json({"reliability": [asdict(row) for row in rows], "outcomes": [one.to_json() for one in outcomes]})
        return
    header = ("said", "decisions", "better afterwards", "share", "95 % interval", "right", "wrong", "as promised")
    say(table([_audit_row(row) for row in rows], header))
    if not rows:
        say(
            f"nothing of {options.problem} is audited yet: the partition after a move does, once its outcomes are known"
        )
    else:
        say(in_short(outcomes) or "nothing was promised yet")
        say("each decision counts once, by the first partition after it; right and wrong are beyond chance")


def _audit_row(row: Kept) -> tuple[str, ...]:
    held = f"{row.held} of {row.told}" if row.told else "–"
    interval = f"{row.low:.2f} to {row.high:.2f}"
    counts = (str(row.decisions), str(row.better), f"{row.share:.2f}", interval, str(row.right), str(row.wrong))
    return (row.said, *counts, held)


def _print_champion(move: Move, *, as_json: bool) -> None:
    if as_json:
        say_json(as_plain(move))
        return
    say(f"{move.model}\n  since {move.at}, move {move.number} ({move.kind}) by {move.by}\n  {move.why}")
    say(f"next: ml-assets show {short(move.model.version)} · ml-assets lineage {short(move.model.version)}")


def _print_present(ledger: Ledger, *, as_json: bool) -> None:
    """Who serves now, and who is to, once somebody approves."""
    serving, waiting = ledger.current(), ledger.proposal()
    if as_json:
        say_json({**as_plain(serving), "proposal": as_plain(waiting) if waiting else None})
        return
    _print_champion(serving, as_json=False)
    if waiting is not None:
        say(
            f"proposed: {waiting.model}\n  at {waiting.at}, entry {waiting.number}, as of {waiting.as_of}\n  {waiting.why}"
        )
        say(f"let it serve: {how_to_approve(waiting.model)}")


def promote(options: argparse.Namespace, settings: Settings) -> int:
    """Make a model champion by hand."""
    store = ml_assets.open_store(settings)
    model = resolve(store, options.model)
    problem_name, noun = model.asset.split("/")
    if noun != "model":
        raise UsageError(f"{model} is no model. Name one, e.g. {problem_name}/model@{model.partition}.")
    problem = problem_named(problem_name)
    ledger = Ledger.of(store, problem, model.partition)
    move, trial = promote_by_hand(store, problem, ledger, model, kind="promotion", why=options.why)
    if newest_evaluation(store, model) is None:
        progress(f"warning: {model} was never judged: no metric of it is known, and no gate was held")
    return told(options, settings, move, trial, ledger.line)


def rollback(options: argparse.Namespace, settings: Settings) -> int:
    """Put an earlier champion back."""
    store = ml_assets.open_store(settings)
    problem = problem_named(options.problem)
    ledger, until = ledger_asked(options.problem, options.partition, store)
    if until is not None:
        whose = f"--partition {shlex.quote(ledger.line)}" if ledger.line else "no --partition"
        raise UsageError(f"Who serves now is rolled back, not who did in {until}: a rollback takes {whose}.")
    wanted = resolve(store, options.to) if options.to else None
    target = rollback_target(ledger, wanted)
    move, trial = promote_by_hand(store, problem, ledger, target, kind="rollback", why=options.why)
    return told(options, settings, move, trial, ledger.line)


def told(options: argparse.Namespace, settings: Settings, move: Move, trial: Trial, line: str | None) -> int:
    """Show a move in Dagster and to who made it."""
    from ml_assets.orchestration.moves import show_move

    show_move(move, place_of_home(settings))
    _print_move(options, move, trial, line)
    return 0


def _print_move(options: argparse.Namespace, move: Move, trial: Trial, line: str | None) -> None:
    problem = move.model.asset.split("/")[0]
    if options.json:
        say_json({**as_plain(move), "scored_rows": trial.rows})
    else:
        say(f"checked: {move.model} loads and scores {trial.rows:,} rows ({trial.summary})")
        say(
            f"champion of {problem}{f' {line}' if line else ''} on branch {move.branch} is now {move.model} (move {move.number})"
        )
        if move.as_of != move.model.partition or move.kind == "rollback":
            say(_what_it_predicts(problem_named(problem), move))
        whose = f" --partition {shlex.quote(line)}" if line else ""
        say(f"next: ml-assets champion {problem}{whose} --log")


def _what_it_predicts(problem: Problem, move: Move) -> str:
    if problem.partitions.in_time:
        return f"it predicts the partitions after {move.as_of}; what was predicted before stays as it is"
    at = move.model.partition
    again = f"ml-assets run {problem.name}/predictions --partition {shlex.quote(str(at))}"
    return f"what is predicted for {at} is by it once that is made again: {again}"


def reason(text: str) -> str:
    """What was given as ``--why``: not nothing."""
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, for those who ask later")
    return text


def _ledger_to_read(options: argparse.Namespace, store: Store) -> tuple[Ledger, str | None]:
    """See ``ledger_asked``; of a problem that is broken too: who serves, nobody needs its code to know."""
    if options.problem in {broken.name for broken in problems.BROKEN}:
        return Ledger(store, options.problem, options.partition), None
    return ledger_asked(options.problem, options.partition, store)


def ledger_asked(problem_name: str, asked: str | None, store: Store) -> tuple[Ledger, str | None]:
    """Whose ledger, and until when: ``--partition`` names a line of partitions, or a partition in time."""
    problem = problem_named(problem_name)
    partitions, lines = problem.partitions, _lines(problem, store)
    if asked is None and (lines or not partitions.in_time):
        each = f"Each {partitions.line_name} of {problem.name} has a champion of its own"
        raise UsageError(f"{each}; add --partition: {', '.join(lines)}.")
    if asked is None or asked in lines:
        return Ledger(store, problem.name, asked, partitions.in_time), None
    meant = partitions.between(partitions.keys() or lines, asked, asked)
    if meant != [asked]:
        raise UsageError(
            f"{asked} is several partitions, each with a champion of its own. Name one: {', '.join(meant)}."
        )
    return Ledger.of(store, problem, asked), asked


def _lines(problem: Problem, store: Store) -> list[str]:
    """What has a champion of its own; of dynamic partitions those that something was made for."""
    made = [] if problem.partitions.in_time else store.partitions(f"{problem.name}/model")
    return problem.partitions.lines() or [key for key in made if key]


def _row(move: Move, came: str, *, serves: bool) -> tuple[str, ...]:
    model, version = f"{move.model.asset}@{move.model.partition}", short(move.model.version)
    number = f"{move.number}{' *' * serves}"
    return (number, move.kind, move.as_of or "–", model, version, move.at[:19], move.by, came or "–", move.why)


def as_plain(move: Move) -> dict[str, Any]:
    """An entry of the ledger as plain JSON."""
    return {
        "move": move.number,
        "kind": move.kind,
        "asset": move.model.asset,
        "partition": move.model.partition,
        "version": move.model.version,
        "as_of": move.as_of,
        "since": move.at,
        "by": move.by,
        "why": move.why,
        "run": move.run,
    }
