"""`ml-assets answered`: what was answered about an entity, by which model, made of what, and why that one served."""

from __future__ import annotations

import argparse
from datetime import UTC
from typing import Any

import ml_assets
from ml_assets.cli.champion import as_plain
from ml_assets.cli.show import command, cut, say, say_json, short, table
from ml_assets.lineage.answered import Asked, Background, Behind, Given
from ml_assets.problems import problem_named
from ml_assets.promotion.ledger import instant
from ml_assets.settings import Settings

EXAMPLES = """  ml-assets answered flight_delays --entity '2013-06-15 UA1643 EWR'           every answer, newest first
  ml-assets answered flight_delays --entity '2013-06-15 UA1643 EWR' --at 2026-11-21T03:00Z   what it was answered last, by then
  ml-assets answered arrival_minutes@EWR --entity '2013-06-15 UA1643 EWR' --json  with features, where it was asked over HTTP
"""
HOW = {"http": "over HTTP", "batch": "in a batch"}


def add_to(verbs: Any) -> None:
    """Add `answered`."""
    summary = "what was answered about an entity, over HTTP and in batches: by which model, of what data, why it served"
    parser = command(verbs, "answered", summary, answered, EXAMPLES)
    parser.add_argument("problem", metavar="PROBLEM", help="or PROBLEM@LINE, where each line has a champion")
    parser.add_argument("--entity", required=True, metavar="E", help="a value of the problem's entity")
    parser.add_argument("--at", metavar="TIME", help="the last answers by that time (ISO 8601; without zone: UTC)")


def answered(options: argparse.Namespace, settings: Settings) -> int:
    """Print the answers, and what stands behind each."""
    store = ml_assets.open_store(settings)
    name, _, line = options.problem.partition("@")
    problem, until = problem_named(name), instant(options.at) if options.at else None
    asked = Asked(store, problem, options.entity, line or None, until, settings.record_key)
    found = asked.last() if until else asked.answers()
    background = Background(store, problem)
    reasons = [background.of(given) for given in found]
    if options.json:
        say_json([_as_plain(given, of) for given, of in zip(found, reasons, strict=True)])
    else:
        _print(found, reasons)
    return 0


def _print(found: list[Given], reasons: list[Behind]) -> None:
    header = ("answered", "how", "event time", *found[0].prediction, "model", "where")
    say(table([_row(given, list(found[0].prediction)) for given in found], header))
    for one in {(of.model, of.move and of.move.at): of for of in reasons}.values():
        _print_behind(one)
    say(f"next: ml-assets lineage {found[0].model.short}")


def _row(given: Given, columns: list[str]) -> tuple[str, ...]:
    values = (f"{given.prediction[name]:.6g}" if name in given.prediction else "–" for name in columns)
    at = given.at.astimezone(UTC).isoformat(timespec="seconds")
    return (at, HOW[given.how], given.event_time or "–", *values, given.model.short, given.where)


def _print_behind(of: Behind) -> None:
    move, manifest = of.move, of.manifest
    say(f"{of.model}")
    if move is None:
        say("  served    without a move of the ledger")
    else:
        say(f"  served    since {move.at}, move {move.number} ({move.kind}) by {move.by}")
        say(cut(f"  why       {move.why}"))
    commit = manifest.code.get("git_commit")
    say(f"  code      {short(of.code or 'not recorded')}{f', commit {short(str(commit))}' if commit else ''}")
    params = ", ".join(f"{name} {value}" for name, value in manifest.params.items())
    say(cut(f"  params    {params or 'none'}; seed {manifest.seed}"))
    for key in of.data:
        say(f"  data      {key}")


def _as_plain(given: Given, of: Behind) -> dict[str, Any]:
    return {
        "answered_at": given.at.isoformat(),
        "how": given.how,
        "where": given.where,
        "line": given.line,
        "event_time": given.event_time,
        "prediction": dict(given.prediction),
        "features": dict(given.features) or None,
        "model": str(given.model),
        "model_version": given.model.version,
        "data": [{"asset": key.asset, "partition": key.partition, "version": key.version} for key in of.data],
        "code": of.code,
        "git_commit": of.manifest.code.get("git_commit"),
        "params": dict(of.manifest.params),
        "seed": of.manifest.seed,
        "served": as_plain(of.move) if of.move else None,
    }
