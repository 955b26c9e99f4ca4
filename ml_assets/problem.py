"""The contract: what a team writes to have a problem run, versioned, judged and explained.

A problem is a frozen dataclass of plain functions: no base class, no registration, no strings that name functions, no
Dagster. Heavy libraries are imported inside the functions, because every process that loads the code location imports them.

A partition M means *as known at the end of M*: the model of M is fitted on the window that ends with M, judged on the
newest rows of it, and scores the rows of the next partition.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Protocol

from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa

Task = Literal["binary", "multiclass", "regression"]

PARTITION = "{partition}"  # what stands for a partition's key in Problem.files
LONGEST_STATIC_KEY_BYTES = 64
_DYNAMIC_KEY = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


# ---------------------------------------------------------------- partitions


@dataclass(frozen=True)
class Partition:
    """One partition of a problem's data: its key and, for calendar partitions, the half-open time span it covers (UTC)."""

    key: str
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True)
class Monthly:
    """Calendar months ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM``; without ``end``, until now.

    Attributes:
        ahead: how many more there are that have not ended: 1 for the present one, 2 for the next one too. Their rows have
            no outcome yet and are predicted; training waits until it lands.
    """

    start: str
    end: str | None = None
    ahead: int = 0

    def __post_init__(self) -> None:
        _refuse_odd(self)

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        start = _parse(key, "%Y-%m", "YYYY-MM")
        return Partition(key, start, _next_month(start))

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; of calendar partitions those that have ended by ``until``, and ``ahead`` more."""
        return _keys(self, _next_month, "%Y-%m", until)


@dataclass(frozen=True)
class Daily:
    """Calendar days ``start`` (included) to ``end`` (excluded), each written ``YYYY-MM-DD``; without ``end``, until now.

    Attributes:
        ahead: how many more there are that have not ended, see ``Monthly``.
    """

    start: str
    end: str | None = None
    ahead: int = 0

    def __post_init__(self) -> None:
        _refuse_odd(self)

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        start = _parse(key, "%Y-%m-%d", "YYYY-MM-DD")
        return Partition(key, start, start + timedelta(days=1))

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; of calendar partitions those that have ended by ``until``, and ``ahead`` more."""
        return _keys(self, lambda day: day + timedelta(days=1), "%Y-%m-%d", until)


@dataclass(frozen=True)
class Static:
    """A fixed list of partitions without order in time (regions, customers): each is a world with a champion of its own."""

    partition_keys: tuple[str, ...]

    def __post_init__(self) -> None:
        keys = self.partition_keys
        odd = [key for key in keys if not _is_static_key(key)]
        if isinstance(keys, str) or odd or not keys or len(set(keys)) < len(keys):
            raise InvalidProblem(
                f"Static partitions {odd or keys} cannot be. Give a tuple of at least one key, each once, of 1 to "
                f"{LONGEST_STATIC_KEY_BYTES} bytes that can be printed, without '..' and without spaces around it."
            )

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        if key not in self.partition_keys:
            raise InvalidProblem(f"Partition {key!r} is not one of {', '.join(self.partition_keys)}.")
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """All partitions in order; of calendar partitions those that have ended by ``until``, and ``ahead`` more."""
        return list(self.partition_keys)


@dataclass(frozen=True)
class Dynamic:
    """Partitions that appear as their files land (new shops, new customers): like ``Static``, with a list that grows.

    A key is the part of a landed file's name that ``{partition}`` stands for in ``Problem.files``.
    """

    def partition(self, key: str) -> Partition:
        """The partition with this key; InvalidProblem if it cannot be one."""
        if not _DYNAMIC_KEY.fullmatch(key):
            raise InvalidProblem(
                f"Partition {key!r} cannot be one: write it with letters, digits, '.', '_' and '-', without '..', beginning "
                "with a letter or digit, at most 100 of them. Rename the file that it comes from."
            )
        return Partition(key)

    def keys(self, until: datetime | None = None) -> list[str]:
        """None: which there are, Dagster's instance and the store know."""
        return []


Partitions = Monthly | Daily | Static | Dynamic


