"""The assets of a problem, in order: each is declared in a file of its own, and has its line here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.champion import CHAMPION
from ml_assets.assets.dataset import DATASET
from ml_assets.assets.declaration import Asset, CheckSpec, Input
from ml_assets.assets.evaluation import EVALUATION
from ml_assets.assets.features import FEATURES
from ml_assets.assets.model import MODEL
from ml_assets.assets.predictions import PREDICTIONS
from ml_assets.assets.split import SPLIT
from ml_assets.assets.study import STUDY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ml_assets.problem import Problem

CHAIN: tuple[Asset, ...] = (
    DATASET,
    FEATURES,
    SPLIT,
    STUDY,
    MODEL,
    EVALUATION,
    CHAMPION,
    PREDICTIONS,
)


def chain_of(problem: Problem) -> tuple[Asset, ...]:
    """The assets that a problem has, in order."""
    return tuple(asset for asset in CHAIN if asset.when is None or asset.when(problem))


def every_name() -> tuple[str, ...]:
    """The names of the assets that a problem can have, in order."""
    return tuple(asset.name for asset in CHAIN)


def declared(name: str) -> Asset:
    """The declaration of an asset, or of a part of one.

    Raises:
        KeyError: if there is none of this name.
    """
    return {asset.name: asset for asset in _with_parts()}[name]


def is_declared(name: str) -> bool:
    """Whether there is an asset, or a part of one, of this name."""
    return any(asset.name == name for asset in _with_parts())


def the(is_it: Callable[[Asset], bool]) -> Asset:
    """The first asset of the chain that something holds of: the one that decides, that trains, that is made of landed files."""
    return next(filter(is_it, CHAIN))


def _with_parts() -> Iterator[Asset]:
    for asset in CHAIN:
        yield asset
        yield from asset.parts


__all__ = ["CHAIN", "Asset", "CheckSpec", "Input", "chain_of", "declared", "every_name", "is_declared", "the"]
