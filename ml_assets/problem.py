"""The contract: what a team writes to have a problem run, versioned, judged and explained.

A problem is a frozen dataclass of plain functions: no base class, no registration, no strings that name functions, no
Dagster. Heavy libraries are imported inside the functions, because every process that loads the code location imports them.

A partition M means *as known at the end of M*: the model of M is fitted on the window that ends with M, judged on the
newest rows of it, and scores the rows of the next partition.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import FunctionType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn, Protocol, get_args

from ml_assets.compute import Compute
from ml_assets.errors import InvalidProblem
from ml_assets.partitions import Daily, Dynamic, Grid, Hourly, Monthly, Partition, Partitions, Static, Weekly
from ml_assets.rules import (
    FAILURES,
    FEWEST_WINDOWS,
    GOLDEN,
    WAIVABLE,
    Better,
    EntityHash,
    Gate,
    Keep,
    Metric,
    NoRegression,
    RetrainWhen,
    RollingWindow,
)
from ml_assets.sources import Declared, Files, Shared, Sql, Upstream, shared_sources
from ml_assets.sources.declared import source_faults
from ml_assets.tuning import Candidate, Range, Tuning, faults_of, faults_of_candidates

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa

Task = Literal["binary", "multiclass", "regression"]
Duplicates = Literal["refuse", "newest"]
OnRegret = Literal["alert", "rollback"]

__all__ = [
    "FAILURES",
    "FEWEST_WINDOWS",
    "GOLDEN",
    "WAIVABLE",
    "Better",
    "Candidate",
    "Checkpoint",
    "Checkpoints",
    "Compute",
    "Daily",
    "Dynamic",
    "EntityHash",
    "FeatureTable",
    "Files",
    "Gate",
    "Grid",
    "Hourly",
    "Keep",
    "Metric",
    "Monthly",
    "NoRegression",
    "Partition",
    "Partitions",
    "Problem",
    "Range",
    "Ranks",
    "RetrainWhen",
    "RollingWindow",
    "Shared",
    "Source",
    "Sql",
    "Static",
    "Task",
    "TrainingData",
    "TrainingRun",
    "Tuning",
    "Upstream",
    "Variant",
    "Weekly",
    "files_of",
    "shared_files_of",
]

BATCH_ROWS = 50_000
_PLACE = re.compile(r"\{([^{}/]*)\}")  # what stands for a partition, or a part of it, in Problem.files
_OF_PREDICTIONS = re.compile(r"model_version|prediction(_lower|_upper|_\d+)?")


# ---------------------------------------------------------------- what the functions receive


class Source(Protocol):
    """A problem's sources as its ``dataset`` function sees them. Everything that is read is recorded with its digest."""

    def table(self, name: str) -> pd.DataFrame:
        """What the declared source ``name`` holds for the partition, see ``Problem.sources``.

        Raises:
            InvalidProblem: if the problem declares no such source.
            NotLanded, UnreadableFile: as for the file that it is.
        """
        ...

    def parquet(self, name: str) -> pd.DataFrame:
        """The landed Parquet file ``name``, a path below the problem's landing folder.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Parquet file.
        """
        ...

    def jsonl(self, name: str) -> pd.DataFrame:
        """The landed file ``name`` with a JSON object on each line, typed like ``csv``; a key that a line lacks is missing there.

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if a line is no object, or a value is not of the declared type.
        """
        ...

    def arrow(self, name: str) -> pd.DataFrame:
        """The landed Arrow file ``name`` (IPC, file or stream; Feather).

        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is not a whole Arrow file.
        """
        ...

    def images(self, name: str) -> pd.DataFrame:
        """The landed pictures of a name with ``*``, ``pictures/2024-05/*/*.png``, or of a folder: one row each, by name.

        Columns are ``file``, its path; ``label``, the folder that it is in; and ``image``, its bytes: the problem decodes
        them (``PIL.Image.open(io.BytesIO(image))``), as large as it wants them.

        Raises:
            NotLanded: if there are none.
        """
        ...

    def csv(self, name: str, *, separator: str = ",", decimal: str = ".", encoding: str = "utf-8") -> pd.DataFrame:
        """The landed file of separated values ``name``: its first line names the columns.

        Columns have the types that the problem's schema declares, the others are text; nothing is guessed. An empty field is
        missing, and nothing else is. Instants are written as ISO 8601 says, with their offset where the type has a zone.

        Args:
            separator: between fields, one character: ``"\t"``, ``";"``.
            decimal: the character before the decimals.
            encoding: as Python names it: ``latin-1``.
        Raises:
            NotLanded: if there is no such file.
            UnreadableFile: if it is of another form, or a value is not of the declared type.
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

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[FeatureTable]:
        """The rows in order, ``rows`` at a time; the last batch has what is left. Each has the types of the whole table.

        As often as wanted: each call begins with the first row.
        """
        import numpy as np

        for first in range(0, len(self), rows):
            yield self.rows(np.arange(first, min(first + rows, len(self))))


@dataclass(frozen=True)
class TrainingData:
    """What a model may see: rows to fit and rows to choose by (early stopping, thresholds). Never the rows that judge.

    In a run, ``keys``, ``features`` and ``label`` of each are read when they are first asked for. A training that asks for
    ``train.batches()`` alone never has the table in memory: it may have more rows than fit.
    """

    train: FeatureTable
    validation: FeatureTable


@dataclass(frozen=True)
class Checkpoint:
    """The state of a training in flight, from which it goes on.

    Attributes:
        step: how many steps were done.
        state: what ``save`` was given.
    """

    step: int
    state: Mapping[str, Any]


class Checkpoints(Protocol):
    """Where a training keeps its state, so that the same training, wherever it is started again, goes on from there."""

    def latest(self) -> Checkpoint | None:
        """The newest one that is whole; None where the training begins."""
        ...

    def is_due(self, step: int) -> bool:
        """Whether it is time to save: often enough to lose little, seldom enough to cost under 3 % of the time."""
        ...

    def save(self, step: int, state: Mapping[str, Any]) -> None:
        """Keep the state after ``step`` steps, whole or not at all.

        Args:
            state: names -> plain JSON values, ndarrays, tensors, estimators, bytes, and dicts and lists of these.
        """
        ...


class Ranks(Protocol):
    """The processes that train one model together. Most trainings are one process, and all of this is trivial."""

    @property
    def rank(self) -> int:
        """The number of this process: 0 … size - 1. Rank 0 logs, saves, and returns what is kept."""
        ...

    @property
    def size(self) -> int:
        """How many there are."""
        ...


class TrainingRun(Protocol):
    """What a training may ask of its surroundings, without knowing them."""

    @property
    def seed(self) -> int:
        """Seed of all chance in this training."""
        ...

    @property
    def device(self) -> str:
        """Where tensors belong, as torch names it: ``cpu``, or this process's GPU, ``cuda:0``."""
        ...

    @property
    def ranks(self) -> Ranks:
        """The processes that train this model together."""
        ...

    @property
    def checkpoints(self) -> Checkpoints:
        """Where the state of this training is kept."""
        ...

    @property
    def should_stop(self) -> bool:
        """Whether this process is about to be taken away: save, then call ``stop``."""
        ...

    def check_storable(self, model: Any) -> None:
        """Whether ``model`` could be stored if ``train`` returned it: ask before it is fitted, which may take hours.

        An estimator that is not fitted shows its parameters, and what those are made of: classes, functions, lambdas.

        Raises:
            UnsupportedType: if it could not; the message says what to do.
        """
        ...

    def stop(self, step: int) -> NoReturn:
        """End after ``step`` steps, which were saved: the training goes on from there when it is started again."""
        ...

    def log(self, step: int, **metrics: float) -> None:
        """Report progress: it appears while the training runs. (A trial of a search that is not worth going on ends here.)"""
        ...


