"""All judged models of a problem side by side, in the order of a metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ml_assets.errors import UsageError
from ml_assets.pages.archive import champions, expect_problem, read_ahead
from ml_assets.problem import Problem
from ml_assets.store import Store, VersionKey

PARTITION = "partition"
Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class Row:
    """A model and how it was judged last.

    Attributes:
        params: those that differ between the models.
        metrics: name -> value, low, high, baseline.
        role: champion, was champion or nothing.
    """

    model: VersionKey
    evaluation: VersionKey
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    role: str


@dataclass(frozen=True)
class Column:
    """A heading: whether the table is in its order, and in which order a click puts it."""

    name: str
    sorted: Literal["ascending", "descending", "none"]
    click: Order


@dataclass(frozen=True)
class ModelsPage:
    """The table."""

    name: str
    rows: Sequence[Row]
    params: Sequence[str]
    metrics: Sequence[Column]
    partition: Column


def models_page(store: Store, problems: Sequence[Problem], name: str, by: str, order: str) -> ModelsPage:
    """Every model that has an evaluation, in the order of a metric (or of partitions); undefined values last.

    Raises:
        UnknownVersion: if neither the code nor the store knows the problem.
        UsageError: if there is no such order.
    """
    expect_problem(store, problems, name)
    rows = _rows(store, name)
    higher = {m.name: m.higher_is_better for p in problems if p.name == name for m in p.metrics}
    metrics = list(dict.fromkeys([*higher, *(metric for row in rows for metric in row.metrics)]))
    if by not in (PARTITION, *metrics) or order not in ("asc", "desc"):
        known = ", ".join([PARTITION, *metrics])
        raise UsageError(f"There is no order by={by!r}, order={order!r}. Known: {known}; asc or desc.")
    best_first: dict[str, Order] = {m: "desc" if higher.get(m, True) else "asc" for m in metrics}
    return ModelsPage(
        name,
        in_order(rows, by, order),
        sorted({param for row in rows for param in row.params}),
        [_column(m, by, order, best_first[m]) for m in metrics],
        _column(PARTITION, by, order, "desc"),
    )


def in_order(rows: Sequence[Row], by: str, order: str) -> list[Row]:
    """Sorted by partition, or by a metric's value with the undefined last in either order."""
    descending = order == "desc"
    ordered = sorted(rows, key=lambda row: (row.model.partition or "", row.model.version), reverse=descending)
    if by == PARTITION:
        return ordered
    defined = [row for row in ordered if value_of(row, by) is not None]
    return [
        *sorted(defined, key=lambda row: value_of(row, by) or 0.0, reverse=descending),
        *(row for row in ordered if value_of(row, by) is None),
    ]


def value_of(row: Row, metric: str) -> float | None:
    """The metric's value; None where it is undefined or was not judged."""
    value = (row.metrics.get(metric) or {}).get("value")
    return value if isinstance(value, (int, float)) else None


def _column(name: str, by: str, order: str, first: Order) -> Column:
    if name != by:
        return Column(name, "none", first)
    return Column(name, "ascending", "desc") if order == "asc" else Column(name, "descending", "asc")


def _rows(store: Store, problem: str) -> list[Row]:
    judged = _judged(store, problem)
    params = {model: store.manifest(model).params for model in judged}
    differing = _differing(list(params.values()))
    who = champions(store, problem)
    rows = []
    for model, evaluation in judged.items():
        shown = {name: params[model][name] for name in differing if name in params[model]}
        rows.append(Row(model, evaluation, shown, store.manifest(evaluation).metrics, who.role(model)))
    return rows


def _judged(store: Store, problem: str) -> dict[VersionKey, VersionKey]:
    """Each model with its newest evaluation."""
    read_ahead(store, [*store.versions(f"{problem}/evaluation"), *store.versions(f"{problem}/model")])
    evaluations = sorted(store.versions(f"{problem}/evaluation"), key=lambda key: store.manifest(key).created_at)
    return {
        read.key: evaluation
        for evaluation in evaluations
        for read in store.manifest(evaluation).inputs
        if read.name == "model"
    }


def _differing(params: Sequence[Mapping[str, Any]]) -> list[str]:
    names = {name for of in params for name in of}
    return sorted(name for name in names if any(of.get(name) != params[0].get(name) for of in params))
