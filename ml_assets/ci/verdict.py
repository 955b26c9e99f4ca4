"""What is said of each model that a change makes, and which of it fails the command: pure decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.errors import IncomparableEvaluations
from ml_assets.evaluation.comparison import compare
from ml_assets.problem import Better
from ml_assets.promotion.decision import decide
from ml_assets.store import VersionKey

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["better", "first", "same", "cannot tell", "not better", "worse", "blocked", "failed", "nothing"]
"""How a model of the change stands to the champion.

    better        promotion would make it champion
    first         so it would, and there is none yet
    same          it is, byte for byte, the model that is there already
    cannot tell   these rows do not show which is better
    not better    surely not by as much as promotion asks, and not surely worse
    worse         it is worse beyond chance
    blocked       a gate fails, or a person rolled this very model back, or a check refused what it is made from
    failed        something of it could not be made
    nothing       there is nothing to judge: no outcome is known yet
"""

Policy = Literal["worse", "not-better", "never"]
FAILS: Mapping[str, frozenset[Kind]] = {
    "worse": frozenset(("worse", "blocked", "failed")),
    "not-better": frozenset(("worse", "blocked", "failed", "not better", "cannot tell")),
    "never": frozenset(),
}


@dataclass(frozen=True)
class Score:
    """A metric with its 95 % interval, as manifests have them: None where it is undefined, text where it is infinite."""

    value: Any = None
    low: Any = None
    high: Any = None

    def __str__(self) -> str:
        """``0.912 [0.88, 0.94]``."""
        between = "" if self.low is None or self.high is None else f" [{_number(self.low)}, {_number(self.high)}]"
        return _number(self.value) + between


@dataclass(frozen=True)
class Verdict:
    """What is said of one partition of a problem.

    Attributes:
        partition: empty of a problem that cannot be imported.
        reasons: at least one sentence.
        noun: the asset that it is about, where that is not the model.
        details: what is folded away, such as a traceback.
        metric: the one that decides; empty where nothing was judged.
        score, against: of the change's model and, on the same partition, of the one that the branch names.
        model, other: these models; None where there is none.
    """

    problem: str
    partition: str
    kind: Kind
    reasons: tuple[str, ...]
    noun: str = ""
    details: str = ""
    metric: str = ""
    score: Score | None = None
    against: Score | None = None
    model: VersionKey | None = None
    other: VersionKey | None = None

    def fails(self, policy: Policy) -> bool:
        """Whether it fails the command."""
        return self.kind in FAILS[policy]

    @property
    def place(self) -> str:
        """``umbrellas@2024-03``."""
        return f"{self.problem}@{self.partition}" if self.partition else self.problem


def kind_of(decision: Mapping[str, Any], asked: Better, *, gates_hold: bool, is_known: bool) -> Kind:
    """What a decision of promotion means for a change.

    Args:
        decision: as JSON, see ``promotion.decision``.
        gates_hold: whether the model fails none of its gates; one that cannot be told is not failed.
        is_known: it is the champion, or the model that the branch names for this partition, with the same content.
    """
    comparison = decision["comparison"]
    if not gates_hold:
        return "blocked"
    if is_known:
        return "same"
    if decision["decision"] == "promote":
        return "better" if comparison else "first"
    if decision["decision"] == "cannot_tell":
        return "cannot tell"
    if comparison is None or not _is_by_confidence(comparison["confidence"], asked):
        return "blocked"
    return "worse" if _is_worse(comparison) else "not better"


def no_worse(asked: Better, now: pd.DataFrame, before: pd.DataFrame) -> str:
    """How a model stands to another that was judged on the same rows, if it is not worse beyond chance; else empty.

    Args:
        now, before: what each said of the rows that judged it, see ``scored_rows``.
    """
    try:
        found = compare(asked, challenger=now, champion=before)
    except IncomparableEvaluations:
        return ""
    decision = decide(gates=(), promote_when=asked, comparison=found).to_json()
    return (
        ""
        if kind_of(decision, asked, gates_hold=True, is_known=False) == "worse"
        else f"{found.metric} {found.outcome}"
    )


def _is_by_confidence(confidence: Any, asked: Better) -> bool:
    return confidence is not None and confidence <= round(1 - asked.confidence, 9)


def _is_worse(comparison: Mapping[str, Any]) -> bool:
    """Where a gain is asked for, to be surely less than that better is not yet to be worse: then its interval decides."""
    if not comparison["by"]:
        return bool(comparison["gain"] < 0)
    return comparison["high"] is not None and bool(comparison["high"] < 0)


def _number(value: Any) -> str:
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.4g}"
