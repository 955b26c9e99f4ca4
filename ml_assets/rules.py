"""The rules of a problem: by which numbers models are judged, when one is promoted or trained again, how rows are split.

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    import numpy as np

WAIVABLE = ("volume", "features_sound", "leak", "classes")
"""The checks that a problem may waive, as the assets declare them: they judge what is likely, and valid data may be unlikely.

The others say what a row, a label or a model is; what breaks them is mended where it is made.
"""

MOST_CONFIDENT = 0.999  # what a test of a thousand swaps can tell


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
    """

    metric: Metric
    at_least: float | None = None
    at_most: float | None = None
    above_baseline_by: float | None = None

    def __post_init__(self) -> None:
        given = [v for v in (self.at_least, self.at_most, self.above_baseline_by) if v is not None]
        if len(given) != 1:
            raise InvalidProblem(
                f"Gate({self.metric.name}) has {len(given)} limits. Give exactly one of at_least, at_most, above_baseline_by."
            )


@dataclass(frozen=True)
class Better:
    """When a challenger replaces the champion: its metric is better by more than ``by`` with this ``confidence``.

    Both are judged on the same rows by a paired test: of challengers that are no better, a share of 1 - ``confidence`` is
    promoted, also on few rows. 0.95 needs at least 5 rows (of two classes: of each), 0.99 needs 7, 0.999 needs 10; on fewer the
    answer is *cannot tell*. Rows count as independent of each other. Method and sources: ``ml_assets.evaluation.paired_test``.
    """

    metric: Metric
    by: float = 0.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence <= MOST_CONFIDENT or self.by < 0:
            raise InvalidProblem(
                f"Better({self.metric.name}) has by={self.by:g} and confidence={self.confidence:g}. "
                f"Give a gain of at least 0 and a fraction above 0.5 and up to {MOST_CONFIDENT:g}, such as 0.95: "
                "else two models could each be better than the other, or no number of rows would be enough."
            )


@dataclass(frozen=True)
class RetrainWhen:
    """When a new model is trained, besides by hand.

    Attributes:
        new_partition: whenever a partition lands (or one of its window is corrected); else only the dataset, the features
            and the champion's predictions of it are made.
        older_than_days: also when the newest model was made longer ago than this, from the newest partition, with the
            code and parameters of the day; None: never for its age.
    """

    new_partition: bool = True
    older_than_days: float | None = None

    def __post_init__(self) -> None:
        if self.older_than_days is not None and self.older_than_days <= 0:
            raise InvalidProblem(f"{self}: an age is more than 0 days. Give one, or None for never.")


@dataclass(frozen=True)
class RollingWindow:
    """Split by time: the newest days of the window judge, the days before choose, those before train.

    How far back the window goes is said by ``partitions`` or by ``train_days``: months have 28 to 31 days.

    Attributes:
        partitions: how many partitions train and judge a model, ending with its own; 3 where nothing is said.
        test_days: newest days of the window: judge, never seen in training. May be a fraction: 0.25 is six hours.
        validation_days: the days before those: choose (early stopping, calibration).
        train_days: the days before those: fit. The window has as many partitions as these days may take up.
    """

    partitions: int | None = None
    test_days: float = 7
    validation_days: float = 7
    train_days: float | None = None

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
    """Split by a hash of the entity: for partitions without order in time. An entity keeps its role for ever."""

    test_fraction: float = 0.2
    validation_fraction: float = 0.1

    def __post_init__(self) -> None:
        if min(self.test_fraction, self.validation_fraction) <= 0 or self.test_fraction + self.validation_fraction >= 1:
            raise InvalidProblem(
                f"{self} leaves a part without rows. Give positive fractions that add up to less than 1."
            )
