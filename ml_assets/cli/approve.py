"""`ml-assets approve`: let a proposed model serve, or refuse it, where the problem asks for approval."""

from __future__ import annotations

import argparse
from typing import Any

import ml_assets
from ml_assets.cli.champion import as_plain, ledger_asked, reason, told
from ml_assets.cli.home import place_of_home
from ml_assets.cli.show import command, say, say_json
from ml_assets.errors import UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.problems import problem_named
from ml_assets.promotion import approval
from ml_assets.promotion.ledger import Ledger, Move
from ml_assets.settings import Settings
from ml_assets.store import Store, VersionKey

EXAMPLES = """  ml-assets approve flight_delays --why 'better in all carriers'       whichever is proposed now
  ml-assets approve flight_delays/model@2013-06:9c22 --why '…'         this one, or none
  ml-assets approve arrival_minutes --partition EWR --why '…'          each origin has a champion of its own
  ml-assets approve flight_delays --refuse --why 'one week of storms'  it does not come back; the champion stays
"""


def add_to(verbs: Any) -> None:
    """Add `approve`."""
    verb = command(verbs, "approve", "let a proposed model serve, after checking that it scores", approve, EXAMPLES)
    verb.add_argument("of", metavar="PROBLEM", help="whose proposal, or exactly which: a reference to the model")
    verb.add_argument("--partition", metavar="P", help="whose, where there are several: see `champion`")
    verb.add_argument("--refuse", action="store_true", help="turn it away instead: it is not proposed again")
    verb.add_argument("--why", required=True, type=reason, help="the reason, for the ledger")


def approve(options: argparse.Namespace, settings: Settings) -> int:
    """Answer the proposal that is open."""
    store = ml_assets.open_store(settings)
    ledger, model = _asked(options, store)
    if options.refuse:
        return _refused(options, settings, approval.refuse(ledger, why=options.why, model=model))
    problem = problem_named(ledger.problem)
    move, trial = approval.approve(store, problem, ledger, why=options.why, model=model)
    return told(options, settings, move, trial, ledger.line)


def _asked(options: argparse.Namespace, store: Store) -> tuple[Ledger, VersionKey | None]:
    """Whose proposal is to be answered, and of which model; None: of whichever is proposed."""
    if "/" in options.of:
        model = resolve(store, options.of)
        return Ledger.of(store, problem_named(model.asset.partition("/")[0]), model.partition), model
    ledger, until = ledger_asked(options.of, options.partition, store)
    if until is not None:
        raise UsageError(f"What is proposed now is answered, whatever it was made of: leave --partition {until} out.")
    return ledger, None


def _refused(options: argparse.Namespace, settings: Settings, entry: Move) -> int:
    from ml_assets.orchestration.moves import show_move

    show_move(entry, place_of_home(settings))
    if options.json:
        say_json(as_plain(entry))
    else:
        say(f"refused: {entry.model} (entry {entry.number}); it is not proposed again, and the champion stays")
        say(f"if it should serve all the same: ml-assets promote {entry.model.short} --why '…'")
    return 0
