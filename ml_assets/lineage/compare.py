"""All judged models of a problem side by side: parameters, metrics, role, code and cost.

Metrics of two models are only comparable where both were judged on the same rows, so each row says which rows those were:
the digest of its split's content. Models of other rows are compared by how far each is from its own baseline.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from ml_assets.assets import noun_that
from ml_assets.errors import UsageError
from ml_assets.evaluation.plain import from_plain
from ml_assets.lineage.champions import champions
from ml_assets.lineage.judged import EVALUATION, MODEL
from ml_assets.lineage.reading import manifests
from ml_assets.lineage.report import most_important_first
from ml_assets.problem import Metric
from ml_assets.store import Manifest, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

PARTITION = "partition"
ORDERS = ("asc", "desc")
PARTS = ("low", "high", "baseline")  # of a metric, besides its value
Order = Literal["asc", "desc"]


@dataclass(frozen=True)
class Row:
    """A model and how it was judged last.

    Attributes:
        params: those that differ between the models.
        metrics: name -> value, low, high, baseline.
        role: champion, was champion or nothing.
        judged_on: which rows judged it: models of the same digest can be compared. Empty: not recorded.
        code: the version of the code that made it; empty: not recorded.
        seconds: what the training took; None: not recorded.
    """

    model: VersionKey
    evaluation: VersionKey
    params: Mapping[str, Any]
    metrics: Mapping[str, Any]
    role: str
    judged_on: str = ""
    code: str = ""
    seconds: float | None = None

    def value(self, metric: str) -> float | None:
        """The metric's value; None where it is undefined or was not judged."""
        return self.part(metric, "value")

    def part(self, metric: str, part: str) -> float | None:
        """The value of a metric, an end of its interval, or the baseline's."""
        told = self.metrics.get(metric)
        number = from_plain(told.get(part)) if isinstance(told, Mapping) else None
        return number if isinstance(number, (int, float)) and not math.isnan(number) else None


@dataclass(frozen=True)
class Comparison:
    """The table.

    Attributes:
        params: which differ between the models, by name.
        metrics: whether more is better, by name, most important first.
    """

    problem: str
    rows: Sequence[Row]
    params: Sequence[str]
    metrics: Mapping[str, bool]

    def best_first(self, by: str) -> Order:
        """The order that puts the best (or the newest partition) first."""
        return "desc" if self.metrics.get(by, True) else "asc"

    def ordered(self, by: str, order: str = "") -> Comparison:
        """The same in the order of a metric, best first unless told, or of partitions; undefined values are last.

        By a metric, models that were judged on the same rows are in the order of its value; of different rows (one month may
        be easier than another) in the order of the gain over the baseline on each one's own.

        Raises:
            UsageError: if there is no such order.
        """
        known = (PARTITION, *self.metrics)
        if by not in known:
            raise UsageError(f"There is no order by={by!r}. Known: {', '.join(known)}.")
        if order not in ("", *ORDERS):
            raise UsageError(f"There is no order={order!r}. Known: {', '.join(ORDERS)}.")
        return replace(self, rows=in_order(self.rows, by, order or self.best_first(by)))

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "problem": self.problem,
            "metrics": {name: "higher is better" if up else "lower is better" for name, up in self.metrics.items()},
            "models": [_row_json(row) for row in self.rows],
        }

    def frame(self) -> pd.DataFrame:
        """One row per model; what is undefined or was not recorded is missing. Versions lead back to the store."""
        import pandas as pd

        return pd.DataFrame([self._record(row) for row in self.rows])

    def _record(self, row: Row) -> dict[str, Any]:
        metrics: dict[str, float | None] = {}
        for name in self.metrics:
            metrics[name] = row.value(name)
            metrics |= {f"{name}_{part}": row.part(name, part) for part in PARTS}
        return {
            "partition": row.model.partition,
            "model": row.model.version,
            "role": row.role,
            **metrics,
            **{f"params.{name}": row.params.get(name) for name in self.params},
            "judged_on": row.judged_on,
            "code": row.code,
            "train_seconds": row.seconds,
            "evaluation": row.evaluation.version,
        }