# ---------------------------------------------------------------- the problem


@dataclass(frozen=True)
class Problem:
    """One machine-learning problem. A field is added when a second problem needs it.

    Its functions get copies: what they do to frames and arrays in place reaches nobody, and only what they return counts.

    Attributes:
        name: lower-case identifier; the first part of every asset key.
        task: what is predicted: ``binary`` (label 0 or 1), ``multiclass`` (a label of ``classes``) or ``regression``.
        description: Markdown shown in the UI; by convention the module's docstring.
        owners: e-mail addresses or ``team:name``.
        partitions: how the data is cut.
        dataset: ``(Partition, Source) -> DataFrame``: what landed for the partition, one row per entity.
        schema: ``() -> DataFrameSchema`` of pandera's, or a ``DataFrameModel``, or a function that returns one: what a valid
            dataset is. What it repairs (``coerce``, ``default``, parsers, ``drop_invalid_rows``, ``strict="filter"``) is
            what is stored; what it changed is said and counted.
        features: ``(history, data) -> DataFrame``: one row per row of ``data``, with its index, in any order: the index says
            which row is which, so rows that were sorted must keep it until they are returned. ``history`` is the
            ``lookback`` datasets before it, concatenated, oldest first (no rows where there are none). Pure.
        lookback: how many earlier partitions' datasets ``features`` is given.
        entity: column that identifies a row, unique in a dataset.
        group: column of what several rows belong to and whose fate they share: a customer, a machine, an aircraft. Then groups,
            not rows, say how sure a number is, see ``evaluation/units.py``, and a split can keep them whole. None: there is none.
        event_time: column with the time the question is about (with a time zone, by convention UTC); None where there is
            none. Where partitions are spans of time, a row that is dated outside of its own, or not at all, is scored but
            never trains or judges.
        label: column of the dataset; rows whose label is missing are scored but never train or judge.
        label_time: column with the time the label became known (with a time zone). With it, rows whose label was not yet
            known when the next part of the split begins are left out of training (purged), as are those whose label is
            known and does not say since when.
        split: how the rows of a window are divided into train, validation and test.
        duplicates: what becomes of a row (an entity at an event time) that several partitions of a window hold, as files
            that overlap or hold all of history do. ``refuse``: the split is refused; ``newest``: the one of the latest
            partition counts, with the features and the label that it has there, and may be dated in an earlier
            partition of the window.
        train: ``(TrainingData, params, TrainingRun) -> model``; fits its own preprocessing.
        predict: ``(model, features) -> ndarray``: shape (n,) or (n, classes): probabilities, or values for regression, or
            (n, 3): value, 10th and 90th percentile. A row's answer depends on that row alone: rows are scored in batches.
            Of several classes there is a column for each that the train rows have (scikit-learn's ``predict_proba``), or for
            each of ``classes``, in ascending order; those that are left out become 0. Categories are those of the train rows. A
            Series or DataFrame is put into the order of ``features`` by its index.
        baseline: ``(train, test) -> ndarray``: the dumb answer for the rows of ``test``, judged beside the model; columns as
            of ``predict``.
        params: frozen dataclass of plain values; the launchpad shows it, the manifest records it.
        seed: seed of all chance in training, unless a run gives another.
        threads_change_bits: whether a model trained with another number of threads may answer otherwise (sums in another
            order): then models are not shared between machines of different size. False only for what is known not to.
        metrics: what is computed, most important first.
        classes: of a multiclass problem the labels that there are, whole numbers in ascending order; others are refused. None:
            0 … the highest that the train rows have. To be given where a model answers more than these (a network of ten
            outputs), where the highest classes are rare, and where labels are not 0 … k-1.
        slices: columns of dataset or features by which the metrics are broken down.
        gates: absolute requirements for promotion: on metrics, and on rows that must not go wrong, see ``NoRegression``.
        golden: the rows that ``NoRegression(GOLDEN)`` is about. A function ``(DataFrame of keys and features) -> mask`` chooses
            among the labelled rows that judge: ``lambda rows: rows["distance"] < 200``. ``Files("golden.csv")``, a landed file,
            names rows of earlier data: its columns are ``partition`` and those of the entity and the event time.
        promote_when: when a challenger replaces the champion.
        approval: whether a challenger that does is only proposed, and serves once somebody has approved it:
            ``ml-assets approve``. So is the first model.
        on_regret: what becomes of a promotion that turned out wrong beyond chance once outcomes were known, see the asset
            ``audit``: ``alert`` tells, and leaves it to people; ``rollback`` also puts the champion before it back.
        minimum_rows: a dataset with fewer rows is refused.
        maximum_growth: a dataset with more than this many times the usual rows is refused. Usual is what the partitions
            before it had; see ``evaluation/checks/volume.py``. None: it never is.
        leak_strength: a feature that alone tells the label with this strength or more is refused as a leak: AUROC,
            |Spearman's correlation| or balanced accuracy, by task; more than 0, at most 1.
        waive: checks that may fail, each with the reason: ``{"leak": "yesterday's level is known when the question is
            asked"}``. They are carried out and shown all the same, with the reason, and block nothing. For ``volume``,
            ``features_sound``, ``leak`` and ``classes``.
        artifact_types: what this problem's models are made of besides scikit-learn, tables, arrays and plain values:
            dataclasses that ``train`` returns (that of params and those of ml_assets need not be listed), transformers and
            other classes inside of estimators, and functions, such as that of a ``FunctionTransformer``. Each is found by
            the name it has in its module. Nothing else of yours is built or called when a model is loaded.
        network: ``(model) -> Network`` (of ``ml_assets.training.network``): the trained network and where its inputs come
            from, so that a model of torch can leave as ONNX. None: it cannot, or is none.
        picture: ``(features) -> ndarray``, shape (n, height, width), 0 (dark) to 1 (bright), where rows are pictures: then an
            evaluation shows the most confident mistakes of several classes. None: rows are no pictures.
        sample_files: ``(partition key) -> {file name: DataFrame or bytes}``: real data for a demo, written by ``ml-assets land``.
        sample_partitions: the keys that it has, where ``partitions`` does not list any (``Dynamic``).
        sources: name -> what ``dataset`` reads with ``source.table(name)``: ``Files("bills/{partition}.csv")``,
            ``Sql("select …", connection="WAREHOUSE_URL")``, ``Upstream("marts/orders")``: these two are read once per run and
            kept as a version of the asset ``landing``; ``Shared("weather/dataset")``: what another problem or a group made.
        files: names of further landed files that a partition is made from, with ``{partition}`` for its key; of a ``Grid`` also
            with its parts, ``{month}`` and ``{origin}``: a file of a month belongs to all origins. A partition is made
            when all are there, and again when one with it in the name changes; a file for all partitions (nothing in
            braces) must be there, and its changes are read with the next partition. Empty: nothing is made by itself.
        retrain_when: when a new model is trained.
        compute: what a training needs to run on; None: it runs where the other steps do.
        tuning: how ``params`` are searched for; None: they are as written.
        candidates: name -> ``Candidate``: trainings that compete, ``{"trees": Candidate(), "linear": Candidate(train=fit_line,
            params=LineParams())}``. Each trains beside the others and is judged on the validation rows; the best by the first
            metric is the model, and goes to the test. Empty: there is one training.
        keep: asset -> how much of it is kept: ``{"features": Keep(partitions=24, versions=3)}``. Of the others the last three
            versions of each partition are, and all that is needed to make again what is kept.
        fresh_within_days: predictions older than this are stale: shown and alerted; None: they never are.
    """

    is_group: ClassVar[bool] = False  # see feature_group.py: it has data, and asks nothing of it

    name: str
    task: Task
    partitions: Partitions
    dataset: Callable[[Partition, Source], pd.DataFrame]
    schema: Callable[[], pa.DataFrameSchema | type[pa.DataFrameModel]] | type[pa.DataFrameModel]
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
    gates: tuple[Gate | NoRegression, ...] = ()
    golden: Callable[[pd.DataFrame], Any] | Files | None = None
    approval: bool = False
    classes: tuple[int, ...] | None = None
    slices: tuple[str, ...] = ()
    event_time: str | None = None
    group: str | None = None
    label_time: str | None = None
    duplicates: Duplicates = "refuse"
    lookback: int = 0
    seed: int = 0
    threads_change_bits: bool = True
    minimum_rows: int = 100
    maximum_growth: float | None = 20.0
    leak_strength: float = 0.95
    waive: Mapping[str, str] = field(default_factory=dict, hash=False)
    description: str = ""
    owners: tuple[str, ...] = ()
    artifact_types: tuple[type | Callable[..., Any], ...] = ()
    network: Callable[[Any], Any] | None = None
    picture: Callable[[pd.DataFrame], np.ndarray] | None = None
    sample_files: Callable[[str], Mapping[str, pd.DataFrame | bytes]] | None = None
    sample_partitions: tuple[str, ...] = ()
    sources: Mapping[str, Declared] = field(default_factory=dict, hash=False)
    files: tuple[str, ...] = ()
    retrain_when: RetrainWhen = field(default_factory=RetrainWhen)
    on_regret: OnRegret = "alert"
    compute: Compute | None = None
    tuning: Tuning | None = None
    candidates: Mapping[str, Candidate] = field(default_factory=dict, hash=False)
    fresh_within_days: float | None = None
    keep: Mapping[str, Keep] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        for fault in _faults(self):
            raise InvalidProblem(f"{self.title}: {fault}")
        self.variants  # noqa: B018  # each is held to the same

    @property
    def title(self) -> str:
        """How errors call it: ``Problem 'flight_delays'``."""
        return f"{'Feature group' if self.is_group else 'Problem'} {self.name!r}"

    @property
    def stored_types(self) -> tuple[type | Callable[..., Any], ...]:
        """The classes and functions that its models may be made of, besides those of ml_assets."""
        competing = [one.params for one in self.candidates.values() if one.params is not None]
        return (type(self.params), *dict.fromkeys(map(type, competing)), *self.artifact_types)

    @property
    def declared(self) -> Problem:
        """The problem as its module has it."""
        return self

    @cached_property
    def variants(self) -> Mapping[str, Variant]:
        """Candidate -> the problem as it is with its training alone."""
        own = {field.name: getattr(self, field.name) for field in dataclasses.fields(Problem)}
        return {
            name: Variant(**{**own, "candidates": {}, **one.changes}, of=self, candidate=name)
            for name, one in self.candidates.items()
        }

    @property
    def landing_files(self) -> tuple[str, ...]:
        """The names of all landed files that it is made from: ``files``, and those of ``sources``."""
        declared = (source.pattern for source in self.sources.values() if isinstance(source, Files))
        asked = (pattern for source in self.sources.values() for pattern in _files_asked(source))
        return tuple(dict.fromkeys([*self.files, *declared, *asked]))

    def held_to(self, rows: str) -> NoRegression | None:
        """The gate about these rows, ``GOLDEN`` or ``FAILURES``; None if there is none."""
        return next((gate for gate in self.gates if isinstance(gate, NoRegression) and gate.rows == rows), None)

    @property
    def window(self) -> int:
        """How many partitions one model is made from."""
        if not isinstance(self.split, RollingWindow):
            return 1
        return self.split.partitions or self.partitions.holding(self.split.days)


