"""The types of what the assets store. A process that loads it must trust them first."""

from __future__ import annotations

from collections.abc import Iterable

from ml_assets.evaluation.judgement import Judgement
from ml_assets.problem import FeatureTable, Problem
from ml_assets.store import trust
from ml_assets.training.model import TrainedModel
from ml_assets.training.tuning.study import Study


def trust_all(problems: Iterable[Problem]) -> None:
    """Whatever the assets of these problems store can be loaded in this process from now on."""
    for cls in (FeatureTable, TrainedModel, Judgement, Study, *(kind for one in problems for kind in one.stored_types)):
        trust(cls)
