"""What versions exist: questions answered by listing ``versions/``, from the keys alone."""

from __future__ import annotations

from collections.abc import Iterable
from types import EllipsisType

from ml_assets.errors import AmbiguousVersion, UnknownVersion, UsageError
from ml_assets.store.backends.backend import Backend
from ml_assets.store.keys import VersionKey, asset_name, asset_path, described, partition_name, partition_segment

ROOT = "versions"
SHORTEST_PREFIX = 4


def version_keys(
    backend: Backend, asset: str | None = None, partition: str | EllipsisType | None = ...
) -> list[VersionKey]:
    """Versions, of one asset or all, of one partition (None: of an asset without partitions) or all; sorted by key."""
    folder = ROOT if asset is None else f"{ROOT}/{asset_path(asset)}"
    if asset is not None and partition is not ...:
        folder = f"{folder}/{partition_segment(partition)}"
    found = (_parse(key) for key in backend.list(folder))
    return [
        key
        for key in found
        if (asset is None or key.asset == asset) and (partition is ... or key.partition == partition)
    ]


def names_in(backend: Backend, folder: str) -> list[str]:
    """What the parts of keys right below a folder are called, sorted as keys are: a question for each, whatever lies below it."""
    found: list[str] = []
    while key := next(iter(backend.entries(folder, f"{folder}/{found[-1]}0" if found else "", most=1)), None):
        found.append(
            key.removeprefix(folder)[1:].partition("/")[0]
        )  # and the next sorts after it with 0, which follows /
    return found


def find(backend: Backend, prefix: str, asset: str | None, partition: str | None) -> VersionKey:
    """The one version that starts with ``prefix``. None stands for any asset, any partition.

    Raises:
        UnknownVersion: if there is none.
        AmbiguousVersion: if there are several.
    """
    if len(prefix) < SHORTEST_PREFIX:
        raise UsageError(f"The version {prefix!r} is too short. Give at least {SHORTEST_PREFIX} of its digits.")
    known = version_keys(backend, asset, ... if partition is None else partition)
    fitting = [key for key in known if key.version.startswith(prefix.lower())]
    if not fitting:
        raise UnknownVersion(_unknown(prefix, asset, partition, known))
    if len(fitting) > 1:
        raise AmbiguousVersion(f"{len(fitting)} versions start with {prefix!r}: {_some(fitting)}. Give more digits.")
    return fitting[0]


def _unknown(prefix: str, asset: str | None, partition: str | None, known: list[VersionKey]) -> str:
    name = described(asset, partition) if asset else "The store"
    what_is = f"Known: {_some(known)}." if known else "It has no versions at all."
    where = f"ml-assets history {asset}" if asset else "ml-assets history"
    return f"{name} has no version starting with {prefix!r}. {what_is} List them: {where}"


def _some(keys: Iterable[VersionKey]) -> str:
    names = [str(key) for key in keys]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _parse(key: str) -> VersionKey:
    path, _, name = key.removeprefix(f"{ROOT}/").rpartition("/")
    asset, _, partition = path.rpartition("/")
    return VersionKey(asset_name(asset), partition_name(partition), name.removesuffix(".json"))