@dataclass(frozen=True)
class Variant(Problem):
    """A problem with the training of one of its candidates.

    Attributes:
        of: the problem, which has several.
        candidate: the name of this one.
    """

    of: Problem = field(kw_only=True)
    candidate: str = field(kw_only=True)

    @property
    def title(self) -> str:
        """How errors call it: ``Problem 'flight_delays', candidate 'linear'``."""
        return f"{self.of.title}, candidate {self.candidate!r}"

    @property
    def declared(self) -> Problem:
        """The problem as its module has it."""
        return self.of


def _files_asked(source: Declared) -> Iterator[str]:
    query = source.query if isinstance(source, Upstream) else source
    yield from query.files.values() if isinstance(query, Sql) else ()


def files_of(problem: Problem, partition: str) -> list[str]:
    """The names of a partition's own files in the landing folder; a file of a whole month is that of each of its partitions."""
    inside = problem.partitions.in_places(partition)
    own = [name for name in problem.landing_files if _PLACE.search(name)]
    return [f"{problem.name}/{_PLACE.sub(lambda place: inside[place[1]], name)}" for name in own]


def shared_files_of(problem: Problem) -> list[str]:
    """The names of the files that serve all partitions."""
    return [f"{problem.name}/{name}" for name in problem.landing_files if not _PLACE.search(name)]