def compare(
    store: Store,
    problem: str,
    metrics: Sequence[Metric] = (),
    *,
    among: Callable[[list[str]], Iterable[str]] | None = None,
) -> Comparison:
    """Every model that has an evaluation, in the order of partitions, newest first.

    Args:
        metrics: those of the problem, for their order and directions; of another, more is taken to be better.
        among: chooses from the partitions, sorted, that have models; without it all are compared.
    """
    judged = _judged(store, problem, among)
    models = manifests(store, judged)
    differing = _differing([manifest.params for manifest in models.values()])
    who = champions(store, problem)
    rows = [_row(key, models[key], *judged[key], differing=differing, role=who.role(key)) for key in judged]
    others = {name: True for row in rows for name in row.metrics}
    ours = {metric.name: metric.higher_is_better for metric in metrics}
    return Comparison(problem, in_order(rows, PARTITION, "desc"), differing, {**ours, **others, **ours})


def in_order(rows: Sequence[Row], by: str, order: str) -> list[Row]:
    """Sorted by partition, or by a metric with the undefined last in either order; see ``Comparison.ordered``."""
    descending = order == "desc"
    ordered = sorted(rows, key=lambda row: (row.model.partition or "", row.model.version), reverse=descending)
    if by == PARTITION:
        return ordered
    places = {row.evaluation: number for row, number in zip(ordered, standings(ordered, by), strict=True)}
    defined = [row for row in ordered if places[row.evaluation] is not None]
    return [
        *sorted(defined, key=lambda row: places[row.evaluation] or 0.0, reverse=descending),
        *(row for row in ordered if places[row.evaluation] is None),
    ]


def standings(rows: Sequence[Row], metric: str) -> list[float | None]:
    """The number that each is sorted by: the metric's value, or where they were judged on different rows, value - baseline."""
    values = [row.value(metric) for row in rows]
    judged_on = {row.judged_on for row, value in zip(rows, values, strict=True) if value is not None}
    if len(judged_on) < 2:
        return values
    return [_above(value, row.part(metric, "baseline")) for row, value in zip(rows, values, strict=True)]


def _above(value: float | None, baseline: float | None) -> float | None:
    if value is None or baseline is None or math.isnan(value - baseline):
        return None
    return value - baseline


Judged = dict[VersionKey, tuple[VersionKey, Manifest]]


def _judged(store: Store, problem: str, among: Callable[[list[str]], Iterable[str]] | None) -> Judged:
    """Each model with its newest evaluation."""
    keys = store.versions(f"{problem}/{EVALUATION}")
    if among is not None:
        chosen = set(among(sorted({key.partition for key in keys if key.partition is not None})))
        keys = [key for key in keys if key.partition in chosen]
    oldest_first = sorted(manifests(store, keys).items(), key=lambda pair: pair[1].created_at)
    return {read.key: made for made in oldest_first for read in made[1].inputs if read.name == MODEL}


def _row(
    key: VersionKey, model: Manifest, evaluation: VersionKey, judged: Manifest, *, differing: Sequence[str], role: str
) -> Row:
    computation = model.code.get("computation")
    code = computation.get("code") if isinstance(computation, Mapping) else None
    seconds = model.resources.get("wall_seconds")
    return Row(
        model=key,
        evaluation=evaluation,
        params={name: model.params[name] for name in differing if name in model.params},
        metrics=most_important_first(judged),
        role=role,
        judged_on=next((read.digest for read in judged.inputs if read.name == noun_that("divides")), ""),
        code=str(code or ""),
        seconds=seconds if isinstance(seconds, (int, float)) else None,
    )


def _differing(params: Sequence[Mapping[str, Any]]) -> list[str]:
    """Parameters that not all have with the same value: also those that some models do not know at all."""
    names = {name for of in params for name in of}
    return sorted(name for name in names if any(name not in of or of[name] != params[0].get(name) for of in params))


def _row_json(row: Row) -> dict[str, Any]:
    return {
        "partition": row.model.partition,
        "model": row.model.version,
        "evaluation": row.evaluation.version,
        "role": row.role,
        "params": dict(row.params),
        "metrics": dict(row.metrics),
        "judged_on": row.judged_on or None,
        "code": row.code or None,
        "train_seconds": row.seconds,
    }