def is_calendar(partitions: Partitions) -> bool:
    """Whether partitions follow each other in time, so that there is a previous one and a next one."""
    return isinstance(partitions, (Monthly, Daily))


def window_keys(partitions: Partitions, key: str, size: int) -> list[str]:
    """The ``size`` partitions that end with ``key``, oldest first; fewer where the problem's first partition cuts them."""
    partition = partitions.partition(key)
    if not isinstance(partitions, (Monthly, Daily)):
        return [partition.key]
    known = partitions.keys(until=partition.end)
    return [k for k in known if k <= key][-size:]


def _parse(key: str, pattern: str, written: str) -> datetime:
    try:
        start = datetime.strptime(key, pattern).replace(tzinfo=UTC)
    except ValueError:
        start = None
    # One partition, one key: strptime takes 2013-1 too. And each must end: no time is later than the year 9999.
    if start is None or start.strftime(pattern) != key or start.year == MAXYEAR:
        raise InvalidProblem(f"Partition {key!r} is not written {written}.")
    return start


def _is_static_key(key: str) -> bool:
    """Whether Dagster, a range A..B and the store's keys can hold it (there a byte takes up to three)."""
    return (
        key.isprintable() and key == key.strip() != "" and ".." not in key and _bytes(key) <= LONGEST_STATIC_KEY_BYTES
    )


def _bytes(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))


def _next_month(start: datetime) -> datetime:
    return start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1)


def _refuse_odd(partitions: Monthly | Daily) -> None:
    for key in filter(None, (partitions.start, partitions.end)):
        partitions.partition(key)
    if partitions.ahead < 0:
        raise InvalidProblem(f"{partitions}: ahead counts partitions that have not ended; give 0 or more.")


def _keys(
    partitions: Monthly | Daily, step: Callable[[datetime], datetime], pattern: str, until: datetime | None
) -> list[str]:
    at = partitions.partition(partitions.start).start
    last = partitions.partition(partitions.end).start if partitions.end else None
    ended, ahead = until or datetime.now(UTC), partitions.ahead
    keys: list[str] = []
    while at is not None and (last is None or step(at) <= last):
        if step(at) > ended:
            if not ahead:
                break
            ahead -= 1
        keys.append(at.strftime(pattern))
        at = step(at)
    return keys


# ---------------------------------------------------------------- what the functions receive


class Source(Protocol):
    """The landing folder as a problem's ``dataset`` function sees it. Every file read is recorded with its digest."""

    def parquet(self, name: str) -> pd.DataFrame:
        """The landed Parquet file ``name``, a path below the problem's landing folder.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Parquet file.
        """
        ...


@dataclass(frozen=True)
class FeatureTable:
    """Rows with what identifies them, what is known of them, and what came of them.

    Attributes:
        keys: one row each: entity, event time, label-known time and slices; default index.
        features: the same rows, one column per feature, nothing else.
        label: shape (n,), float; NaN where the outcome is not known (yet).
    """

    keys: pd.DataFrame
    features: pd.DataFrame
    label: np.ndarray

    def __len__(self) -> int:
        return len(self.label)

    def rows(self, mask: np.ndarray) -> FeatureTable:
        """The rows where ``mask`` (n,) is true, or those at the positions it holds."""
        return FeatureTable(
            self.keys.loc[mask].reset_index(drop=True),
            self.features.loc[mask].reset_index(drop=True),
            self.label[mask],
        )


@dataclass(frozen=True)
class TrainingData:
    """What a model may see: rows to fit and rows to choose by (early stopping, thresholds). Never the rows that judge."""

    train: FeatureTable
    validation: FeatureTable


class TrainingRun(Protocol):
    """What a training may ask of its surroundings, without knowing them."""

    @property
    def seed(self) -> int:
        """Seed of all chance in this training."""
        ...

    def log(self, step: int, **metrics: float) -> None:
        """Report progress: it appears while the training runs."""
        ...


# ---------------------------------------------------------------- how a problem is judged


