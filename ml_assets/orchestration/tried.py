"""What a tryout came to: values, numbers, checks, and what would be decided. Its versions lie in memory; see try_out.py."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.assets import noun_that
from ml_assets.errors import UnknownVersion
from ml_assets.evaluation.judge import Evaluation
from ml_assets.lineage.diff import Diff, diff
from ml_assets.lineage.workbench import Workbench
from ml_assets.orchestration.launch import Step
from ml_assets.problem import Problem
from ml_assets.store import VersionKey

if TYPE_CHECKING:
    import pandas as pd

DATASET, FEATURES, SPLIT = noun_that("lands"), noun_that("derives"), noun_that("divides")
MODEL, EVALUATION, CHAMPION = noun_that("trains"), noun_that("judges"), noun_that("decides")
ALREADY = "it is the champion"
IN_WORDS = {
    "promote": "it would become champion",
    "propose": "it would be proposed, and serve once somebody approves it",
    "keep": "the champion would stay",
    "cannot_tell": "cannot tell",
}


@dataclass(frozen=True, repr=False)
class Tried:
    """What came of it, in memory as long as this is.

    Attributes:
        asset: the one that was tried alone; None: the chain.
        rows: of the sample; None: all were taken.
        steps: each that ended, of all partitions, in order.
        skipped: what was not made because there is nothing to make, with the reason.
        made: asset -> the version that was made of the partition, a refused one too.
        before: what the branch names instead.
        store: where the versions are, over the branch's store: ``tried.store.lineage(tried.made["model"])``.
        left_out: what a run would do and this did not, in sentences.
    """

    problem: Problem
    partition: str
    asset: str | None
    rows: int | None
    steps: tuple[Step, ...]
    skipped: Mapping[str, str]
    made: Mapping[str, VersionKey]
    before: Mapping[str, VersionKey]
    store: Workbench
    left_out: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether nothing was refused."""
        return all(step.passed for step in self.steps)

    @property
    def dataset(self) -> pd.DataFrame:
        """The rows, as their schema leaves them."""
        table: pd.DataFrame = self._value(DATASET)
        return table

    @property
    def features(self) -> Any:
        """The ``FeatureTable`` of the partition."""
        return self._value(FEATURES)

    @property
    def split(self) -> pd.DataFrame:
        """The role of each row of the window."""
        table: pd.DataFrame = self._value(SPLIT)
        return table

    @property
    def model(self) -> Any:
        """The model; what ``train`` returned is its ``estimator``."""
        return self._value(MODEL)

    @property
    def evaluation(self) -> Evaluation:
        """Metrics with intervals, beside the baseline's; slices; gates."""
        return Evaluation.from_json(self._value(EVALUATION).report)

    @property
    def checks(self) -> pd.DataFrame:
        """Every check of the partition: ``asset``, ``check``, ``passed``, ``blocking``, ``said``."""
        import pandas as pd

        rows = [
            (noun, check.name, check.passed, check.blocking, check.description)
            for noun, key in self.made.items()
            for check in self.store.manifest(key).checks
        ]
        return pd.DataFrame(rows, columns=["asset", "check", "passed", "blocking", "said"])

    @property
    def metrics(self) -> Mapping[str, Mapping[str, float]]:
        """Name -> value, low, high and the baseline's, the most important first; none where nothing was judged."""
        found = self.store.manifest(self.made[EVALUATION]).metrics if EVALUATION in self.made else {}
        return {metric.name: found[metric.name] for metric in self.problem.metrics if metric.name in found}

    @property
    def decision(self) -> Mapping[str, str] | None:
        """What would be decided about the model, and why; None where nothing was."""
        if CHAMPION not in self.made:
            return None
        notes = self.store.manifest(self.made[CHAMPION]).notes
        return {"decision": notes["decision"], "why": notes["why"]}

    @property
    def _serves_already(self) -> bool:
        """Whether it is promoted, and the decision that the branch names made the same model champion."""
        notes = [self.store.manifest(of[CHAMPION]).notes for of in (self.made, self.before) if CHAMPION in of]
        return notes[0]["decision"] == "promote" and len({each["champion"] for each in notes}) < len(notes)

    def diff(self) -> Diff | None:
        """What differs from the stored version of the asset that was tried alone; None where there is none, and of a sample."""
        old, new = (of.get(self.asset or "") if self.rows is None else None for of in (self.before, self.made))
        return diff(self.store, old, new, self.problem) if old and new else None

    def words(self) -> Iterator[str]:
        """The summary, for people: numbers, gates, what would be decided, what was left out."""
        yield self._title
        yield from self._metrics_in_words()
        if EVALUATION in self.made:
            yield from (f"{'✓' if gate.passed else '✗'} gate: {gate.sentence}" for gate in self.evaluation.gates)
        if decision := self.decision:
            yield f"{ALREADY if self._serves_already else IN_WORDS[decision['decision']]}: {decision['why']}"
        yield from self._notes_in_words()
        yield from (f"– {asset} was skipped: {why}" for asset, why in self.skipped.items())
        yield from self.left_out

    def __repr__(self) -> str:
        return "\n".join([*(line for step in self.steps for line in step.lines()), *self.words()])

    @property
    def _title(self) -> str:
        of = f"{self.problem.name}/{self.asset}" if self.asset else self.problem.name
        on = f"at most {self.rows:,} rows of each dataset" if self.rows is not None else "all rows"
        return f"{of} [{self.partition}] on {on}, in memory: nothing was kept"

    def _metrics_in_words(self) -> Iterator[str]:
        for name, of in self.metrics.items():
            interval = f"({_number(of['low'])} to {_number(of['high'])})"
            yield f"  {name:24} {_number(of['value']):>10} {interval:24} baseline {_number(of['baseline'])}"

    def _notes_in_words(self) -> Iterator[str]:
        """The plain ones of what was tried alone: how many rows, of what."""
        made = self.made.get(self.asset or "")
        notes = self.store.manifest(made).notes if made else {}
        yield from (f"  {name:24} {said}" for name, said in notes.items() if isinstance(said, int | float | str))

    def _value(self, noun: str) -> Any:
        if noun not in self.made:
            raise UnknownVersion(f"{self.problem.name}/{noun} was not made here: look at .steps and .skipped, why not.")
        return self.store.load(self.made[noun])


def _number(value: Any) -> str:
    return f"{value:.4f}" if isinstance(value, int | float) else "–" if value is None else str(value)
