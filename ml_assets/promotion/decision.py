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

SUREST = 0.9999


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


@dataclass(frozen=True)
class Propose(_Verdict):
    """The challenger is to become the champion, and waits until somebody approves it."""

    name = "propose"

    @classmethod
    def of(cls, decision: _Verdict) -> Propose:
        """What a promotion is where the problem asks for approval."""
        return cls(decision.reasons, decision.comparison)


Decision = Promote | Keep | CannotTell


@dataclass(frozen=True)
class Circumstances:
    """What else a decision rests on, besides the numbers.

    Attributes:
        looks: how many challengers were judged against this champion on these rows, this one included: the more of them, the
            surer one must be of each.
        newest: where recipes were compared over windows, the two models themselves on the newest rows.
        false_alarms: how often such a rule promoted a model that is no better, as it was measured, as a sentence; empty: it was
            not.
    """

    looks: int = 1
    newest: Comparison | None = None
    false_alarms: str = ""


def decide(
    *,
    gates: Sequence[GateVerdict],
    promote_when: Better,
    comparison: Comparison | None,
    same_content: bool = False,
    seen_rows: int = 0,
    rolled_back: str = "",
    incomparable: str = "",
    regressions: Sequence[str] = (),
    given: Circumstances = Circumstances(),  # frozen
) -> Decision:
    """Decide about a challenger.

    Args:
        gates: the challenger's verdicts, with how many rows judged.
        promote_when: what the problem asks of a challenger.
        comparison: against the champion on the same rows; None when there is no champion. Of several challengers of the same
            rows, by what is asked of the last: ``promote_when.after(looks)``.
        same_content: the challenger is, byte for byte, the champion.
        seen_rows: how many of the rows that judge the champion was trained on.
        rolled_back: who rolled this very model back and why; only a person puts it back.
        incomparable: why the champion cannot be judged on these rows at all; then ``comparison`` is None.
        regressions: what it gets wrong that must not go wrong, as sentences.
    """
    to_keep = _reasons_to_keep(gates, same_content, rolled_back, regressions)
    if to_keep:
        return Keep(to_keep, comparison)
    if untold := tuple(verdict.sentence for verdict in gates if verdict.untold):
        return CannotTell(untold, comparison)
    if incomparable:
        return CannotTell((incomparable,))
    if comparison is None:
        return _about_the_first(gates, promote_when)
    if seen_rows:
        return CannotTell((_unfair(seen_rows, comparison),), comparison)
    return _by_confidence(promote_when, comparison, given)


def _reasons_to_keep(
    gates: Sequence[GateVerdict], same_content: bool, rolled_back: str, regressions: Sequence[str]
) -> tuple[str, ...]:
    """Why the champion stays whatever a comparison says; empty if nothing speaks against the challenger."""
    if same_content:
        return ("The champion is this very model: the same content under another version.",)
    if rolled_back:
        return (rolled_back,)
    failed = (verdict.sentence for verdict in gates if not (verdict.passed or verdict.untold))
    return (*failed, *regressions)


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


def _by_confidence(asked: Better, comparison: Comparison, given: Circumstances) -> Decision:
    seen, by_hand = comparison.confidence, "The champion stays, unless a person promotes the challenger."
    said = f"{comparison.sentence}{_of_windows(comparison)}"
    if comparison.too_few:
        numbers = f"{said}. " if comparison.rows else ""
        more = f" More is asked of the best of {given.looks} challengers." if given.looks > 1 else ""
        return CannotTell((f"{numbers}Too little to tell: {comparison.too_few}.{more} {by_hand}",), comparison)
    if math.isnan(seen):
        is_known = math.isfinite(comparison.gain)
        why = (
            "Without some of these rows the metric is undefined"
            if is_known
            else "The metric is undefined or infinite there"
        )
        return CannotTell((f"{said}. {why}. {by_hand}",), comparison)
    needed, worse = asked.needed(given.looks), round(1 - asked.confidence, 9)
    margin = f" by more than {comparison.by:g}" if comparison.by else ""
    sure = f"{said}; confidence {_written(seen)} that it is better{margin}"
    if seen >= needed and given.newest is not None and given.newest.confidence <= worse:
        return CannotTell((f"{sure}, but the model itself is not: {given.newest.sentence}. {by_hand}",), comparison)
    if seen >= needed:
        return Promote((f"{sure} reaches {_asked(asked, given)}.{given.false_alarms}",), comparison)
    if seen <= worse:
        return Keep((f"{sure}: it is not.",), comparison)
    return CannotTell((f"{sure} is under {_asked(asked, given)}. {_until(comparison)}",), comparison)


def _written(confidence: float) -> str:
    """``0.97``; nobody is sure beyond four digits."""
    if confidence > SUREST:
        return f"above {SUREST:g}"
    return f"under {1 - SUREST:.4f}" if confidence < 1 - SUREST else f"{confidence:.4g}"


def _asked(asked: Better, given: Circumstances) -> str:
    """What is asked, and why it is more than the problem says."""
    needed = asked.needed(given.looks)
    if given.looks == 1:
        return f"the {needed:g} that promotion asks"
    return (
        f"the {needed:.4g} that promotion asks of the best of {given.looks} challengers that were judged on these rows "
        f"({asked.confidence:g} of one alone; Holm)"
    )


def _of_windows(comparison: Comparison) -> str:
    """``, better in 4 of 5``; empty where one window was looked at."""
    if not comparison.windows:
        return ""
    return f", better in {comparison.windows_won} of them"


def _until(comparison: Comparison) -> str:
    """What would tell."""
    if not comparison.would_tell:
        return "The champion stays until more data tells."
    return f"The champion stays: {comparison.would_tell} like these, in all, would tell, if the gain stays as it is."