@dataclass(frozen=True)
class Metric:
    """A number that judges predictions, and how to compute it over many resamples at once.

    Attributes:
        name: as shown and stored, e.g. ``auroc``.
        higher_is_better: direction.
        compute: ``(label (n,), prediction (n,) or (n, classes), weights (b, n)) -> (b,)``: one value per row of
            weights, where an entry says how often that row of the data counts.
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

    Both are judged on the same rows; the confidence is that of a paired bootstrap over those rows.
    """

    metric: Metric
    by: float = 0.0
    confidence: float = 0.95

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence <= 1 or self.by < 0:
            raise InvalidProblem(
                f"Better({self.metric.name}) has by={self.by:g} and confidence={self.confidence:g}. "
                "Give a gain of at least 0 and a fraction above 0.5 and up to 1, such as 0.95: "
                "else two models could each be better than the other."
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
    """Split by time: the window is the last ``partitions`` partitions; its newest days judge, the days before choose.

    Attributes:
        partitions: how many partitions train and judge a model, ending with its own.
        test_days: newest days of the window: judge, never seen in training.
        validation_days: the days before those: choose (early stopping, calibration).
    """

    partitions: int = 3
    test_days: int = 7
    validation_days: int = 7

    def __post_init__(self) -> None:
        if min(self.partitions, self.test_days, self.validation_days) < 1:
            raise InvalidProblem(
                f"{self} leaves a part without rows. Give at least one partition and one day to each part."
            )


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


# ---------------------------------------------------------------- the problem


@dataclass(frozen=True)
class Problem:
    """One machine-learning problem. A field is added when a second problem needs it.

    Attributes:
        name: lower-case identifier; the first part of every asset key.
        task: what is predicted: ``binary`` (label 0 or 1), ``multiclass`` (label 0 … k-1) or ``regression``.
        description: Markdown shown in the UI; by convention the module's docstring.
        owners: e-mail addresses or ``team:name``.
        partitions: how the data is cut.
        dataset: ``(Partition, Source) -> DataFrame``: what landed for the partition, one row per entity.
        schema: ``() -> pandera.DataFrameSchema``: what a valid dataset is; called only where it is checked.
        features: ``(history, data) -> DataFrame``: one row per row of ``data``, same order; ``history`` is the
            ``lookback`` datasets before it, concatenated, oldest first (no rows where there are none). Pure.
        lookback: how many earlier partitions' datasets ``features`` is given.
        entity: column that identifies a row, unique in a dataset.
        event_time: column with the time the question is about (UTC); None where there is none.
        label: column of the dataset; rows whose label is missing are scored but never train or judge.
        label_time: column with the time the label became known (UTC). With it, rows whose label was not yet known when
            the next part of the split begins are left out of training (purged).
        split: how the rows of a window are divided into train, validation and test.
        train: ``(TrainingData, params, TrainingRun) -> model``; fits its own preprocessing.
        predict: ``(model, features) -> ndarray``: shape (n,) or (n, classes): probabilities, or values for regression. A
            row's answer depends on that row alone: rows are scored in batches.
        baseline: ``(train, test) -> ndarray``: the dumb answer for the rows of ``test``, judged beside the model.
        params: frozen dataclass of plain values; the launchpad shows it, the manifest records it.
        seed: seed of all chance in training, unless a run gives another.
        metrics: what is computed, most important first.
        slices: columns of dataset or features by which the metrics are broken down.
        gates: absolute requirements for promotion.
        promote_when: when a challenger replaces the champion.
        minimum_rows: a dataset with fewer rows is refused.
        artifact_types: dataclasses (besides those of ml_assets) that the store may build when it loads this problem's models.
        sample_files: ``(partition key) -> {file name: DataFrame}``: real data for a demo, written by ``ml-assets land``.
        files: names of the landed files that a partition is made from, with ``{partition}`` for its key. A partition is
            made when all are there, and again when one with its key in the name changes; a file for all partitions
            (no ``{partition}``) must be there, and its changes are read with the next partition. Empty: nothing is
            made by itself.
        retrain_when: when a new model is trained.
        fresh_within_days: predictions older than this are stale: shown and alerted; None: they never are.
    """

    name: str
    task: Task
    partitions: Partitions
    dataset: Callable[[Partition, Source], pd.DataFrame]
    schema: Callable[[], pa.DataFrameSchema]
    features: Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]
    entity: str
    label: str
    split: RollingWindow | EntityHash
    train: Callable[[TrainingData, Any, TrainingRun], Any]
    predict: Callable[[Any, pd.DataFrame], np.ndarray]
    baseline: Callable[[FeatureTable, FeatureTable], np.ndarray]
    params: Any
    metrics: tuple[Metric, ...]
    promote_when: Better
    gates: tuple[Gate, ...] = ()
    slices: tuple[str, ...] = ()
    event_time: str | None = None
    label_time: str | None = None
    lookback: int = 0
    seed: int = 0
    minimum_rows: int = 100
    description: str = ""
    owners: tuple[str, ...] = ()
    artifact_types: tuple[type, ...] = ()
    sample_files: Callable[[str], Mapping[str, pd.DataFrame]] | None = None
    files: tuple[str, ...] = ()
    retrain_when: RetrainWhen = RetrainWhen()
    fresh_within_days: float | None = None

    def __post_init__(self) -> None:
        for fault in _faults(self):
            raise InvalidProblem(f"Problem {self.name!r}: {fault}")

    @property
    def window(self) -> int:
        """How many partitions one model is made from."""
        return self.split.partitions if isinstance(self.split, RollingWindow) else 1