def _faults(problem: Problem) -> list[str]:
    """What makes no sense in a problem, each as a sentence that says what to do."""
    faults = source_faults(problem.sources)
    if faults:  # what else is asked looks into them
        return faults
    faults = [*_faults_of_data(problem), *_faults_of_limits(problem), *_faults_of_commands(problem)]
    return faults if problem.is_group else [*faults, *_faults_of_question(problem)]


def _faults_of_commands(problem: Problem) -> Iterator[str]:
    """What a function says for itself that is more than code, see ``ml_assets.commands``."""
    for role in ("dataset",) if problem.is_group else ("dataset", "features", "train", "predict"):
        faults_as = getattr(getattr(problem, role), "faults_as", None)
        if faults_as is not None:
            yield from faults_as(role, problem)


def _faults_of_data(problem: Problem) -> list[str]:
    faults = []
    if not problem.name.isidentifier() or problem.name != problem.name.lower() or "__" in problem.name:
        faults.append("the name must be a lower-case identifier without double underscores, such as flight_delays.")
    if isinstance(problem.partitions, Dynamic) and not any(map(_PLACE.search, problem.landing_files)):
        faults.append(
            "Dynamic partitions appear as files land; name those files in files, such as 'shops/{partition}.parquet'."
        )
    if problem.duplicates not in get_args(Duplicates):
        known = ", ".join(map(repr, get_args(Duplicates)))
        faults.append(f"duplicates is {problem.duplicates!r}; give one of {known}.")
    faults += [*_faults_of_shares(problem), *_faults_of_files(problem), *_faults_of_waivers(problem.waive)]
    return [*faults, *_faults_of_keep(problem)]


