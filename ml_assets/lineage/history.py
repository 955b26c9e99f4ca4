"""What was made of an asset, and what became of each version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import EllipsisType
from typing import TYPE_CHECKING, Any

from ml_assets.computation.answered import ANSWERS, LIVE
from ml_assets.lineage.reading import manifests
from ml_assets.lineage.reference import Reference, unknown
from ml_assets.lineage.report import PartitionReport
from ml_assets.store import Manifest, RefEntry, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

LOGS = (ANSWERS, LIVE)
"""What replaces nothing: batches of answers, and live looks at them, are beside those before."""
NOT_RECORDED = "not recorded: it was made before reasons were"


@dataclass(frozen=True)
class Made:
    """One version of an asset.

    Attributes:
        state: refused, published, replaced, or on another branch. All entries of a log stay published.
    """

    key: VersionKey
    manifest: Manifest
    state: str


def history(store: Store, asset: str, partition: str | EllipsisType | None = ...) -> list[Made]:
    """The versions of an asset, or of one of its partitions, newest first.

    Raises:
        UnknownVersion: if there are none.
    """
    keys = store.versions(asset, partition)
    if not keys:
        raise unknown(store, Reference(asset, partition if isinstance(partition, str) else None, None))
    logs = {at: store.log(asset, at) for at in {key.partition for key in keys}}
    made = sorted(manifests(store, keys).items(), key=lambda pair: pair[1].created_at, reverse=True)
    return [Made(key, manifest, state(key, manifest, logs[key.partition])) for key, manifest in made]


def state(key: VersionKey, manifest: Manifest, log: Sequence[RefEntry]) -> str:
    """What became of a version, given all entries of its partition's ref."""
    if manifest.rejected:
        return "refused"
    if log and log[-1].target == key:
        return "published"
    if not any(entry.target == key for entry in log):
        return "on another branch"
    return "published" if key.asset.partition("/")[2] in LOGS else "replaced"


def why(manifest: Manifest) -> str:
    """One sentence: why a version was computed, instead of one from before being used again."""
    return str(manifest.code.get("why") or NOT_RECORDED)


def frame(made: Iterable[Made]) -> pd.DataFrame:
    """One row per version; times are UTC."""
    import pandas as pd

    table = pd.DataFrame([_record(each) for each in made])
    return table.assign(made=pd.to_datetime(table["made"], utc=True, errors="coerce", format="ISO8601"))


def _record(made: Made) -> dict[str, Any]:
    manifest = made.manifest
    return {
        "partition": made.key.partition,
        "version": made.key.version,
        "made": manifest.created_at,
        "state": made.state,
        "why": why(manifest),
        "seconds": manifest.resources.get("wall_seconds"),
        "by": manifest.by,
        "run": manifest.run,
        "content": manifest.content.digest,
    }


def report_frame(rows: Iterable[PartitionReport]) -> pd.DataFrame:
    """One row per partition of a problem, with the value and the baseline of each metric."""
    import pandas as pd

    return pd.DataFrame([_report_record(row) for row in rows])


def _report_record(row: PartitionReport) -> dict[str, Any]:
    told = {name: metric if isinstance(metric, Mapping) else {"value": metric} for name, metric in row.metrics.items()}
    return {
        "partition": row.partition,
        "model": row.model.version if row.model else None,
        **{name: metric.get("value") for name, metric in told.items()},
        **{f"{name}_baseline": metric.get("baseline") for name, metric in told.items()},
        "champion": row.champion,
        "why": row.why,
    }
