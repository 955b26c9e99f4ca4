"""The page of a problem's monitoring: how champions did where they served, what moved, what was trained again for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from ml_assets.lineage.monitored import monitored
from ml_assets.monitoring.finding import Finding
from ml_assets.pages.archive import expect_problem
from ml_assets.pages.charts import drift_over_partitions, promise_over_partitions
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem
from ml_assets.promotion.retraining import retrainings
from ml_assets.store import RefEntry, Store, VersionKey


@dataclass(frozen=True)
class Row:
    """A partition: the version of its monitoring, and what that found."""

    key: VersionKey
    found: Finding


@dataclass(frozen=True)
class MonitoringPage:
    """Everything that was found of a problem.

    Attributes:
        rows: one per partition, newest first.
        charts: of each line of partitions the metric and the drift over them.
        decisions: what was trained again, and what held it back, newest first.
    """

    name: str
    rows: Sequence[Row]
    charts: Sequence[Markup]
    decisions: Sequence[RefEntry]

    @property
    def metric(self) -> str:
        """What is promised, estimated and realised."""
        return self.rows[0].found.metric if self.rows else ""


def monitoring_page(
    store: Store, problems: Sequence[Problem], name: str, broken: Sequence[BrokenProblem] = ()
) -> MonitoringPage:
    """The page of a problem.

    Raises:
        UnknownVersion: if neither the code nor the store knows it.
    """
    expect_problem(store, [*problems, *broken], name)
    rows = [Row(key, found) for key, found in monitored(store, name).items()]
    lines = dict.fromkeys(row.found.line for row in rows)
    charts = [chart for line in lines for chart in _charts([row.found for row in rows if row.found.line == line])]
    return MonitoringPage(name, rows[::-1], charts, retrainings(store, name)[::-1])


def _charts(found: Sequence[Finding]) -> list[Markup]:
    """Of a line of which more than one partition was monitored."""
    return [promise_over_partitions(found), drift_over_partitions(found)] if len(found) > 1 else []
