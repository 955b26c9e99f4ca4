"""Promotion and rollback by hand: one act, after checking that the model still loads and scores.

Gates and comparisons do not apply: at 3 a.m. a person knows something that they do not. What applies is that the model
can serve: its bytes are whole, its code still runs, its features still exist, its answers are predictions.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from ml_assets.assets import noun_that
from ml_assets.errors import Refused, UnknownVersion
from ml_assets.evaluation.scored_rows import refuse_unusable
from ml_assets.problem import Problem
from ml_assets.promotion.ledger import Crowning, Ledger, Move, in_succession, reigning, standing
from ml_assets.store import RefEntry, Store, VersionKey
from ml_assets.training.model import predict

TRIAL_ROWS = 10_000


@dataclass(frozen=True)
class Trial:
    """That a model scores: on how many rows of which features, and what it said."""

    rows: int
    features: VersionKey
    lowest: float
    highest: float

    @property
    def summary(self) -> str:
        """One line for people."""
        return f"predictions {self.lowest:.4g} to {self.highest:.4g}, features {self.features}"


def promote_by_hand(
    store: Store,
    problem: Problem,
    ledger: Ledger,
    model: VersionKey,
    *,
    kind: Crowning,
    why: str,
    run: str | None = None,
    since: str | None = None,
) -> tuple[Move, Trial]:
    """Make ``model`` champion after trying it on the newest features.

    As of the newest partition that was decided, or the model's own if that is newer (nothing that is predicted for a
    month may come from a model that was made of it), or the present champion's: else it would not succeed that one.

    Args:
        run: which run moves it, if one does.
        since: a partition in time that it is as of, at least.
    Raises:
        CorruptBlob, MissingBlob, FeatureMismatch, InvalidPrediction: if it cannot serve; nothing was changed.
        RefMoved: if the champion moved meanwhile; nothing was changed.
        Refused: if it is champion already.
    """
    moves = ledger.moves()
    before = reigning(moves)
    if before is not None and before.model == model:
        raise Refused(f"{model} is champion already, since {before.at}. Nothing was changed.")
    trial = try_out(store, problem, model)
    decided = _newest(store, problem, noun_that("decides"), model)
    known = [model.partition, decided.target.partition if decided else None, before.as_of if before else None, since]
    as_of = max(filter(None, known), default=None)
    return ledger.enter(model, kind=kind, after=moves, as_of=as_of, why=why, run=run), trial


def try_out(store: Store, problem: Problem, model: VersionKey) -> Trial:
    """Load the model and score rows of the newest features that there are for it."""
    loaded = store.load(model)
    entry = _newest(store, problem, noun_that("derives"), model)
    if entry is None:
        asset = f"{problem.name}/{noun_that('derives')}"
        raise UnknownVersion(
            f"{asset} has no published version on branch {store.branch} to try {model} on. Materialize one: "
            f"ml-assets run {asset} --partition {shlex.quote(str(model.partition))}"
        )
    features = store.load(entry.target, field="features", rows=range(TRIAL_ROWS))
    prediction = predict(problem, loaded, features, name=str(model))
    refuse_unusable("prediction", prediction, len(features), problem.task)
    return Trial(len(features), entry.target, float(prediction.min()), float(prediction.max()))


def _newest(store: Store, problem: Problem, noun: str, model: VersionKey) -> RefEntry | None:
    """What the branch names for the newest partition that it has in the model's line.

    Versions alone do not count: those of the newest partition may all be refused, or made on another branch.
    """
    asset = f"{problem.name}/{noun}"
    line = problem.partitions.line(str(model.partition))
    of_line = [key for key in store.partitions(asset) if key is not None and problem.partitions.line(key) == line]
    return next(filter(None, (store.head(asset, partition) for partition in reversed(of_line))), None)


def rollback_target(ledger: Ledger, wanted: VersionKey | None) -> VersionKey:
    """The champion to go back to: the one wanted, or the one before the present one.

    Raises:
        Refused: if there is no earlier champion, or the one wanted never was one.
    """
    reign = standing(ledger.moves())
    if len(reign) < 2 and wanted is None:
        raise Refused(
            f"{ledger.current().model} has no champion of {ledger.problem} before it; there is nothing to go back to. "
            f"Promote a model instead: ml-assets promote {ledger.problem}/model@P --why '…'"
        )
    if wanted is not None and wanted not in [move.model for move in in_succession(ledger.moves())]:
        raise Refused(
            f"{wanted} never was champion of {ledger.problem}. See ml-assets champion {ledger.problem} --log, or "
            f"promote it: ml-assets promote {wanted.version[:12]} --why '…'"
        )
    return wanted or reign[-2].model
