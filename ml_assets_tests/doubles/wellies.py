"""Umbrellas of a shop where somebody must approve a model before it serves, and which asks something of the eastern door."""

from __future__ import annotations

from dataclasses import replace

from ml_assets.evaluation.metrics import AUROC
from ml_assets.problem import Gate, RollingWindow
from ml_assets_tests.doubles import umbrellas

PROBLEM = replace(
    umbrellas.PROBLEM,
    name="wellies",
    split=RollingWindow(partitions=3, test_days=12, validation_days=7),  # so that each door has rows enough
    gates=(Gate(AUROC, slice="shop = east", at_least=0.0),),
    approval=True,
    description=__doc__,
)
