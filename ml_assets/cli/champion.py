"""`ml-assets champion`, `promote`, `rollback`: which model serves, why, and how to put another one there."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.partitions import between
from ml_assets.cli.show import command, say, say_json, short, table
from ml_assets.errors import UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.problem import Problem, is_calendar
from ml_assets.problems import problem_named
from ml_assets.promotion.by_hand import Trial, promote_by_hand, rollback_target
from ml_assets.promotion.ledger import Ledger, Move, reigning
from ml_assets.settings import Settings
from ml_assets.store import Store

CHAMPION = """  ml-assets champion flight_delays              who serves, since when, why
  ml-assets champion flight_delays --partition 2013-03      who was chosen by the end of March
  ml-assets champion flight_delays --log        every move
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
        "--partition", metavar="P", help="as known at the end of P; static partitions have a champion each"
    )
    which = champion_.add_mutually_exclusive_group()
    which.add_argument("--log", action="store_true", help="every move, oldest first")
    which.add_argument("--at", metavar="TIME", help="who was champion at that time (ISO 8601; without zone: UTC)")

    promote_ = command(
        verbs, "promote", "make a model champion by hand, after checking that it loads and scores", promote, PROMOTE
    )
    promote_.add_argument("model", help="reference to a model version")
    promote_.add_argument("--why", required=True, type=_reason, help="the reason, for the ledger")

    rollback_ = command(
        verbs, "rollback", "put an earlier champion back, after checking that it loads and scores", rollback, ROLLBACK
    )
    rollback_.add_argument("problem")
    rollback_.add_argument("--partition", metavar="P", help="only for static partitions, which have a champion each")
    rollback_.add_argument("--to", metavar="VERSION", help="an earlier champion (default: the one before)")
    rollback_.add_argument("--why", required=True, type=_reason, help="the reason, for the ledger")


def champion(options: argparse.Namespace, settings: Settings) -> int:
    """Print the champion, or all moves."""
    ledger = _ledger_to_read(options, ml_assets.open_store(settings))
    if options.log:
        _print_log(ledger, as_json=options.json)
    elif options.at:
        _print_champion(ledger.at(options.at), as_json=options.json)
    else:
        _print_champion(ledger.current(until=options.partition), as_json=options.json)
    return 0


def _print_log(ledger: Ledger, *, as_json: bool) -> None:
    moves = ledger.moves()
    if as_json:
        say_json([_as_json(move) for move in moves])
        return
    serving = reigning(moves)
    header = ("move", "kind", "as_of", "model", "version", "since", "by", "why")
    say(table([_row(move, serves=move is serving) for move in moves], header))
    if moves:
        say("* serves now: champions succeed each other in order of the partition that they were decided as of")


def _print_champion(move: Move, *, as_json: bool) -> None:
    if as_json:
        say_json(_as_json(move))
        return
    say(f"{move.model}\n  since {move.at}, move {move.number} ({move.kind}) by {move.by}\n  {move.why}")
    say(f"next: ml-assets show {short(move.model.version)} · ml-assets lineage {short(move.model.version)}")


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
    return _report(options, settings, move, trial)


def rollback(options: argparse.Namespace, settings: Settings) -> int:
    """Put an earlier champion back."""
    store = ml_assets.open_store(settings)
    problem = problem_named(options.problem)
    if options.partition is not None and is_calendar(problem.partitions):
        raise UsageError(f"{problem.name} has one champion for all partitions; a rollback takes no --partition.")
    ledger = _ledger(options, store)
    wanted = resolve(store, options.to) if options.to else None
    target = rollback_target(ledger, wanted)
    move, trial = promote_by_hand(store, problem, ledger, target, kind="rollback", why=options.why)
    return _report(options, settings, move, trial)


def _report(options: argparse.Namespace, settings: Settings, move: Move, trial: Trial) -> int:
    from ml_assets.orchestration.moves import show_move

    show_move(move, Path(settings.dagster_home or Path.cwd()))
    _print_move(options, move, trial)
    return 0


def _print_move(options: argparse.Namespace, move: Move, trial: Trial) -> None:
    problem = move.model.asset.split("/")[0]
    if options.json:
        say_json({**_as_json(move), "scored_rows": trial.rows})
    else:
        say(f"checked: {move.model} loads and scores {trial.rows:,} rows ({trial.summary})")
        say(f"champion of {problem} on branch {move.branch} is now {move.model} (move {move.number})")
        if move.as_of != move.model.partition or move.kind == "rollback":
            say(f"it predicts the partitions after {move.as_of}; what was predicted before stays as it is")
        say(f"next: ml-assets champion {problem} --log")


def _reason(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("say why, for those who ask later")
    return text


def _ledger_to_read(options: argparse.Namespace, store: Store) -> Ledger:
    """The ledger; of a problem that is broken too: who serves, nobody needs its code to know."""
    if options.problem in {broken.name for broken in problems.BROKEN}:
        return Ledger(store, options.problem, options.partition)
    return _ledger(options, store)


def _ledger(options: argparse.Namespace, store: Store) -> Ledger:
    problem = problem_named(options.problem)
    if not is_calendar(problem.partitions) and options.partition is None:
        known = ", ".join(_partitions(problem, store))
        raise UsageError(f"Each partition of {problem.name} has a champion of its own; add --partition: {known}.")
    if options.partition is not None:
        between(_partitions(problem, store), options.partition, options.partition)
    return Ledger.of(store, problem, options.partition)


def _partitions(problem: Problem, store: Store) -> list[str]:
    """The problem's partitions; of dynamic ones those that something was made for."""
    return problem.partitions.keys() or [key for key in store.partitions(f"{problem.name}/model") if key]


def _row(move: Move, *, serves: bool) -> tuple[str, ...]:
    model, version = f"{move.model.asset}@{move.model.partition}", short(move.model.version)
    number = f"{move.number}{' *' * serves}"
    return (number, move.kind, move.as_of or "–", model, version, move.at[:19], move.by, move.why)


def _as_json(move: Move) -> dict[str, Any]:
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
