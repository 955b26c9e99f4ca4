"""What databases and other people's assets hold now, as far as a cheap question tells it, among the ingredients."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.problem import Problem
from ml_assets.sources import Sql, Upstream, recorded_sources
from ml_assets.sources.sql import watermark_of

WATERMARKS = "watermarks"  # in the notes of a version: what was known of each source just before it was read
NOTHING_KNOWN: Mapping[str, str] = {}
PARTITION = "partition"  # in a query


def asked_of(problem: Problem, partition: str) -> dict[str, Any]:
    """What the names in a query stand for: ``start`` and ``end`` (UTC), ``partition``, and the parts of a grid."""
    span = problem.partitions.partition(partition)
    ends = {"start": span.start, "end": span.end} if span.start is not None else {}
    return {PARTITION: partition, **ends, **span.values}


def outside_now(problem: Problem, partition: str, versions: Mapping[str, str] = NOTHING_KNOWN) -> dict[str, str | None]:
    """``source NAME`` -> what changes when its rows do; None where only reading it tells. Nothing of what landed files tell.

    Args:
        versions: source -> the data version that its asset has now, where somebody knows it.
    Raises:
        SourceFailed, UsageError: as for ``watermark_of``.
    """
    found = {}
    for name, source in recorded_sources(problem.sources).items():
        query = source.query if isinstance(source, Upstream) else source
        told = [versions.get(name)] if isinstance(source, Upstream) else []
        if query is not None and query.connection:
            told += [_watermark(name, query, problem, partition, is_optional=bool(told))]
        if told:
            found[f"source {name}"] = None if None in told else "; ".join(filter(None, told))
    return found


def _watermark(name: str, query: Sql, problem: Problem, partition: str, *, is_optional: bool) -> str | None:
    """An asset that was not made again has not changed: its table needs no watermark."""
    if is_optional and not query.watermark:
        return ""
    return watermark_of(name, query, asked_of(problem, partition))


def asked_files(problem: Problem) -> dict[str, Mapping[str, str]]:
    """Source -> the landed files that its query names: name in the query -> pattern; of those that name any."""
    queries = {
        name: source.query if isinstance(source, Upstream) else source
        for name, source in recorded_sources(problem.sources).items()
    }
    return {name: query.files for name, query in queries.items() if query is not None and query.files}
