"""How assets are called in Dagster: as in the store, below ``ML_ASSETS_KEY_PREFIX`` if that is set.

Assets of one key are one asset for Dagster, whichever code locations they are of: their events are mixed, and the asset's page,
its backfills and its automation run in the location whose name sorts first. A prefix keeps two people's apart.
"""

from __future__ import annotations

import dagster as dg

from ml_assets.problem import Problem
from ml_assets.settings import key_prefix


def asset_key(problem: Problem, noun: str) -> dg.AssetKey:
    """The key of one of a problem's assets."""
    return key_named(f"{problem.name}/{noun}")


def key_named(name: str) -> dg.AssetKey:
    """The key of the asset that the store calls so."""
    return dg.AssetKey([*key_prefix(), *name.split("/")])


def asset_name(key: dg.AssetKey) -> str:
    """An asset's name in the store: the parts of its key, without our prefix, joined by slashes."""
    prefix = key_prefix()
    return "/".join(key.path[len(prefix) :] if tuple(key.path[: len(prefix)]) == prefix else key.path)


def problem_of(key: dg.AssetKey) -> str:
    """The name of the problem that an asset belongs to."""
    return asset_name(key).partition("/")[0]


def op_name(problem: Problem, noun: str) -> str:
    """What Dagster calls the step that makes one of a problem's assets."""
    return asset_key(problem, noun).to_python_identifier()


def chain_name(problem: str) -> str:
    """What marks the runs of a problem: one at a time, whoever's it is."""
    return ".".join((*key_prefix(), problem))