def _faults_of_keep(problem: Problem) -> Iterator[str]:
    for name, keep in problem.keep.items():
        if not isinstance(keep, Keep):
            yield f"keep says {keep!r} of {name!r}; write it like {{'features': Keep(partitions=24, versions=3)}}."
        elif keep.partitions is not None and not problem.partitions.in_time:
            yield f"keep counts the newest partitions of {name!r}, which do not follow each other in time; leave partitions out."


def _faults_of_question(problem: Problem) -> list[str]:
    faults = []
    if not (dataclasses.is_dataclass(problem.params) and not isinstance(problem.params, type)):
        faults.append("params must be an instance of a frozen dataclass; its fields are what the launchpad offers.")
    if isinstance(problem.split, RollingWindow) and not problem.partitions.in_time:
        faults.append(
            "RollingWindow needs Monthly, Weekly, Daily, Hourly or Grid partitions; split others by EntityHash."
        )
    if isinstance(problem.split, RollingWindow) and problem.event_time is None:
        faults.append("RollingWindow splits by event_time; name that column.")
    if problem.lookback and not problem.partitions.in_time:
        faults.append("lookback needs partitions that follow each other in time.")
    faults += [*_faults_of_types(problem.artifact_types), *_faults_of_keys(problem), *_faults_of_classes(problem)]
    faults += [*_faults_of_evidence(problem), *_faults_of_regret(problem), *_faults_of_watching(problem)]
    if problem.duplicates == "newest" and not isinstance(problem.split, RollingWindow):
        faults.append(
            "duplicates='newest' is about the partitions of a window, which only RollingWindow has; leave it out."
        )
    if problem.fresh_within_days is not None and problem.fresh_within_days <= 0:
        faults.append("fresh_within_days is an age and must be more than 0.")
    if problem.tuning is not None and dataclasses.is_dataclass(problem.params):
        faults += faults_of(problem.tuning, problem.params)
    if problem.candidates:
        faults += faults_of_candidates(problem.candidates)
    if problem.candidates and problem.tuning is not None:
        faults.append("tuning searches the params of one training, candidates have several; leave one of both out.")
    if not problem.metrics:
        faults.append("metrics is empty; name at least the one that decides.")
    judged = {metric.name for metric in problem.metrics}
    faults += _faults_of_no_regression(problem)
    for metric in [problem.promote_when.metric, *(gate.metric for gate in problem.gates if isinstance(gate, Gate))]:
        if metric.name not in judged:
            faults.append(f"{metric.name} decides but is not among metrics; add it.")
    return faults


