"""A challenger beside the champion of the moment: all that a decision rests on, and the decision. Nothing is moved here."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from ml_assets.computation.chain import DataSources
from ml_assets.errors import FeatureMismatch, InvalidPrediction
from ml_assets.evaluation.comparison import Comparison, compare
from ml_assets.evaluation.judge import Evaluation
from ml_assets.orchestration.calibration import false_alarms
from ml_assets.orchestration.windows import Duel, Train
from ml_assets.problem import FEWEST_WINDOWS, Better, FeatureTable, Problem
from ml_assets.promotion.decision import Circumstances, Decision, Promote, Propose, decide
from ml_assets.promotion.ledger import ANSWERS, Move, undone
from ml_assets.promotion.looks import earlier_challengers
from ml_assets.promotion.regressions import Regressions, regressions_of
from ml_assets.promotion.remembered import Remembered, remembered
from ml_assets.promotion.unseen import is_seen, judging_rows, scored_by
from ml_assets.store import Handle, LandingFolder, Store

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Judged:
    """What is decided about a challenger, and what was read for it, the champion first."""

    decision: Decision
    regressions: Regressions
    read: tuple[Handle, ...]

    def to_json(self) -> dict[str, object]:
        """Plain JSON, as it is kept."""
        return {
            **self.decision.to_json(),
            **self.regressions.to_json(promoted=isinstance(self.decision, Promote)),
        }

    def as_proposal(self) -> dict[str, object]:
        """The same of a promotion that somebody must approve: what it would mend is not mended until it serves."""
        return {**Propose.of(self.decision).to_json(), **self.regressions.to_json(promoted=False)}


@dataclass(frozen=True)
class _Evidence:
    """What is known of a challenger beside the champion.

    Attributes:
        seen_rows, incomparable, given: see ``decide``.
        read: what was read for it, besides the two models.
    """

    comparison: Comparison | None = None
    seen_rows: int = 0
    incomparable: str = ""
    given: Circumstances = field(default_factory=Circumstances)
    read: tuple[Handle, ...] = ()


@dataclass(frozen=True)
class Challenger:
    """A model that was judged.

    Attributes:
        partition: the one that is decided about.
        remembered: what must not go wrong.
        train: trains the models of windows that are not there; None: they stay away.
        say: what people are told meanwhile.
    """

    problem: Problem
    store: Store
    landing: LandingFolder
    evaluation: Handle
    partition: str
    remembered: Remembered
    train: Train | None = None
    say: Callable[[str], None] = lambda said: None

    @classmethod
    def of(
        cls,
        problem: Problem,
        sources: DataSources,
        evaluation: Handle,
        partition: str,
        *,
        train: Train | None = None,
        say: Callable[[str], None] = lambda said: None,
    ) -> Challenger:
        """With what is remembered of the problem."""
        store, landing = sources.store, sources.landing
        known = remembered(problem, store, landing, partition)
        return cls(problem, store, landing, evaluation, partition, known, train, say)

    @cached_property
    def model(self) -> Handle:
        """What it is."""
        return self.evaluation.input("model")

    @cached_property
    def split(self) -> Handle:
        """The split that it was judged by."""
        return self.evaluation.input("split")

    def against(self, champion: Move | None, moves: Sequence[Move]) -> Judged:
        """What to do about it, given the champion known at the end of its partition, and all moves."""
        judgement = self.evaluation.load()
        served = Handle(self.store, champion.model, "champion") if champion else None
        known = self._evidence(judgement.scored, served) if served else _Evidence()
        regressions = regressions_of(self.problem, self.remembered, self.evaluation, self.model, served)
        decision = decide(
            gates=Evaluation.from_json(judgement.report).gates,
            regressions=regressions.reasons,
            promote_when=self.problem.promote_when,
            comparison=known.comparison,
            same_content=served is not None and self._is(served),
            seen_rows=known.seen_rows,
            rolled_back=self._rolled_back(moves),
            incomparable=known.incomparable,
            given=known.given,
        )
        return Judged(decision, regressions, (*([served] if served else []), *known.read))

    def _evidence(self, scored: pd.DataFrame, served: Handle) -> _Evidence:
        """On the newest rows; over several windows where that is asked, and there are enough of them."""
        looks = len(earlier_challengers(self.store, self.problem, self.partition, served, self.model)) + 1
        said, calibration = false_alarms(self.store, self.problem)
        given, asked = Circumstances(looks, false_alarms=said), self.problem.promote_when.after(looks)
        newest = replace(self._on_newest_rows(scored, served, asked), given=given, read=calibration)
        if asked.windows == 1 or self._is(served):
            return newest
        duel = Duel(self.problem, DataSources(self.store, self.landing), asked, self.evaluation, served)
        comparison, read = duel.fought(self.train, self.say)
        if not comparison.windows or not (duel.differ_in_recipe or len(comparison.windows) >= FEWEST_WINDOWS):
            return newest
        fair = None if newest.seen_rows else newest.comparison
        return _Evidence(comparison, given=replace(given, newest=fair), read=(*read, *calibration))

    def _on_newest_rows(self, scored: pd.DataFrame, served: Handle, asked: Better) -> _Evidence:
        """The two models themselves."""
        test = judging_rows(self.split)
        try:
            return _Evidence(self._compared(scored, served, test, asked), self._seen_rows(served, test))
        except (FeatureMismatch, InvalidPrediction) as unfit:
            said = f"The champion cannot be judged on these rows: {unfit} {_by_hand(self.model)}"
            return _Evidence(incomparable=said)

    def _compared(self, scored: pd.DataFrame, served: Handle, test: FeatureTable, asked: Better) -> Comparison:
        names = (f"challenger {self.model.key}", f"champion {served.key}")
        return compare(asked, challenger=scored, champion=scored_by(self.problem, served, test), names=names)

    def _is(self, other: Handle) -> bool:
        """Whether it is, byte for byte, another model."""
        return other.digest == self.model.digest

    def _rolled_back(self, moves: Sequence[Move]) -> str:
        for model, rollback in undone(moves).items():
            if self._is(Handle(self.store, model)):
                gone = ANSWERS.get(rollback.kind, "rolled back")
                said = f"This very model was {gone} by {rollback.by} at {rollback.at[:16]}: {rollback.why}."
                return f"{said} {_by_hand(self.model)}"
        return ""

    def _seen_rows(self, served: Handle, test: FeatureTable) -> int:
        """How many rows of the test the champion was fitted on or chosen by."""
        return int(is_seen(self.problem, served.input("split").load(), test).sum())


def _by_hand(model: Handle) -> str:
    at = shlex.quote(f"{model.key.asset}@{model.key.partition}")
    return f"If the challenger should serve all the same: ml-assets promote {at} --why '…'"
