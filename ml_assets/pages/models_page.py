"""All judged models of a problem side by side, in the order of a metric: as a page, and as a file that needs no server."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from ml_assets.lineage.compare import PARTITION, Comparison, Order, Row, compare, standings
from ml_assets.pages.archive import expect_problem
from ml_assets.pages.render import html, template
from ml_assets.problem import Problem
from ml_assets.store import Store, VersionKey


@dataclass(frozen=True)
class Column:
    """A heading: whether the table is in its order, and in which order a click puts it."""

    name: str
    sorted: Literal["ascending", "descending", "none"]
    click: Order


@dataclass(frozen=True)
class ModelsPage:
    """The table and its headings.

    Attributes:
        standing: by metric and evaluation, the number that a model is sorted by, see ``standings``.
    """

    name: str
    table: Comparison
    metrics: Sequence[Column]
    partition: Column
    standing: Mapping[str, Mapping[VersionKey, float | None]]


def models_page(store: Store, problems: Sequence[Problem], name: str, by: str, order: str) -> ModelsPage:
    """Every model that has an evaluation, in the order of a metric (or of partitions); undefined values last.

    Raises:
        UnknownVersion: if neither the code nor the store knows the problem.
        UsageError: if there is no such order.
    """
    expect_problem(store, problems, name)
    metrics = next((problem.metrics for problem in problems if problem.name == name), ())
    return in_columns(compare(store, name, metrics), by, order)


def in_columns(compared: Comparison, by: str = PARTITION, order: str = "") -> ModelsPage:
    """A comparison in an order (best or newest first unless told), with its headings.

    Raises:
        UsageError: if there is no such order.
    """
    order = order or compared.best_first(by)
    return ModelsPage(
        compared.problem,
        compared.ordered(by, order),
        [_column(metric, by, order, compared.best_first(metric)) for metric in compared.metrics],
        _column(PARTITION, by, order, "desc"),
        {metric: _standing(compared.rows, metric) for metric in compared.metrics},
    )


def _standing(rows: Sequence[Row], metric: str) -> dict[VersionKey, float | None]:
    return {row.evaluation: number for row, number in zip(rows, standings(rows, metric), strict=True)}


def report(store: Store, compared: Comparison, by: str = PARTITION) -> str:
    """The comparison as one HTML file: it fetches nothing, and a click on a heading sorts.

    The only script is ours: browsers are told its digest, and run no other.
    """
    script = template("sort.js")
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return html(
        "report.html",
        of=in_columns(compared, by),
        where=store.url,
        branch=store.branch,
        style=Markup(template("style.css")),  # noqa: S704  # files of ours
        script=Markup(script),  # noqa: S704
        script_digest=digest,
    )


def _column(name: str, by: str, order: str, first: Order) -> Column:
    if name != by:
        return Column(name, "none", first)
    return Column(name, "ascending", "desc") if order == "asc" else Column(name, "descending", "asc")
