"""The assets of a problem, in order: each is declared in a file of its own, and has its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.audit import AUDIT
from ml_assets.assets.candidates import CANDIDATES
from ml_assets.assets.champion import CHAMPION
from ml_assets.assets.dataset import DATASET
from ml_assets.assets.declaration import Asset, CheckSpec, Input, Role
from ml_assets.assets.evaluation import EVALUATION
from ml_assets.assets.failures import FAILURES
from ml_assets.assets.features import FEATURES
from ml_assets.assets.landing import LANDING
from ml_assets.assets.model import MODEL
from ml_assets.assets.monitoring import MONITORING
from ml_assets.assets.predictions import PREDICTIONS
from ml_assets.assets.report import REPORT
from ml_assets.assets.split import SPLIT
from ml_assets.assets.study import STUDY
from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ml_assets.problem import Problem

CHAIN: tuple[Asset, ...] = (
    LANDING,
    DATASET,
    FEATURES,
    SPLIT,
    STUDY,
    CANDIDATES,
    MODEL,
    EVALUATION,
    CHAMPION,
    REPORT,
    PREDICTIONS,
    FAILURES,
    AUDIT,
    MONITORING,
)


def chain_of(problem: Problem) -> tuple[Asset, ...]:
    """The assets that a problem has, in order."""
    return tuple(asset for asset in CHAIN if asset.is_of(problem))


def every_name() -> tuple[str, ...]:
    """The names of the assets that a problem can have, in order."""
    return tuple(asset.name for asset in CHAIN)


def declared(name: str) -> Asset:
    """The declaration of an asset, or of a part of one.

    Raises:
        InvalidProblem: if there is none of this name.
    """
    for asset in _with_parts():
        if asset.name == name:
            return asset
    raise InvalidProblem(
        f"No problem has an asset {name!r}, so it cannot be made here. Assets are {', '.join(every_name())}."
    )


def asset_that(role: Role) -> Asset:
    """The asset that has a role: the one that ``trains``, the one that ``decides``."""
    return next(asset for asset in CHAIN if asset.role == role)


def noun_that(role: Role) -> str:
    """The name of the asset that has a role."""
    return asset_that(role).name


def first_for_training() -> Asset:
    """The first asset that is made for the sake of a training: without it there is none."""
    return next(asset for asset in CHAIN if asset.serves_training)


def _with_parts() -> Iterator[Asset]:
    for asset in CHAIN:
        yield asset
        yield from asset.parts


__all__ = [
    "CHAIN",
    "Asset",
    "CheckSpec",
    "Input",
    "Role",
    "asset_that",
    "chain_of",
    "declared",
    "every_name",
    "first_for_training",
    "noun_that",
]
