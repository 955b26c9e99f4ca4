"""How often a rule of promotion errs, and what it finds, on a problem's own data.

Models of one recipe that differ in their seed are equally good: whatever the rule promotes among them is a false alarm. A
champion that was made worse on purpose must be replaced: the smallest gain that is found four times in five is its power.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING

from ml_assets.evaluation.comparison import Comparison, WindowScores, compare_answers
from ml_assets.evaluation.intervals import share_interval
from ml_assets.evaluation.units import Units
from ml_assets.evaluation.windows import compare_windows, window_scores
from ml_assets.problem import Better, Metric

if TYPE_CHECKING:
    import numpy as np

SHARES = (0.01, 0.02, 0.03, 0.05, 0.08, 0.12, 0.2, 0.3, 0.5, 0.8)  # of the rows whose answers are mixed up
FOUND = 0.8  # four times in five


@dataclass(frozen=True)
class Window:
    """The rows that judge in one window, and what models answer for them.

    Attributes:
        fitted_on: how many rows each model was fitted on.
        answers: recipe -> shape (n,) or (n, k); labels (n,) are the columns of several classes.
    """

    partition: str
    label: np.ndarray
    units: tuple[Units, ...]
    fitted_on: int
    answers: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Share:
    """How many of so many decisions promoted.

    Its interval is that of independent decisions. Decisions about one month are not, and so it is narrower than the truth.
    """

    promoted: int
    of: int

    @property
    def value(self) -> float:
        """The share; NaN of none."""
        return self.promoted / self.of if self.of else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        """Both ends of 95 %."""
        return share_interval(self.promoted, self.of)

    def __str__(self) -> str:
        """``2.2 % (4 of 180)``."""
        return f"{100 * self.value:.1f} % ({self.promoted:,} of {self.of:,})" if self.of else "of no decision"


@dataclass(frozen=True)
class Found:
    """What the rule makes of a champion that is worse by so much.

    Attributes:
        gain: by how much the challenger is better, over all windows.
    """

    gain: float
    share: Share


@dataclass(frozen=True)
class Calibration:
    """What was measured of a rule.

    Attributes:
        false_alarms: promotions among equals.
        power: by growing gain.
    """

    windows: int
    recipes: int
    false_alarms: Share
    power: tuple[Found, ...]

    @property
    def smallest_found(self) -> float | None:
        """The smallest gain that is found four times in five; None where none was tried that is."""
        return next((one.gain for one in self.power if one.share.value >= FOUND), None)


Lines = Sequence[Sequence[Window]]
"""The windows of each line of partitions, oldest first: one line, or one for each value of a grid."""


def calibrate(rule: Better, lines: Lines, *, seed: int = 0) -> Calibration:
    """Measure a rule.

    Args:
        lines: with the answers of the same recipes everywhere, which differ in nothing but chance; two at least.
        seed: of which answers are mixed up.
    """
    recipes = sorted(lines[0][0].answers)
    alarms = share_promoted(rule, lines, list(permutations(recipes, 2)))
    power = sorted((_found(rule, lines, share, seed) for share in SHARES), key=lambda one: one.gain)
    return Calibration(sum(map(len, lines)), len(recipes), alarms, tuple(power))


def share_promoted(rule: Better, lines: Lines, pairs: Sequence[tuple[str, str]]) -> Share:
    """How often the first of each pair is promoted over the second, at every window that has enough before it."""
    found = [one.confidence for line in lines for pair in pairs for one in decisions_about(rule, line, pair)]
    return Share(sum(confidence >= rule.confidence for confidence in found), len(found))


def decisions_about(rule: Better, windows: Sequence[Window], pair: tuple[str, str]) -> Iterator[Comparison]:
    """The comparison of a challenger and a champion at every window, oldest first."""
    if rule.windows == 1:
        yield from (_in_one(rule, window, *pair) for window in windows)
        return
    scores = [_scores(rule.metric, window, *pair) for window in windows]
    for end in range(rule.windows, len(scores) + 1):
        yield compare_windows(rule, scores[end - rule.windows : end])


def _in_one(rule: Better, window: Window, challenger: str, champion: str) -> Comparison:
    new, old = window.answers[challenger], window.answers[champion]
    return compare_answers(rule, window.label, new, old, units=window.units)


def _scores(metric: Metric, window: Window, challenger: str, champion: str) -> WindowScores:
    new, old = window.answers[challenger], window.answers[champion]
    return window_scores(metric, window.label, new, old, window.units, of=window.partition, fitted_on=window.fitted_on)


def _found(rule: Better, lines: Lines, share: float, seed: int) -> Found:
    """Every recipe against a copy of the next one that was made worse."""
    recipes = sorted(lines[0][0].answers)
    pairs = [(one, f"spoilt {other}") for one, other in zip(recipes, [*recipes[1:], recipes[0]], strict=True)]
    spoilt = [[_spoilt(window, share, seed + at) for at, window in enumerate(line)] for line in lines]
    gains = [_scores(rule.metric, window, *pair).gain for line in spoilt for window in line for pair in pairs]
    return Found(sum(gains) / len(gains), share_promoted(rule, spoilt, pairs))


def _spoilt(window: Window, share: float, seed: int) -> Window:
    """With a copy of each recipe that gives some rows the answers of others."""
    import numpy as np

    rng, rows = np.random.default_rng(seed), len(window.label)
    mixed = rng.choice(rows, min(rows, max(2, round(share * rows))), replace=False)
    order = np.arange(rows)
    order[mixed] = np.roll(mixed, 1)
    copies = {f"spoilt {name}": answer[order] for name, answer in window.answers.items()}
    return Window(window.partition, window.label, window.units, window.fitted_on, {**window.answers, **copies})
