"""What came of decisions about champions, once outcomes are known: right or wrong, and how often what was promised came true.

A decision puts a *challenger* up against a *champion*. A move makes the challenger champion, a refusal does not. Both models
are scored on rows of a partition that neither has seen, and compared there as the decision compared them, in the same
direction: a gain above 0 says that the challenger is better. So a move was right if the gain is above 0, and a refusal if it is
not. Each partition is a look of its own: of moves that gain nothing, one in forty looks wrong beyond chance at each.

Source: Zou and Donner (2008), Construction of confidence limits
about effect measures, for the interval of a difference of two gains, each with an interval of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.evaluation.intervals import share_interval
from ml_assets.evaluation.metrics import written

if TYPE_CHECKING:
    import pandas as pd

Verdict = Literal["right", "wrong", "cannot tell"]
PROMISED = (0.99, 0.95, 0.0)
"""The stated confidences by which promises are counted apart, highest first."""
OUTCOMES = "outcomes"
"""The note of an audit's manifest that holds its outcomes, so that all audits of a problem are read at once."""
NO_PROMISE = "moved without a promise"
PROMISING = ("decision", "approval")  # kinds of moves that rest on a comparison: a person who approves one adds none
REFUSED = {"cannot_tell": "refused: cannot tell", "keep": "refused: not better"}


@dataclass(frozen=True)
class Outcome:
    """What a partition tells of one decision.

    Attributes:
        partition: whose outcomes these are.
        line: of a problem with several champions, whose.
        how: of a move its kind (``decision``, ``approval``, ``promotion``, ``rollback``), of a refusal what was decided
            (``keep``, ``cannot_tell``).
        move: which move, ``main 3``; empty for a refusal.
        as_of: the partition that it was decided for.
        promise: the comparison that the decision was made by, as JSON; empty where there was none.
        challenger, champion: versions.
        found: the comparison on these rows, as JSON.
    """

    partition: str
    line: str | None
    how: str
    move: str
    as_of: str
    promise: Mapping[str, Any]
    challenger: str
    champion: str
    found: Mapping[str, Any]

    @property
    def is_move(self) -> bool:
        """Whether the challenger became champion."""
        return bool(self.move)

    @property
    def gain(self) -> float:
        """By how much the challenger is better than the champion here; NaN where nothing can be told."""
        return _number(self.found, "gain")

    @property
    def verdict(self) -> Verdict:
        """Whether the decision was right, beyond chance."""
        if _number(self.found, "low") > 0:
            return "right" if self.is_move else "wrong"
        if _number(self.found, "high") < 0:
            return "wrong" if self.is_move else "right"
        return "cannot tell"

    @property
    def is_regretted(self) -> bool:
        """Whether the champion that a move replaced would have done better, beyond chance."""
        return self.is_move and self.verdict == "wrong"

    @property
    def said(self) -> str:
        """Under which heading it counts: the confidence that was stated, or why nothing was promised."""
        if not self.is_move:
            return REFUSED[self.how]
        stated = _number(self.promise, "confidence")
        if self.how not in PROMISING or math.isnan(stated) or self.promise.get("metric") != self.found.get("metric"):
            return NO_PROMISE
        return _promise(next(least for least in PROMISED if stated >= least))

    @property
    def held(self) -> bool | None:
        """Whether the gain is what was promised, but for the chance in both; None where that cannot be told."""
        if self.said == NO_PROMISE or not self.is_move:
            return None
        (then, least, most), (now, low, high) = (
            [_number(of, name) for name in ("gain", "low", "high")] for of in (self.promise, self.found)
        )
        below, above = math.hypot(now - low, most - then), math.hypot(high - now, then - least)
        return None if math.isnan(below + above) else now - then - below <= 0 <= now - then + above

    @property
    def brief(self) -> str:
        """``2013-05: wrong, worse by 0.02, 95 % interval [-0.03, -0.01]``."""
        return f"{self.partition}: {self.verdict}, {_in_words(self.found)}"

    @property
    def sentence(self) -> str:
        """What was decided, and what came of it."""
        rows, metric = self.found.get("rows", 0), self.found.get("metric")
        on = f"{metric} on {rows:,} rows of {self.partition} that neither had seen"
        if self.is_move:
            what = f"The move for {self.as_of} ({self.move}, {self.how}) was {_SAYS[self.verdict]}"
            return f"{what}: {self.challenger} was {_in_words(self.found)}, against {self.champion} before it; {on}."
        what = f"The refusal for {self.as_of} ({self.how.replace('_', ' ')}) was {_SAYS[self.verdict]}"
        return f"{what}: {self.challenger} would have been {_in_words(self.found)}, against {self.champion}; {on}."

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {**asdict(self), "verdict": self.verdict}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Outcome:
        """The same from ``to_json``."""
        return cls(**{name: value for name, value in told.items() if name != "verdict"})


_SAYS: Mapping[Verdict, str] = {
    "right": "right",
    "wrong": "wrong",
    "cannot tell": "neither right nor wrong beyond chance",
}