def files_of(problem: Problem, partition: str) -> list[str]:
    """The names of a partition's own files in the landing folder."""
    return [f"{problem.name}/{name.replace(PARTITION, partition)}" for name in problem.files if PARTITION in name]


def _faults(problem: Problem) -> list[str]:
    """What makes no sense in a problem, each as a sentence that says what to do."""
    faults = []
    if not problem.name.isidentifier() or problem.name != problem.name.lower() or "__" in problem.name:
        faults.append("the name must be a lower-case identifier without double underscores, such as flight_delays.")
    if not (dataclasses.is_dataclass(problem.params) and not isinstance(problem.params, type)):
        faults.append("params must be an instance of a frozen dataclass; its fields are what the launchpad offers.")
    if isinstance(problem.split, RollingWindow) and not is_calendar(problem.partitions):
        faults.append("RollingWindow needs Monthly or Daily partitions; split Static ones by EntityHash.")
    if isinstance(problem.split, RollingWindow) and problem.event_time is None:
        faults.append("RollingWindow splits by event_time; name that column.")
    if problem.lookback and not is_calendar(problem.partitions):
        faults.append("lookback needs partitions that follow each other in time.")
    if isinstance(problem.partitions, Dynamic) and not any(PARTITION in name for name in problem.files):
        faults.append(
            "Dynamic partitions appear as files land; name those files in files, such as 'shops/{partition}.parquet'."
        )
    faults += [*_faults_of_files(problem.files), *_faults_of_types(problem.artifact_types)]
    if problem.fresh_within_days is not None and problem.fresh_within_days <= 0:
        faults.append("fresh_within_days is an age and must be more than 0.")
    if not problem.metrics:
        faults.append("metrics is empty; name at least the one that decides.")
    judged = {metric.name for metric in problem.metrics}
    for metric in [problem.promote_when.metric, *(gate.metric for gate in problem.gates)]:
        if metric.name not in judged:
            faults.append(f"{metric.name} decides but is not among metrics; add it.")
    return faults


def _faults_of_files(names: tuple[str, ...]) -> list[str]:
    return [
        f"{name!r} in files must be a path with {PARTITION} at most once, in its last part: 'bills/{PARTITION}.parquet'."
        for name in names
        if name.count(PARTITION) > 1
        or PARTITION in name.rpartition("/")[0]
        or any(part in ("", ".", "..") for part in name.split("/"))
    ]


def _faults_of_types(kinds: tuple[type, ...]) -> list[str]:
    return [
        f"{kind!r} in artifact_types is no dataclass; list only the dataclasses that train() returns."
        for kind in kinds
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind))
    ]
