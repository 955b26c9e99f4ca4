"""What the pages of problems say: who is champion, how good the models were over partitions, and every move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from ml_assets.assets import Role, declared, every_name, noun_that
from ml_assets.errors import MlAssetsError, UnknownVersion
from ml_assets.evaluation.audit import Kept, Outcome, came_next, in_short, reliability
from ml_assets.lineage.audits import audited
from ml_assets.lineage.champions import Champions, champions
from ml_assets.lineage.experiments import Experiment, experiments
from ml_assets.lineage.report import PartitionReport, report
from ml_assets.pages.archive import expect_problem, problem_names, read_ahead
from ml_assets.pages.charts import MOST_LINES, by_line, over_partitions
from ml_assets.problem import FAILURES, Partitions, Problem
from ml_assets.problems import BrokenProblem
from ml_assets.promotion.audit import name_of
from ml_assets.promotion.failure_list import KnownFailure, failures_of_problem
from ml_assets.promotion.ledger import Move
from ml_assets.store import Store, VersionKey


@dataclass(frozen=True)
class Summary:
    """A problem on the first page.

    Attributes:
        trouble: why it cannot be shown; else empty.
        broken: why its code cannot be used, if so. What it made before is shown all the same.
    """

    name: str
    about: str
    champions: Champions
    newest: PartitionReport | None
    trouble: str = ""
    broken: BrokenProblem | None = None

    @property
    def metric(self) -> str | None:
        """The most important metric, if anything was judged."""
        return next(iter(self.newest.metrics), None) if self.newest else None


@dataclass(frozen=True)
class ProblemPage:
    """Everything about one problem.

    Attributes:
        rows: one per partition, newest first.
        nouns: the assets of its chain, in order; with a study where one was made.
        metrics: in the order of importance.
        charts: a metric over partitions each; a line for each line of partitions, where there are several. None where
            partitions have no order, only one was judged, or there are too many lines to be told apart.
        experiments: on another branch than main, what it made otherwise than main.
        broken: why its code cannot be used, if so.
        failures: what its champions got badly wrong.
        outcomes: what came of its decisions, of all partitions that were audited.
    """

    name: str
    about: Sequence[str]
    champions: Champions
    rows: Sequence[PartitionReport]
    nouns: Sequence[str]
    metrics: Sequence[str]
    charts: Sequence[Markup]
    experiments: Sequence[Experiment] = ()
    broken: BrokenProblem | None = None
    failures: Sequence[KnownFailure] = ()
    outcomes: Sequence[Outcome] = ()

    @property
    def reliability(self) -> list[Kept]:
        """How often what was stated came true."""
        return reliability(self.outcomes)

    @property
    def promises(self) -> str:
        """The same in a sentence; empty where nothing was promised yet."""
        return in_short(self.outcomes)

    def came_next(self, move: Move, line: str | None) -> str:
        """What came of a move."""
        return came_next(self.outcomes, name_of(move), line)

    @property
    def models(self) -> list[VersionKey]:
        """Of which two can be chosen to see their difference, newest partition first."""
        return [row.model for row in self.rows if row.model is not None]


def overview(store: Store, problems: Sequence[Problem], broken: Sequence[BrokenProblem] = ()) -> list[Summary]:
    """One summary per problem. A damaged or broken problem says so and leaves the others in peace."""
    names = problem_names(store, [*problems, *broken])
    return [replace(_summary(store, name, _about(problems, name)[0]), broken=_named(broken, name)) for name in names]


def problem_page(
    store: Store, problems: Sequence[Problem], name: str, broken: Sequence[BrokenProblem] = ()
) -> ProblemPage:
    """Everything about one problem.

    Raises:
        UnknownVersion: if neither the code nor the store knows it.
    """
    expect_problem(store, [*problems, *broken], name)
    who, rows = champions(store, name), _rows(store, name)
    metrics = list(dict.fromkeys(metric for row in rows for metric in row.metrics))
    known = next((problem for problem in problems if problem.name == name), None)
    cut = known.partitions if known else None
    charts = [chart for metric in metrics if (chart := _chart(metric, rows, who, cut)) is not None]
    about, nouns = _about(problems, name), _nouns(store, name, is_group=known is not None and known.is_group)
    tried = experiments(store, name)
    failures = failures_of_problem(store, known) if known and known.held_to(FAILURES) else []
    return ProblemPage(
        name,
        about,
        who,
        rows[::-1],
        nouns,
        metrics,
        charts,
        tried,
        _named(broken, name),
        failures=failures,
        outcomes=audited(store, name),
    )


def _nouns(store: Store, name: str, *, is_group: bool) -> list[str]:
    """Those that every problem has, unless it is a feature group, and those that this one has made."""
    every = [] if is_group else [noun for noun in every_name() if declared(noun).when is None]
    return [noun for noun in every_name() if noun in every or store.versions(f"{name}/{noun}")]


def _chart(metric: str, rows: Sequence[PartitionReport], who: Champions, known: Partitions | None) -> Markup | None:
    if known is not None and known.in_time and known.lines():
        ours = [row for row in rows if known.has(row.partition)]
        lines = {known.line(row.partition) for row in ours}
        return by_line(metric, ours, known) if len(lines) <= MOST_LINES and len(ours) > len(lines) else None
    in_time = None in who.moves or not who.moves
    return over_partitions(metric, rows) if in_time and len(rows) > 1 else None


def _summary(store: Store, name: str, about: str) -> Summary:
    try:
        who, rows = champions(store, name), _rows(store, name)
    except MlAssetsError as error:  # shown in the problem's place, by name and with what to do
        return Summary(name, about, Champions({}), None, f"{type(error).__name__}: {error}")
    return Summary(name, about, who, rows[-1] if rows else None)


def _rows(store: Store, name: str) -> list[PartitionReport]:
    """One row per partition; none where nothing was made yet."""
    roles: tuple[Role, ...] = ("judges", "decides", "audits")
    read_ahead(store, [key for role in roles for key in store.versions(f"{name}/{noun_that(role)}")])
    try:
        return report(store, name)
    except UnknownVersion:
        if store.versions(f"{name}/{noun_that('lands')}"):
            raise
        return []


def _named(broken: Sequence[BrokenProblem], name: str) -> BrokenProblem | None:
    return next((one for one in broken if one.name == name), None)


def _about(problems: Sequence[Problem], name: str) -> list[str]:
    """The paragraphs of its description, at least one."""
    return next((p.description.strip().split("\n\n") for p in problems if p.name == name), [""])
