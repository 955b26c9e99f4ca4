"""The rules of a problem: by which numbers models are judged, when one is promoted or trained again, how rows are split.

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    import numpy as np

WAIVABLE = ("volume", "features_sound", "leak", "classes")
"""The checks that a problem may waive, as the assets declare them: they judge what is likely, and valid data may be unlikely.

The others say what a row, a label or a model is; what breaks them is mended where it is made.
"""

FEWEST_WINDOWS = 3
MOST_CONFIDENT = 0.999  # what a test of a thousand swaps can tell
EQUALS = " = "  # between the column and the value of a slice, as people read it
_SLICE = re.compile(rf"\S.*?{EQUALS}.+", re.DOTALL)


@dataclass(frozen=True)
class Metric:
    """A number that judges predictions, and how to compute it over many resamples at once.

    Attributes:
        name: as shown and stored, e.g. ``auroc``.
        higher_is_better: direction.
        compute: ``(label (n,), prediction (n,) or (n, classes), weights (b, n)) -> (b,)``: one value per row of
            weights, where an entry says how often that row of the data counts. Of several classes ``label`` is the place of
            the class's column, 0 … classes - 1, whatever the classes are called. Of more than 50,000 rows it is resampled in
            small bags, unless it is a ``Mean``, see ``ml_assets.evaluation.metrics``.
        unit: ``1`` for a pure number or fraction, else e.g. ``minutes``.
    """

    name: str
    higher_is_better: bool
    compute: Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray] = field(repr=False)
    unit: str = "1"


@dataclass(frozen=True)
class Gate:
    """An absolute requirement on a metric; give exactly one limit. A model that fails a gate is never promoted.

    Attributes:
        above_baseline_by: how much better than the baseline on the same rows, in the metric's direction.
        slice: the rows it is held on, ``"carrier = 9E"``: a column of keys or features, and a value of it as tables of slices
            write it; None: all that judge. On fewer than 50 rows, or rows of one class, it cannot be told whether it holds:
            such a model is not promoted, either.
    """

    metric: Metric
    at_least: float | None = None
    at_most: float | None = None
    above_baseline_by: float | None = None
    slice: str | None = None

    def __post_init__(self) -> None:
        self._expect_one_limit()
        if self.slice is not None and not _SLICE.fullmatch(self.slice):
            raise InvalidProblem(
                f"Gate({self.metric.name}) has slice={self.slice!r}, which is no column and value. "
                "Write both with ' = ' between them, as in slice='carrier = 9E'."
            )

    @property
    def column_and_value(self) -> tuple[str, str] | None:
        """The column of its slice and the value there, as text; None where all rows count."""
        if self.slice is None:
            return None
        column, _, value = self.slice.partition(EQUALS)
        return column, value

    def _expect_one_limit(self) -> None:
        given = [v for v in (self.at_least, self.at_most, self.above_baseline_by) if v is not None]
        if len(given) != 1:
            raise InvalidProblem(
                f"Gate({self.metric.name}) has {len(given)} limits. Give exactly one of at_least, at_most, above_baseline_by."
            )


GOLDEN: Literal["golden"] = "golden"
FAILURES: Literal["failures"] = "failures"
"""The rows that ``NoRegression`` can be about."""


@dataclass(frozen=True)
class NoRegression:
    """Rows that no challenger may get wrong; one that does is never promoted, and the decision names the rows.

    ``NoRegression(GOLDEN)``: of the rows that ``Problem.golden`` names at most ``at_most``, by default none, may be answered
    wrongly.

    ``NoRegression(FAILURES)``: the problem remembers rows on which a champion was surely wrong (the asset ``failures``; of many
    that are alike one). Once a later champion answers such a row right, it is *mended*: a challenger that is surely wrong on it
    again is refused. The others are *open*: of those at most ``at_most`` may be answered surely wrongly, by default any number.

    An answer is wrong if the most probable class is not the label; a value, if it is off by more than ``beyond``, or without
    that, if the label is outside of the interval that the model gives.

    Attributes:
        rows: ``GOLDEN`` or ``FAILURES``.
        at_most: how many may be answered wrongly, see above.
        surely: an answer is surely wrong if the probability of the other classes is at least this. A wrong value is surely wrong.
        beyond: of values: how far one may be off, in the unit of the label.
    """

    rows: Literal["golden", "failures"]
    at_most: int | None = None
    surely: float = 0.9
    beyond: float | None = None

    def __post_init__(self) -> None:
        fault = next(_faults_of_no_regression(self), None)
        if fault:
            raise InvalidProblem(f"NoRegression({self.rows!r}): {fault}")


def _faults_of_no_regression(of: NoRegression) -> Iterator[str]:
    if of.rows not in (GOLDEN, FAILURES):
        yield f"there are no such rows. Give GOLDEN ({GOLDEN!r}) or FAILURES ({FAILURES!r})."
    if of.at_most is not None and of.at_most < 0:
        yield f"at_most={of.at_most} is less than none. Give 0 or more."
    if not 0.5 <= of.surely < 1:
        yield f"surely={of.surely:g} is no probability of being wrong from 0.5 to below 1. Give one, such as 0.9."
    if of.beyond is not None and not of.beyond > 0:
        yield f"beyond={of.beyond:g} lets no value be right. Give how far one may be off."


@dataclass(frozen=True)
class Better:
    """When a challenger replaces the champion: its metric is better by more than ``by`` with this ``confidence``.

    Both are judged on the same rows by a paired test: of challengers that are no better, a share of 1 - ``confidence`` is
    promoted, also on little data. What counts are units of chance, not rows: whole days where there is an event time, groups
    where the problem has a ``group``, both where it has both; single rows where it has neither. 0.95 needs at least 5 units (of
    two classes: with each), 0.99 needs 7, 0.999 needs 10; of fewer the answer is *cannot tell*. Where several challengers are
    tried on the same rows, more is asked of each. Method and sources: ``ml_assets.evaluation.paired_test``.

    Attributes:
        windows: on how many windows a new recipe (code, parameters, features) must prove itself against the champion's. Of each
            window both train a model, which is remembered, and the differences between windows decide: one week says little
            about the next. 3 to 6 are good; 1 compares the two models on the newest rows alone. Where only the data is newer,
            the champion is compared with the models of the windows since, once there are three; till then on the newest rows.
            Method: ``ml_assets.evaluation.windows``.
    """

    metric: Metric
    by: float = 0.0
    confidence: float = 0.95
    windows: int = 1

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence <= MOST_CONFIDENT or self.by < 0:
            raise InvalidProblem(
                f"Better({self.metric.name}) has by={self.by:g} and confidence={self.confidence:g}. "
                f"Give a gain of at least 0 and a fraction above 0.5 and up to {MOST_CONFIDENT:g}, such as 0.95: "
                "else two models could each be better than the other, or no number of rows would be enough."
            )
        if self.windows != 1 and self.windows < FEWEST_WINDOWS:
            raise InvalidProblem(
                f"Better({self.metric.name}) has windows={self.windows}. Give 1, which compares the models on the newest rows, "
                f"or {FEWEST_WINDOWS} or more: fewer say too little of how windows differ."
            )

    def after(self, looks: int) -> Better:
        """What is asked of the last of so many challengers that were tried on the same rows.

        Source: Holm (1979), A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6: its first step, since
        none of those before was promoted.
        """
        return self if looks == 1 else replace(self, confidence=min(MOST_CONFIDENT, self.needed(looks)))

    def needed(self, looks: int) -> float:
        """The confidence that is asked of it: of more than fifty, more than any test can tell."""
        return 1 - (1 - self.confidence) / looks


@dataclass(frozen=True)
class RetrainWhen:
    """When a new model is trained, besides by hand.

    The last four are about what the asset ``monitoring`` finds of the partitions that the champion has served, see
    ``docs/MONITORING.md``. What it finds must be so beyond chance. A training of the same data, code and parameters is never
    started again, and one finding starts one training.

    Attributes:
        new_partition: whenever a partition lands (or one of its window is corrected); else only the dataset, the features
            and the champion's predictions of it are made.
        older_than_days: also when the newest model was made longer ago than this, from the newest partition, with the
            code and parameters of the day; None: never for its age.
        drift_above: also when a feature has moved by more than this since the training: its population stability index, less
            what chance alone gives. By convention 0.1 is little and 0.25 is a shift. None: never for drift.
        performance_below: also when the first metric, once outcomes are known, is worse than this, in its unit: below it, or,
            of a metric of which less is better, above it. None: never for that.
        estimated_below: the same of the estimate that is made before outcomes are known.
        cooldown_days: at least this long from one training that monitoring started to the next.
    """

    new_partition: bool = True
    older_than_days: float | None = None
    drift_above: float | None = None
    performance_below: float | None = None
    estimated_below: float | None = None
    cooldown_days: float = 7

    def __post_init__(self) -> None:
        if self.older_than_days is not None and self.older_than_days <= 0:
            raise InvalidProblem(f"{self}: an age is more than 0 days. Give one, or None for never.")
        if self.drift_above is not None and self.drift_above <= 0:
            raise InvalidProblem(f"{self}: drift_above is more than 0. Give 0.25 for a shift, or None for never.")
        if self.cooldown_days < 0:
            raise InvalidProblem(f"{self}: cooldown_days is less than none. Give 0 or more.")

    @property
    def watches(self) -> bool:
        """Whether what monitoring finds can start a training."""
        return any(limit is not None for limit in (self.drift_above, self.performance_below, self.estimated_below))


@dataclass(frozen=True)
class RollingWindow:
    """Split by time: the newest days of the window judge, the days before choose, those before train.

    How far back the window goes is said by ``partitions`` or by ``train_days``: months have 28 to 31 days.

    Attributes:
        partitions: how many partitions train and judge a model, ending with its own; 3 where nothing is said.
        test_days: newest days of the window: judge, never seen in training. May be a fraction: 0.25 is six hours.
        validation_days: the days before those: choose (early stopping, calibration).
        train_days: the days before those: fit. The window has as many partitions as these days may take up.
        whole_groups: each of the problem's groups fits, chooses or judges, and never two of these: by a hash, a fifth of them
            judge and a tenth choose. Rows whose time and whose group say different things are left out. So a model is judged on
            later days of customers (machines, aircraft) that it has never seen.
    """

    partitions: int | None = None
    test_days: float = 7
    validation_days: float = 7
    train_days: float | None = None
    whole_groups: bool = False

    def __post_init__(self) -> None:
        if self.partitions is not None and self.train_days is not None:
            raise InvalidProblem(f"{self} says twice how far back it goes. Give partitions or train_days.")
        if self.partitions is None and self.train_days is None:
            object.__setattr__(self, "partitions", 3)
        days = [self.test_days, self.validation_days, *([] if self.train_days is None else [self.train_days])]
        if not min(days) > 0 or (self.partitions is not None and self.partitions < 1):
            raise InvalidProblem(
                f"{self} leaves a part without rows. Give at least one partition, and more than 0 days to each part."
            )

    @property
    def days(self) -> float:
        """How many days its parts have, as far as that is said."""
        return (self.train_days or 0) + self.validation_days + self.test_days


@dataclass(frozen=True)
class EntityHash:
    """Split by a hash of the entity: for partitions without order in time. An entity keeps its role for ever.

    Attributes:
        whole_groups: by a hash of the problem's group instead: all rows of one fit, choose or judge.
    """

    test_fraction: float = 0.2
    validation_fraction: float = 0.1
    whole_groups: bool = False

    def __post_init__(self) -> None:
        if min(self.test_fraction, self.validation_fraction) <= 0 or self.test_fraction + self.validation_fraction >= 1:
            raise InvalidProblem(
                f"{self} leaves a part without rows. Give positive fractions that add up to less than 1."
            )


@dataclass(frozen=True)
class Keep:
    """Of how many partitions and versions of an asset the content is kept; the rest is collected, see docs/RETENTION.md.

    Naming an asset says that it may be made again, also where that reads landed files: they must still be there then.

    Attributes:
        partitions: the newest so many of each line; None: all.
        versions: the last so many that a branch named for a partition. Those that it names now are among them.
    """

    partitions: int | None = None
    versions: int = 3

    def __post_init__(self) -> None:
        if self.versions < 1 or (self.partitions is not None and self.partitions < 1):
            raise InvalidProblem(f"{self} keeps nothing. Give at least one partition, and at least one version.")

    def __str__(self) -> str:
        newest = "" if self.partitions is None else f"partitions={self.partitions}, "
        return f"Keep({newest}versions={self.versions})"
