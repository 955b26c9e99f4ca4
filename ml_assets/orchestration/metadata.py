"""What people see of a materialization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from ml_assets import figures
from ml_assets.evaluation.audit import OUTCOMES
from ml_assets.lineage.lineage import lineage_markdown
from ml_assets.lineage.markdown import escaped
from ml_assets.monitoring.finding import FINDING
from ml_assets.orchestration.tables import table
from ml_assets.store import Input, LandedFile, Manifest, Store, VersionKey
from ml_assets.training.history import curves

TRAINING = "training"
SAID = "said"
"""The note with the metrics of a command that is no training."""
FOR_MACHINES = frozenset(
    {"metrics_in_order", OUTCOMES, FINDING, TRAINING, SAID}
)  # notes that are read by others, or shown in another way
PAGE_DIGITS = 16  # enough to be told apart, and short enough not to widen a page
VERSION = "version"
BRANCH = "branch"
"""The row that says on which branch; none on ``main``."""
REUSE = "reuse"
"""The row that says whether this was computed or used again, and why."""
FIRST = ("decision", "why", "approve")  # notes that people came for
MAX_CURVES = len(figures.COLOR_NAMES)  # in one figure: more cannot be told apart
MAX_SAID = 50  # metrics of a command: more would hide all else
MAX_INPUTS = 30  # of a window of many partitions; the page of the version has them all
LONGEST_CAPTION = 120
LOOK_BACK = 5  # materializations of a partition: who goes back to earlier parameters goes back one or two


def materialization_metadata(
    store: Store, key: VersionKey, manifest: Manifest, pages: str = "", more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """A version as Dagster metadata, in the order of its rows: numbers plot over partitions, inputs are a table, notes are text.

    Args:
        pages: where people reach the artifact pages; empty: nothing links there.
        more: what its asset has to show, before the plumbing.
    """
    notes = {name: _note(value) for name, value in manifest.notes.items() if name not in FOR_MACHINES}
    shown: dict[str, Any] = {
        **{name: notes[name] for name in FIRST if name in notes},
        VERSION: key.short,
        **({REUSE: manifest.code["why"]} if "why" in manifest.code else {}),
        **_flat_numbers(manifest.metrics),
        **_curves(TRAINING, manifest.notes.get(TRAINING)),
        **_last_said(manifest.notes.get(SAID)),
        **_curves(SAID, manifest.notes.get(SAID)),
        **{name: note for name, note in notes.items() if name not in FIRST},
        **(more or {}),
    }
    if manifest.params:
        shown["params"] = dg.MetadataValue.json(dict(manifest.params))
    if manifest.inputs or manifest.landed:
        shown["inputs"] = _linked_inputs(manifest, pages) if pages else _inputs_table(manifest)
    shown["lineage"] = dg.MetadataValue.md(lineage_markdown(store, key))
    shown["size_kib"] = round(manifest.content.size / 2**10, 1)
    shown["dagster/uri"] = store.address(key)
    if pages:
        shown["page"] = dg.MetadataValue.url(page_of(pages, key))
    shown["look_at_it"] = f"ml-assets show {key.short}, ml-assets lineage {key.short}"
    return shown


def shown_before(
    instance: dg.DagsterInstance, asset: dg.AssetKey, key: VersionKey
) -> dict[str, dg.MetadataValue] | None:
    """What this instance showed of a version when it was materialized before, figures included; None if it was not, lately."""
    partitions = None if key.partition is None else [key.partition]
    records = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=asset, asset_partitions=partitions), limit=LOOK_BACK
    ).records
    for record in records:
        event = record.asset_materialization
        if event is not None and event.metadata.get(VERSION) == dg.TextMetadataValue(key.short):
            return {name: value for name, value in event.metadata.items() if name != BRANCH}
    return None


def page_of(pages: str, key: VersionKey) -> str:
    """The address of a version's artifact page."""
    return f"{pages.rstrip('/')}/version/{key.version[:PAGE_DIGITS]}"


def _inputs_table(manifest: Manifest) -> dg.MetadataValue:
    return table([*map(_input_row, manifest.inputs), *map(_landed_row, manifest.landed)], MAX_INPUTS)


def _input_row(read: Input) -> dict[str, str]:
    return {
        "input": read.name,
        "asset": read.key.asset,
        "partition": read.key.partition or "",
        "version": read.key.short,
    }


def _landed_row(file: LandedFile) -> dict[str, str]:
    return {"input": "landed", "asset": file.name, "partition": "", "version": file.digest[:12]}


def _linked_inputs(manifest: Manifest, pages: str) -> dg.MetadataValue:
    """A list of links: tables show text only. Up to seven are shown at once, more are one click away."""
    read = [f"- {escaped(each.name)}: [{escaped(each.key)}]({page_of(pages, each.key)})" for each in manifest.inputs]
    landed = [f"- landed: {escaped(file.name)} {file.digest[:12]}" for file in manifest.landed]
    every = [*read, *landed]
    more = [f"- and {len(every) - MAX_INPUTS} more"] if len(every) > MAX_INPUTS else []
    return dg.MetadataValue.md("\n".join([*every[:MAX_INPUTS], *more]))


def _last_said(said: Any) -> dict[str, float]:
    """The last of each metric of a command, which plots over partitions."""
    lines = list(curves(said or {}).items())[:MAX_SAID]
    return {f"{SAID}/{name}": line[-1][1] for name, line in lines if line}


def _curves(name: str, history: Any) -> dict[str, dg.MetadataValue]:
    """What was logged while something was made: small enough to be seen at once, and whole one click away."""
    title = name.capitalize()
    lines = dict(list(curves(history or {}).items())[:MAX_CURVES])
    if not any(len(line) > 1 for line in lines.values()):
        return {}
    ends = [
        f"{color}: {called} {line[-1][1]:.4g}"
        for color, (called, line) in zip(figures.COLOR_NAMES, lines.items(), strict=False)
        if line
    ]
    said = "\n".join(f"- {escaped(end)}" for end in ends)
    said = said if len(said) <= LONGEST_CAPTION else ""
    values = [[value for _, value in line] for line in lines.values()]
    small = figures.sparkline(*values, title=title, most=figures.INLINE - LONGEST_CAPTION - 20)
    whole = figures.line_chart(lines, title=title, x_label="step")
    return {
        f"{name}_curve": dg.MetadataValue.md(f"{figures.as_markdown(small, title)}\n\n{said}"),
        f"{name}_figure": dg.MetadataValue.md(figures.as_markdown(whole, f"{title} curve")),
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
