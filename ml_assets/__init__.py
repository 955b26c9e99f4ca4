"""Machine learning on Dagster: datasets, features, splits, models, evaluations, champions and predictions, versioned.

Without Dagster, from a notebook (docs/NOTEBOOK.md)::

    from ml_assets import open_store
    store = open_store()
    model = store.load("flight_delays/model@2013-06")

In a Dagster project that is there already::

    import ml_assets
    defs = dg.Definitions.merge(mine, ml_assets.definitions_for(problems=["acme.problems"]))
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.lineage.workbench import Workbench
    from ml_assets.problem import Problem
    from ml_assets.store import LandingFolder

__version__ = "0.1.0"
WITH_DAGSTER = ("Problems", "definitions_for", "executor")


def __getattr__(name: str) -> Any:
    """What needs Dagster, when it is asked for."""
    if name not in WITH_DAGSTER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return pkgutil.resolve_name(f"ml_assets.component:{name}")


def __dir__() -> list[str]:
    return [*globals(), *WITH_DAGSTER]


def open_store(
    settings: Settings | None = None, problems: Iterable[Problem] | None = None, *, s3: Any = None
) -> Workbench:
    """The store that the settings (by default the environment's) name, over its upstream if they name one.

    Everything that ml_assets makes can be loaded from it.

    Args:
        problems: whose models can be loaded; by default those that are named, see ``problems``.
        s3: by what S3 is reached: a boto3 session, an S3 client, or a dagster-aws ``S3Resource``; by default as the
            environment says.
    """
    from ml_assets import store
    from ml_assets.artifacts import trust_all
    from ml_assets.lineage.workbench import Workbench
    from ml_assets.problems import PROBLEMS

    known = PROBLEMS if problems is None else tuple(problems)
    trust_all(known)
    settings = settings or Settings.from_environment()
    patience, cache = store.Patience(settings.patience_seconds), Path(settings.cache)
    own = store.signed(store.open_backend(settings.store, patience, s3), settings.signing_key, settings.trusted_keys)
    backend: store.Backend = own
    if settings.upstream:
        upstream = store.signed(store.open_backend(settings.upstream, patience, s3), "", settings.trusted_keys)
        backend = store.Upstream(upstream, own)
    far, trusted = settings.upstream or settings.store, store.trusted_by(own)
    copies = store.copies_of(far, cache / "objects", settings.cache_gib, trusted)
    return Workbench(backend, branch=settings.branch, user=settings.user, copies=copies, problems=known, cache=cache)


def open_landing(settings: Settings | None = None, *, s3: Any = None) -> LandingFolder:
    """The landing folder that the settings (by default the environment's) name; ``s3`` as for ``open_store``."""
    from ml_assets import store

    settings = settings or Settings.from_environment()
    return store.open_landing(settings.landing, store.Patience(settings.patience_seconds), s3)