def _faults_of_evidence(problem: Problem) -> list[str]:
    faults = []
    if problem.split.whole_groups and problem.group is None:
        faults.append("split keeps groups whole, and the problem has none; name their column: group='customer_id'.")
    if problem.promote_when.windows > 1 and not isinstance(problem.split, RollingWindow):
        faults.append("promote_when asks for several windows, which only RollingWindow has; leave windows out.")
    return faults


def _faults_of_no_regression(problem: Problem) -> Iterator[str]:
    held = [gate.rows for gate in problem.gates if isinstance(gate, NoRegression)]
    yield from (
        f"gates has several NoRegression({rows!r}); keep one." for rows in (GOLDEN, FAILURES) if held.count(rows) > 1
    )
    if (GOLDEN in held) != (problem.golden is not None):
        yield "golden says which rows NoRegression(GOLDEN) in gates is about; give both or neither."
    if FAILURES in held and not problem.partitions.in_time:
        yield (
            "NoRegression(FAILURES) remembers what came of earlier partitions, and these do not follow each other in time: name "
            "rows by golden instead."
        )
    if isinstance(problem.golden, Files):
        yield from problem.golden.faults("golden")
        if _PLACE.search(problem.golden.pattern) or "*" in problem.golden.pattern:
            yield f"golden is {problem.golden.pattern!r}; name one file, the same for all partitions."


def _faults_of_keys(problem: Problem) -> list[str]:
    return [
        f"{name!r} is a column of the predictions, which name the entity and the event time beside it: rename that of the data."
        for name in dict.fromkeys([problem.entity, problem.event_time])
        if name is not None and _OF_PREDICTIONS.fullmatch(name)
    ]


