"""Models, their evaluations and champions as MLflow knows such things. Nothing here asks a server.

A model is a *run* of the experiment that is called like its problem. Each time it was judged, its numbers are logged as the next
step of its metrics. A model that was ever champion is a *version* of the registered model that is called like its problem.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from ml_assets.lineage.index.rows import Row, version_row
from ml_assets.promotion.ledger import Move
from ml_assets.store import MAIN, Manifest, VersionKey, canonical, digest
from ml_assets.training.history import curves

VERSION = "ml_assets.version"
"""Tag of a run, and of a registered model's version: which of our versions it is. What has none is not ours."""
TOLD = "ml_assets.told"
"""Tag of a run, set last: what it was told of. Where it is another than ``told_by``, everything is told again."""
CHAMPION = "ml_assets.champion"
"""Tag of a registered model's version: its last move of the ledger."""
LONGEST_PARAM, LONGEST_TAG = 6_000, 5_000  # letters; MLflow refuses more
LONGEST_ALIAS = 200
SPENT = ("wall_seconds", "cpu_seconds", "gpu_seconds", "peak_memory_mib")
_NOT_IN_A_NAME = re.compile(r"[^\w.\- :/]")
_UNIT = re.compile(r"metrics\[(.+)\]\.unit")


@dataclass(frozen=True)
class Point:
    """A metric at a step; ``at``: milliseconds since 1970. The same point told twice is one."""

    name: str
    value: float
    at: int
    step: int

    def to_json(self) -> dict[str, Any]:
        """As MLflow's API takes it."""
        return {"key": self.name, "value": self.value, "timestamp": self.at, "step": self.step}


@dataclass(frozen=True)
class Run:
    """A model and what was said of it.

    Attributes:
        started, ended: milliseconds since 1970.
        failed: a blocking check refused the model.
    """

    name: str
    started: int
    ended: int
    failed: bool
    params: Mapping[str, str]
    metrics: Sequence[Point]
    tags: Mapping[str, str]


def told_by(model: VersionKey, evaluations: Iterable[VersionKey]) -> str:
    """What there is to tell of a model, known without reading it: the evaluations of its partition may be of it."""
    return digest("\n".join([model.version, *sorted(key.version for key in evaluations)]).encode())[:16]


def run_of(model: Manifest, evaluations: Sequence[Manifest]) -> Run:
    """The run that a model is, with the evaluations that judged it, oldest first."""
    row, ended = version_row(model.key, model), _milliseconds(model.created_at)
    took = int(1000 * (row["wall_seconds"] or 0))
    return Run(
        name=f"{model.partition or 'model'} {model.key.short}",
        started=ended - took,
        ended=ended,
        failed=model.rejected,
        params={_name(param["name"]): _cut(_value(param["value"]), LONGEST_PARAM) for param in row["params"]},
        metrics=[
            *_resources(row, ended),
            *_training(model, ended),
            *(point for step, each in enumerate(evaluations) for point in _judged(each, step)),
        ],
        tags={name: _cut(value, LONGEST_TAG) for name, value in _tags(model, row, evaluations) if value},
    )


def source_of(model: VersionKey) -> str:
    """The address of a model for a registry: it says which version, in our words."""
    return f"ml-assets:/{quote(model.asset)}@{quote(model.partition or '', safe='')}:{model.version}"


def alias_of(branch: str, line: str | None) -> str:
    """The alias of the champion of a line of partitions: ``champion``, ``champion-EWR``; of a branch, ``champion_on_ada-1f9c02``.

    No two have the same: where letters had to be replaced, or two names are put together, a digest tells them apart.
    """
    name = "champion" if branch == MAIN else f"champion_on_{branch}"
    name += "" if line is None else f"-{line}"
    allowed = re.sub(r"[^\w\-]", "_", name, flags=re.ASCII)[:LONGEST_ALIAS]
    return allowed if branch == MAIN and allowed == name else f"{allowed}-{digest(canonical([branch, line]))[:6]}"


def said_of(move: Move) -> str:
    """A move of the ledger, in a sentence."""
    as_of = f" as of {move.as_of}" if move.as_of else ""
    return _cut(f"{move.kind}{as_of} by {move.by}, {move.at}: {move.why}", LONGEST_TAG)


def _tags(model: Manifest, row: Row, evaluations: Sequence[Manifest]) -> Iterator[tuple[str, str | None]]:
    code = model.code
    yield VERSION, model.key.version
    yield "ml_assets.asset", model.asset
    yield "ml_assets.partition", model.partition
    yield "ml_assets.digest", model.content.digest
    yield "ml_assets.code", row["code"]
    yield "ml_assets.branch", model.branch
    yield "ml_assets.dagster_run", model.run
    yield "ml_assets.evaluation", evaluations[-1].key.version if evaluations else None
    yield "ml_assets.refused_by", ", ".join(c.name for c in model.checks if c.blocking and not c.passed)
    yield "ml_assets.git_diff", str(code.get("git_diff", ""))
    yield "mlflow.source.git.commit", row["git_commit"]
    yield "mlflow.user", model.by
    yield "mlflow.note.content", row["why"]


def _resources(row: Row, at: int) -> Iterator[Point]:
    for name in SPENT:
        if row[name] is not None:
            yield Point(f"resources/{name}", row[name], at, 0)


def _training(model: Manifest, at: int) -> Iterator[Point]:
    for name, line in curves(model.notes.get("training") or {}).items():
        for step, value in line:
            yield Point(_name(f"training/{name}"), value, at, int(step))


def _judged(evaluation: Manifest, step: int) -> Iterator[Point]:
    at, units = _milliseconds(evaluation.created_at), _units(evaluation)
    for metric in version_row(evaluation.key, evaluation)["metrics"]:
        name = _name(metric["metric"] + units.get(metric["metric"], ""))
        for part, suffix in (("value", ""), ("low", "/low"), ("high", "/high"), ("baseline", "/baseline")):
            value = metric[part]
            if value is not None and abs(value) != float("inf"):
                yield Point(name + suffix, value, at, step)


def _units(evaluation: Manifest) -> dict[str, str]:
    """Metric -> what follows its name: ``_minutes``; nothing where it has no unit, or says it already."""
    settings = evaluation.code.get("computation", {}).get("settings", {})
    found = {match[1]: str(unit) for name, unit in settings.items() if (match := _UNIT.fullmatch(name))}
    return {metric: f"_{unit}" for metric, unit in found.items() if unit != "1" and not metric.endswith(f"_{unit}")}


def _name(text: str) -> str:
    """A name as MLflow allows it."""
    return _NOT_IN_A_NAME.sub("_", text)[:250]


def _value(written: str) -> str:
    """A parameter's JSON as people read it: text without its quotes."""
    return written[1:-1] if written.startswith('"') else written


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _milliseconds(at: str) -> int:
    return int(datetime.fromisoformat(at).timestamp() * 1000)
