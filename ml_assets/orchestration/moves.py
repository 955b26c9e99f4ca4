"""Moves by hand, shown where people look: on the page of the champion in Dagster.

`ml-assets promote`, `rollback` and `approve` write into the ledger and make nothing: what Dagster is told is an observation of
the champion. Its UI shows it among the events and on the page of the partition; the overview holds what was materialized last.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from ml_assets.assets import noun_that
from ml_assets.orchestration.keys import key_named
from ml_assets.orchestration.launch import instance_in
from ml_assets.promotion.ledger import Move
from ml_assets.store import MAIN


def show_move(move: Move, folder: Path) -> None:
    """Report a move of everybody's champion to the Dagster instance of ``folder``, if there is one."""
    if move.branch != MAIN or not (folder / "dagster.yaml").exists():
        return
    with instance_in(folder) as instance:
        instance.report_runless_asset_event(observation(move))


def observation(move: Move) -> dg.AssetObservation:
    """A move as an observation of the champion of the partition that it counts from."""
    said = f"{move.kind} by {move.by}: {move.why}"
    about = "champion" if move.crowns else "model"
    return dg.AssetObservation(
        key_named(f"{move.model.asset.split('/')[0]}/{noun_that('decides')}"),
        partition=move.as_of or move.model.partition,
        description=said,
        metadata={"decision": move.kind, "why": said, about: str(move.model), "move": move.number},
    )
