"""Should the challenger replace the champion? A pure decision: promote, keep, or say that it cannot be told, and why.

Being refused is the normal fate of a model and therefore a value, never an exception. Two rules hold without exception: a
model that fails a gate is never promoted, and a challenger and a champion that swapped places are never both promoted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ml_assets.evaluation.comparison import Comparison
from ml_assets.evaluation.judge import GateVerdict
from ml_assets.evaluation.paired_test import units_needed
from ml_assets.problem import Better


@dataclass(frozen=True)
class _Verdict:
    """What was decided, with sentences that people can act upon and the numbers behind them.

    Attributes:
        reasons: at least one sentence.
        comparison: None where the decision did not need or could not make one.
    """

    reasons: tuple[str, ...]
    comparison: Comparison | None = None
    name: ClassVar[str]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON: ``decision``, ``reasons``, ``comparison``."""
        comparison = self.comparison.to_json() if self.comparison else None
        return {"decision": self.name, "reasons": list(self.reasons), "comparison": comparison}


@dataclass(frozen=True)
class Promote(_Verdict):
    """The challenger becomes the champion."""

    name = "promote"


@dataclass(frozen=True)
class Keep(_Verdict):
    """The champion stays: the challenger is not good enough."""

    name = "keep"


@dataclass(frozen=True)
class CannotTell(_Verdict):
    """The champion stays: these rows do not show which model is better."""

    name = "cannot_tell"


Decision = Promote | Keep | CannotTell


def decide(
    *,
    gates: Sequence[GateVerdict],
    promote_when: Better,
    comparison: Comparison | None,
    same_content: bool = False,
    seen_rows: int = 0,
    rolled_back: str = "",
    incomparable: str = "",
) -> Decision:
    """Decide about a challenger.

    Args:
        gates: the challenger's verdicts, with how many rows judged.
        promote_when: what the problem asks of a challenger.
        comparison: against the champion on the same rows; None when there is no champion.
        same_content: the challenger is, byte for byte, the champion.
        seen_rows: how many of the rows that judge the champion was trained on.
        rolled_back: who rolled this very model back and why; only a person puts it back.
        incomparable: why the champion cannot be judged on these rows at all; then ``comparison`` is None.
    """
    to_keep = _reasons_to_keep(gates, same_content, rolled_back)
    if to_keep:
        return Keep(to_keep, comparison)
    if incomparable:
        return CannotTell((incomparable,))
    if comparison is None:
        return _about_the_first(gates, promote_when)
    if seen_rows:
        return CannotTell((_unfair(seen_rows, comparison),), comparison)
    return _by_confidence(promote_when, comparison)


def _reasons_to_keep(gates: Sequence[GateVerdict], same_content: bool, rolled_back: str) -> tuple[str, ...]:
    """Why the champion stays whatever a comparison says; empty if nothing speaks against the challenger."""
    if same_content:
        return ("The champion is this very model: the same content under another version.",)
    if rolled_back:
        return (rolled_back,)
    return tuple(verdict.sentence for verdict in gates if not verdict.passed)


def _about_the_first(gates: Sequence[GateVerdict], asked: Better) -> Decision:
    """Without a champion the gates decide alone; where they passed on fewer rows than could tell two models apart, nothing is
    known. Where there are none, any model is better than none."""
    passed = " ".join(verdict.sentence for verdict in gates)
    if not passed:
        return Promote(("The first model: there is no champion to compare with. The problem asks for no gates.",))
    rows, needed = min(verdict.rows for verdict in gates), units_needed(asked.confidence)
    if 0 < rows < needed:
        few = f"{rows} labelled row{'s' * (rows != 1)} judge{'s' * (rows == 1)}; at least {needed} are needed to hold a gate."
        return CannotTell((f"The first model, and too few rows to tell whether it is good enough: {few} {passed}",))
    return Promote((f"The first model: there is no champion to compare with. {passed}",))


def _unfair(seen_rows: int, comparison: Comparison) -> str:
    return (
        f"The champion was trained on {seen_rows:,} of the {comparison.rows:,} rows that judge, so it looks better on them "
        "than it is. Judge both on rows that neither has seen: those of a later partition."
    )


def _by_confidence(asked: Better, comparison: Comparison) -> Decision:
    seen, by_hand = comparison.confidence, "The champion stays, unless a person promotes the challenger."
    if comparison.too_few:
        return CannotTell(
            (f"{comparison.sentence}. Too few rows to tell: {comparison.too_few}. {by_hand}",), comparison
        )
    if math.isnan(seen):
        return CannotTell((f"{comparison.sentence}. The metric is undefined or infinite there. {by_hand}",), comparison)
    ask = f"the {asked.confidence:g} that promotion asks"
    margin = f" by more than {comparison.by:g}" if comparison.by else ""
    sure = f"{comparison.sentence}; confidence {seen:.4g} that it is better{margin}"
    if seen >= asked.confidence:
        return Promote((f"{sure} reaches {ask}.",), comparison)
    if seen <= round(1 - asked.confidence, 9):
        return Keep((f"{sure}: it is not.",), comparison)
    return CannotTell((f"{sure} is under {ask}. The champion stays until more rows tell.",), comparison)
