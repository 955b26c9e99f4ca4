"""What people see of a materialization, and what is recorded of its surroundings."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.store import Input, Manifest, Store, VersionKey

MAX_ROWS = 200  # of a table in an event: what is shown is stored in Dagster's database


def materialization_metadata(store: Store, key: VersionKey, manifest: Manifest) -> dict[str, Any]:
    """A version as Dagster metadata: numbers plot over partitions, inputs are a table, notes are text."""
    shown: dict[str, Any] = {
        "version": key.version[:12],
        **_flat_numbers(manifest.metrics),
        **{name: _note(value) for name, value in manifest.notes.items()},
    }
    if manifest.params:
        shown["params"] = dg.MetadataValue.json(dict(manifest.params))
    if manifest.inputs or manifest.landed:
        shown["inputs"] = _inputs_table(manifest)
    shown["size_mib"] = round(manifest.content.size / 2**20, 3)
    shown["dagster/uri"] = store.address(key)
    shown["look_at_it"] = f"ml-assets show {key.version[:12]}, ml-assets lineage {key.version[:12]}"
    return shown


def _inputs_table(manifest: Manifest) -> dg.MetadataValue:
    rows = [
        *(_input_row(read) for read in manifest.inputs),
        *({"input": "landed", "asset": f.name, "partition": "", "version": f.digest[:12]} for f in manifest.landed),
    ]
    return dg.MetadataValue.table([dg.TableRecord(row) for row in rows[:MAX_ROWS]])


def _input_row(read: Input) -> dict[str, str]:
    return {
        "input": read.name,
        "asset": read.key.asset,
        "partition": read.key.partition or "",
        "version": read.key.version[:12],
    }


def _flat_numbers(values: Mapping[str, Any], prefix: str = "") -> dict[str, float]:
    """Numbers under slash-joined names; what is undefined is left out (Dagster would plot it as an empty chart)."""
    flat: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat.update(_flat_numbers(value, f"{prefix}{name}/"))
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            flat[prefix + name] = round(value, 6)
    return flat


def _note(value: Any) -> Any:
    if isinstance(value, str):
        return dg.MetadataValue.md(value)
    if isinstance(value, (bool, int, float)):
        return value
    return dg.MetadataValue.json(value)


@cache
def environment() -> Mapping[str, Any]:
    """Python, platform and every installed package with its version."""
    packages = {d.name.lower(): d.version for d in distributions() if d.name}  # a broken install has no name
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(packages.items())),
    }


@cache
def code_identity() -> Mapping[str, Any]:
    """The git commit of the code and whether the working tree differs from it; empty where there is no repository."""
    return dict(_git_identity(Path(__file__).parents[1]))


def _git_identity(folder: Path) -> Iterator[tuple[str, Any]]:
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        status = _git(folder, "status", "--porcelain", "--", ".")
    except (FileNotFoundError, subprocess.CalledProcessError):  # no git, or not a repository: an installed package
        return
    yield "git_commit", commit
    yield "git_dirty", bool(status)


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S603
