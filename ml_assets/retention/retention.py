"""The plan of retention carried out on a store."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass, field

from ml_assets.errors import InvalidProblem, Refused
from ml_assets.problem import Problem
from ml_assets.retention.facts import Facts, Tell
from ml_assets.retention.plan import COLLECTED, Plan, Rules, decide
from ml_assets.retention.usage import S3_STANDARD, Use, uses
from ml_assets.store import Amount, Collector, Decision, Outcome, Overlay, Store

GRACE_DAYS = 14.0
DAY = 86400


@dataclass
class Retention:
    """What a store keeps by the rules of some problems.

    Attributes:
        grace_days: what is younger is kept, and what was moved to the trash lies there as long. Nobody may take longer from the
            first byte of a version to its name.
        tell: is told how far it is.
        plan: the last one that was made.
    """

    store: Store
    problems: Iterable[Problem]
    grace_days: float = GRACE_DAYS
    tell: Tell = lambda sentence: None
    plan: Plan = field(default_factory=lambda: Plan({}, {}), init=False)

    def __post_init__(self) -> None:
        self.rules = Rules.of(self.problems)
        for name, problem in self.rules.problems.items():
            for noun in problem.keep.keys() - COLLECTED - {"answers"}:
                raise InvalidProblem(
                    f"keep of {name} names {noun!r}. Assets that can be collected: {', '.join(sorted(COLLECTED))}."
                )

    def foresee(self, now: float | None = None) -> Outcome:
        """What ``collect`` would do."""
        return self._collector().foresee(now)

    def collect(self) -> Outcome:
        """Move to the trash what is kept by no rule, and delete what has lain there for the grace period.

        Raises:
            CorruptBlob, UnreadableContent: if a manifest or a log is damaged: nothing was changed.
        """
        return self._collector().collect()

    def undo(self) -> Amount:
        """Bring back all that lies in the trash."""
        return self._collector().undo()

    def uses(self, price: float = S3_STANDARD, now: float | None = None) -> list[Use]:
        """What there is, what it costs, and why it is kept."""
        blobs = {key.rpartition("/")[2]: entry for key, entry in self.store.backend.entries("blobs").items()}
        facts = self._planned(time.time() if now is None else now)
        return uses(facts, self.plan, blobs, price)

    def _collector(self) -> Collector:
        if isinstance(self.store.backend, Overlay):
            raise Refused(
                f"{self.store.url} lies over another store, and what is needed there is not known here. Nothing was changed. "
                "Collect each store by itself: ML_ASSETS_UPSTREAM= ml-assets gc"
            )
        return Collector(self.store.backend, self._decide, self.store.user, self.grace_days * DAY, self.tell)

    def _planned(self, now: float) -> Facts:
        facts = Facts.of(self.store, self.tell)
        self.plan = decide(facts, self.rules, now=now, grace=self.grace_days * DAY)
        return facts

    def _decide(self, now: float) -> Decision:
        facts = self._planned(now)
        kept = {digest for key in self.plan.kept for digest, _ in facts.versions[key].files}
        files = {key: [digest for digest, _ in facts.versions[key].files] for key in self.plan.goes}
        return Decision(kept | facts.needed, self.plan.goes, files, self.rules.to_json())