def _faults_of_limits(problem: Problem) -> list[str]:
    faults = []
    if problem.maximum_growth is not None and not problem.maximum_growth > 1:
        faults.append(
            "maximum_growth says how many times the usual rows may land: more than 1, or None for any number."
        )
    if not 0 < problem.leak_strength <= 1:
        faults.append("leak_strength is a strength of a single feature: more than 0 and at most 1.")
    return faults


def _faults_of_waivers(waive: Mapping[str, str]) -> list[str]:
    if not isinstance(waive, Mapping):
        return ["waive maps checks to reasons, such as {'leak': 'why it may fail'}."]
    others = [name for name in waive if name not in WAIVABLE]
    faults = [f"waive names {name!r}; of the checks {', '.join(WAIVABLE)} can be waived." for name in others]
    silent = [name for name, why in waive.items() if not (isinstance(why, str) and why.strip())]
    return faults + [f"waive gives no reason for {name!r}; say in a sentence why it may fail." for name in silent]


def _faults_of_files(problem: Problem) -> list[str]:
    places = [f"{{{place}}}" for place in problem.partitions.places]
    example = f"bills/{places[0]}.parquet"
    return [
        f"{name!r} in files must be a path with {' or '.join(places)} at most once, in its last part, or in the last one before "
        f"those with '*': {example!r}."
        for name in problem.landing_files
        if not _is_name(name, places)
    ]


def _faults_of_shares(problem: Problem) -> list[str]:
    places = [f"{{{place}}}" for place in problem.partitions.places]
    return [
        f"the source {name!r} reads the partition {shared.partition!r}; that is one of {', '.join(places)}, or a key without "
        "braces: the same for all."
        for name, shared in shared_sources(problem.sources).items()
        if shared.partition not in places and set(shared.partition) & set("{}")
    ]


def _is_name(name: str, places: Sequence[str]) -> bool:
    plain, star, _ = name.partition("*")
    folder, _, last = (plain.rpartition("/")[0] if star else name).rpartition("/")
    found = [place[0] for place in _PLACE.finditer(last)]
    is_path = not {"", ".", ".."} & set(name.split("/"))
    is_before = not _PLACE.search(name.removeprefix(f"{folder}/{last}".lstrip("/")))
    return (
        is_path
        and is_before
        and not _PLACE.search(folder)
        and len(set(found)) == len(found)
        and set(found) <= set(places)
    )


def _faults_of_classes(problem: Problem) -> list[str]:
    classes = problem.classes
    if classes is None:
        return []
    if problem.task != "multiclass":
        return [f"classes are of multiclass problems; leave them out of a {problem.task} one."]
    are_whole = isinstance(classes, tuple) and all(type(label) is int for label in classes)
    if not are_whole or len(classes) < 2 or list(classes) != sorted(set(classes)):
        return [
            f"classes must be two or more whole numbers in ascending order, such as (1, 2, 3); {classes!r} are not."
        ]
    return []


def _faults_of_regret(problem: Problem) -> Iterator[str]:
    known = get_args(OnRegret)
    if problem.on_regret not in known:
        yield f"on_regret is {problem.on_regret!r}; give one of {', '.join(map(repr, known))}."
    elif problem.on_regret != "alert" and not problem.partitions.in_time:
        yield "on_regret='rollback' needs partitions that follow each other in time, whose outcomes come later. Leave it out."


def _faults_of_watching(problem: Problem) -> Iterator[str]:
    if problem.retrain_when.watches and not problem.partitions.in_time:
        yield (
            "retrain_when asks for what monitoring finds, and partitions that do not follow each other in time are not "
            "monitored. Leave out drift_above, performance_below and estimated_below."
        )


def _faults_of_types(kinds: tuple[Any, ...]) -> list[str]:
    return [
        f"{kind!r} in artifact_types is no dataclass, and no class or function that its module has under its own name. List "
        "only what train() returns, or what is inside of it, and define it in a module, not inside of something else."
        for kind in kinds
        if not (isinstance(kind, type) and dataclasses.is_dataclass(kind)) and not _has_a_name(kind)
    ]


def _has_a_name(code: Any) -> bool:
    is_ours = isinstance(code, type | FunctionType) and code.__module__ != "builtins"
    return is_ours and code.__qualname__ == code.__name__ and code.__name__.isidentifier()