@dataclass(frozen=True)
class Audit:
    """An audit as it is stored.

    Attributes:
        outcomes: each decision's ``Outcome`` as JSON.
        scored: one row per row that was scored: ``entity``, ``label``, and what each model answers, ``served``, and where there
            are such ``replaced`` and ``refused``, with columns of several classes as in ``scored_rows``.
    """

    outcomes: list[dict[str, Any]]
    scored: pd.DataFrame


def side_by_side(scored: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Frames of the same scored rows as one: the answers of each under its own name instead of ``prediction``."""
    import pandas as pd

    if not scored:
        return pd.DataFrame({"entity": [], "label": []})
    answers = [_answers(frame, who) for who, frame in scored.items()]
    return pd.concat([next(iter(scored.values()))[["entity", "label"]], *answers], axis=1)


def _answers(scored: pd.DataFrame, who: str) -> pd.DataFrame:
    of = scored.loc[:, scored.columns.str.startswith("prediction")]
    return of.set_axis(of.columns.str.replace("prediction", who, n=1, regex=False), axis=1)


@dataclass(frozen=True)
class Kept:
    """How often decisions of one kind came true.

    Attributes:
        said: what was stated.
        decisions: how many, each counted once, by the first partition with outcomes after it.
        better: of how many the challenger was better then, whatever the chance in it; ``share`` of them.
        low, high: 95 % interval of the share.
        right, wrong: how many were so beyond chance.
        told: of how many promises the gain can be held against what was promised; ``held``: of how many it is that.
    """

    said: str
    decisions: int
    better: int
    low: float
    high: float
    right: int
    wrong: int
    told: int
    held: int

    @property
    def share(self) -> float:
        """Of how many of them the challenger was better."""
        return self.better / self.decisions


def reliability(outcomes: Iterable[Outcome]) -> list[Kept]:
    """A row for each thing that was stated, those that promised most first; what never was stated is not there."""
    counted = [one for one in first_of_each(outcomes) if not math.isnan(one.gain)]
    found = {said: [one for one in counted if one.said == said] for said in headings()}
    return [_kept(said, of) for said, of in found.items() if of]


def in_short(outcomes: Iterable[Outcome]) -> str:
    """How often what was promised came true, in a sentence; empty where nothing was promised."""
    promised = [one for one in first_of_each(outcomes) if one.held is not None]
    if not promised:
        return ""
    of = _kept("", promised)
    came = f"{of.better} of {of.decisions} moves that were promised to be better were ({_percent(of.share)}"
    chance = f"95 % interval {_percent(of.low)} to {_percent(of.high)})"
    return f"{came}, {chance}; {of.held} of {of.told} gained what was promised, but for chance."


def headings() -> tuple[str, ...]:
    """Everything that can be stated, in order."""
    return (*map(_promise, PROMISED), NO_PROMISE, *REFUSED.values())


def first_of_each(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Of each decision what the first partition told of it: later ones are no news of the promise."""
    first: dict[tuple[str | None, str], Outcome] = {}
    for one in sorted(outcomes, key=lambda one: one.partition):
        first.setdefault((one.line, one.move or f"refused for {one.as_of}"), one)
    return list(first.values())


def came_next(outcomes: Iterable[Outcome], move: str, line: str | None) -> str:
    """What came of a move: by the first partition that it served, and by all; empty where nothing is known yet."""
    of = sorted((one for one in outcomes if one.move == move and one.line == line), key=lambda one: one.partition)
    if not of:
        return ""
    better, wrong = sum(one.gain > 0 for one in of), sum(one.is_regretted for one in of)
    more = f" (better in {better} of {len(of)} partitions, worse beyond chance in {wrong})" if len(of) > 1 else ""
    return of[0].brief + more


def _kept(said: str, of: Sequence[Outcome]) -> Kept:
    better = sum(one.gain > 0 for one in of)
    verdicts, held = [one.verdict for one in of], [one.held for one in of if one.held is not None]
    interval = share_interval(better, len(of))
    return Kept(
        said, len(of), better, *interval, verdicts.count("right"), verdicts.count("wrong"), len(held), sum(held)
    )


def _promise(least: float) -> str:
    above = [more for more in PROMISED if more > least]
    return f"promised with {least:g} or more" if least else f"promised with less than {min(above):g}"


def _in_words(found: Mapping[str, Any]) -> str:
    """``worse by 0.02, 95 % interval [-0.03, -0.01]``."""
    gain, low, high = (_number(found, name) for name in ("gain", "low", "high"))
    interval = "no 95 % interval" if math.isnan(low) else f"95 % interval [{written(low)}, {written(high)}]"
    if math.isnan(gain) or gain == 0:
        return f"no better and no worse, {interval}"
    return f"{'better' if gain > 0 else 'worse'} by {written(abs(gain), str(found.get('unit', '1')))}, {interval}"


def _number(of: Mapping[str, Any], name: str) -> float:
    """Also of what was undefined, or infinite and thus text, when it was stored."""
    value = of.get(name)
    return math.nan if value is None else float(value)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
