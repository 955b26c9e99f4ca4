"""Machine learning on Dagster: datasets, features, splits, models, evaluations, champions and predictions, versioned.

Without Dagster, from a notebook (docs/NOTEBOOK.md)::

    from ml_assets import open_store
    store = open_store()
    model = store.load("flight_delays/model@2013-06")
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.lineage.workbench import Workbench
    from ml_assets.store import LandingFolder

__version__ = "0.1.0"


def open_store(settings: Settings | None = None) -> Workbench:
    """The store that the settings (by default the environment's) name, ready to load everything that ml_assets makes."""
    from ml_assets import store
    from ml_assets.artifacts import trust_all
    from ml_assets.lineage.workbench import Workbench
    from ml_assets.problems import PROBLEMS

    trust_all(PROBLEMS)
    settings = settings or Settings.from_environment()
    backend, cache = store.open_backend(settings.store, store.Patience(settings.patience_seconds)), Path(settings.cache)
    copies = store.copies_of(settings.store, cache / "objects", settings.cache_gib)
    return Workbench(backend, branch=settings.branch, user=settings.user, copies=copies, problems=PROBLEMS, cache=cache)


def open_landing(settings: Settings | None = None) -> LandingFolder:
    """The landing folder that the settings (by default the environment's) name."""
    from ml_assets import store

    settings = settings or Settings.from_environment()
    return store.open_landing(settings.landing, store.Patience(settings.patience_seconds))
