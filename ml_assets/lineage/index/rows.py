"""One manifest or log entry as one row of plain values, of exactly the types that its columns have.

A store may hold what other programs wrote; whatever has another type than its column is null there, and hides nothing else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from ml_assets.evaluation.plain import from_plain
from ml_assets.store import Manifest, RefEntry, VersionKey, records

Row = dict[str, Any]


def version_row(key: VersionKey, manifest: Manifest) -> Row:
    """A manifest as a row of the source ``versions``."""
    return _made(key, manifest) | {
        "inputs": [_input(read.name, read.key, read.digest) for read in manifest.inputs],
        "landed": [_file("name", file.name, file.digest, file.size) for file in manifest.landed],
        "metrics": list(_metrics("", manifest.metrics)),
        "params": [_param(name, value) for name, value in _mapping(manifest.params).items()],
        "checks": [
            {
                "name": _text(check.name),
                "passed": check.passed is True,
                "blocking": check.blocking is True,
                "description": _text(check.description),
            }
            for check in manifest.checks
        ],
        "files": [_file("path", file.path, file.digest, file.size) for file in manifest.content.files],
    }


def _made(key: VersionKey, manifest: Manifest) -> Row:
    code, resources = _mapping(manifest.code), _mapping(manifest.resources)
    computation = _mapping(code.get("computation"))
    problem, _, noun = key.asset.rpartition("/")
    spent = ("wall_seconds", "cpu_seconds", "gpu_seconds", "peak_memory_mib")
    return {
        "version": key.version,
        "asset": key.asset,
        "problem": problem,
        "noun": noun,
        "partition": key.partition,
        "created_at": _time(manifest.created_at),
        "who": _text(manifest.by),
        "branch": _text(manifest.branch),
        "run": _text(manifest.run),
        "rejected": manifest.rejected,
        "digest": manifest.content.digest,
        "bytes": _whole(sum(_whole(file.size) or 0 for file in manifest.content.files)),
        "codec": _text(manifest.content.codec),
        "seed": _whole(manifest.seed),
        "environment": _text(manifest.environment),
        "computation": _text(computation.get("key")),
        "code": _text(computation.get("code")),
        "git_commit": _text(code.get("git_commit")),
        "why": _text(code.get("why")),
    } | {name: _number(resources.get(name)) for name in spent}


def move_row(place: records.Place, entry: RefEntry) -> Row:
    """A move of a ref as a row of the source ``refs``."""
    told = _mapping(entry.details)
    return _entry(place, entry) | {
        "branch": place.owner,
        "n": place.n,
        "moved_at": _time(entry.at),
        "kind": _text(told.get("kind")),
        "as_of": _text(told.get("as_of")),
        "run": _text(entry.run),
    }


def run_row(place: records.Place, entry: RefEntry) -> Row:
    """An entry of a run's log as a row of the source ``runs``."""
    told = _mapping(entry.details)
    return _entry(place, entry) | {
        "run": place.owner,
        "recorded_at": _time(entry.at),
        "reused": told.get("reused") is True,
        "saved_seconds": _number(told.get("saved_seconds")),
    }


def _entry(place: records.Place, entry: RefEntry) -> Row:
    return {
        "asset": place.asset,
        "problem": place.asset.rpartition("/")[0],
        "partition": place.partition,
        "version": entry.target.version,
        "who": _text(entry.by),
        "why": _text(entry.why),
    }


def _input(name: str, key: VersionKey, digest: str) -> Row:
    return {
        "name": _text(name),
        "input_version": _text(key.version),
        "input_asset": _text(key.asset),
        "input_partition": _text(key.partition),
        "digest": _text(digest),
    }


def _file(column: str, name: str, digest: str, size: int) -> Row:
    return {column: _text(name), "digest": _text(digest), "bytes": _whole(size)}


def _metrics(path: str, value: Any) -> Iterator[Row]:
    """``{"auroc": {"value": …, "low": …}, "rows": {"train": 231}}`` -> a row for auroc, and one for rows/train."""
    if isinstance(value, Mapping) and "value" not in value:
        for name, inner in value.items():
            yield from _metrics(f"{path}/{name}" if path else str(name), inner)
        return
    parts = {
        name: from_plain(part) for name, part in (value if isinstance(value, Mapping) else {"value": value}).items()
    }
    if path and not isinstance(parts["value"], str | list | Mapping):
        numbers = {name: _metric(parts.get(name)) for name in ("value", "low", "high", "baseline")}
        yield {"metric": _text(path), **numbers}


def _param(name: str, value: Any) -> Row:
    written = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return {"name": _text(name), "value": _text(written), "number": _number(value)}


# ---------------------------------------------------------------- one type each, or null


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: Any) -> str | None:
    """Text; half of a surrogate pair, which no column can hold, becomes a question mark."""
    return value.encode(errors="replace").decode() if isinstance(value, str) else None


def _metric(value: Any) -> float | None:
    """A number that may be infinite; what is undefined is null."""
    return value if isinstance(value, float) and math.isinf(value) else _number(value)


def _number(value: Any) -> float | None:
    """Finite numbers; true and false are 1 and 0."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _whole(value: Any) -> int | None:
    fits = isinstance(value, int) and not isinstance(value, bool) and -(2**63) <= value < 2**63
    return value if fits else None


def _time(value: Any) -> datetime | None:
    """ISO 8601 -> UTC, without zone: DuckDB shows times with a zone in that of the machine."""
    try:
        read = datetime.fromisoformat(value)
        return read.astimezone(UTC).replace(tzinfo=None) if read.tzinfo else read
    except (TypeError, ValueError, OverflowError):
        return None
