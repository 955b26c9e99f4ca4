"""What came of replayed months, as lines to print, and whether what is promised held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise

from benchmarks.replay.player import Month, Training
from ml_assets.evaluation.audit import Outcome
from ml_assets.evaluation.judge import Estimate
from ml_assets.monitoring.monitor import ALARMS_PER_YEAR

ROW = "{:8} {:>7} {:>7} {:>6} {:>22} {:>22} {:>6} {:>5} {:>6} {:>11}"
WIDTH = 160  # of a reason
SHOWN = 4  # features of a month


def table(months: Iterable[Month]) -> Iterator[str]:
    """A line of each month: of the first metric what was estimated and what came, and what alarmed."""
    head = ("month", "asked", "others", "known", "estimated", "came", "inside", "drift", "scores", "performance")
    yield ROW.format(*head)
    for of in months:
        assert of.early is not None and of.late is not None
        name, found = of.late.finding.metric, of.late.finding
        guess, came = of.early.report.estimated.get(name), of.late.report.realised.get(name)
        alarms = Counter(alarm.kind for alarm in found.alarms)
        inside = {True: "yes", False: "no", None: ""}[holds(guess, came)]
        numbers = (f"{of.asked:,}", f"{found.by_others:,}", f"{found.outcomes:,}", _written(guess), _written(came))
        yield ROW.format(of.month, *numbers, inside, alarms["drift"], alarms["scores"], alarms["performance"])


def coverage(months: Sequence[Month]) -> Iterator[str]:
    """How often the interval of an estimate had what came, of each metric; and alarms beside the rate that is stated."""
    held, asked = Counter[str](), Counter[str]()
    for of in months:
        assert of.early is not None and of.late is not None
        for name, guess in of.early.report.estimated.items():
            inside = holds(guess, of.late.report.realised.get(name))
            asked[name] += inside is not None
            held[name] += bool(inside)
    for name, of_them in asked.items():
        yield f"{name}: the interval of the estimate has what came in {held[name]} of {of_them} months (95 % is stated)"
    alarms = Counter(alarm.kind for of in months if of.late for alarm in of.late.finding.alarms)
    said = ", ".join(f"{kind} {alarms[kind] / len(months):.2f}" for kind in ("drift", "scores", "performance"))
    stated = f"{ALARMS_PER_YEAR / 36:.4f} false ones of each kind are stated"
    yield f"alarms a month: {said}; {stated}"


def holds(guess: Estimate | None, came: Estimate | None) -> bool | None:
    """Whether an interval has what came; None where there is none, or nothing came."""
    if guess is None or came is None or guess.low != guess.low or came.value != came.value:
        return None
    return guess.low <= came.value <= guess.high


def events(months: Iterable[Month]) -> Iterator[str]:
    """What moved, what was trained, what held a training back, and what audits say, in order."""
    for of in months:
        found = of.late or of.early
        moved = [alarm.about for alarm in found.finding.alarms] if found else []
        if moved:
            more = f" and {len(moved) - SHOWN} more" if len(moved) > SHOWN else ""
            yield f"{of.month}  alarms: {', '.join(moved[:SHOWN])}{more}"
        for training in of.trainings:
            yield f"{training.day}  {training.trains} is trained: {_short(training.why)}"
            yield f"            {training.decision}: {_short(training.because)}"
        yield from (f"{day}  no training: {_short(why)}" for day, why in of.held)
        yield from (f"{of.month}  audit: {_audited(one)}" for one in of.audits)


def _audited(one: Outcome) -> str:
    what = "the promotion" if one.is_move else "the refusal"
    return (
        f"{what} of {one.as_of} was {one.verdict} ({one.gain:+.4f})"
        if one.verdict != "cannot tell"
        else (f"cannot tell whether {what} of {one.as_of} was right ({one.gain:+.4f})")
    )


def named_on(of: Month, feature: str) -> tuple[date, str] | None:
    """The first evening on which a feature alarmed, and since which day it had moved; None if never."""
    for looked in of.daily:
        first = next((one.evidence.first for one in looked.report.features if one.name == feature), "")
        if any(alarm.about == feature for alarm in looked.finding.alarms):
            return looked.day, first
    return None


def loops(trainings: Sequence[Training], cooldown_days: float) -> Iterator[str]:
    """What says that trainings go on by themselves."""
    for model, times in Counter(training.model for training in trainings).items():
        if times > 1:
            yield f"{model} was trained {times} times"
    for one, after in pairwise(trainings):
        if after.day - one.day < timedelta(days=cooldown_days):
            yield f"{one.day} and {after.day} are less than {cooldown_days:g} days apart"


def _written(of: Estimate | None) -> str:
    return f"{of.value:.3f} [{of.low:.3f}, {of.high:.3f}]" if of is not None else ""


def _short(text: str) -> str:
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
