"""What importing a problem's module imports."""

from __future__ import annotations

from ml_assets.exports.imports import imported_with

FILES = {
    "acme/__init__.py": b"import attrs",
    "acme/late.py": b"""
from __future__ import annotations
import json, yaml.nodes
from typing import TYPE_CHECKING
from acme.shared import rates
from .shared import more
from ml_assets.problem import Problem
if TYPE_CHECKING:
    import torch
try:
    import polars
except ImportError: ...
class Params:
    import pandera.pandas as pa
def train():
    import sklearn
""",
    "acme/shared/__init__.py": b"from . import rates, deep as d",
    "acme/shared/rates.py": b"from scipy import stats",
    "acme/shared/deep.py": b"from ..late import PROBLEM",
    "acme/shared/unused.py": b"import xgboost",
}


def test_what_the_module_and_those_that_it_imports_import_when_they_are_loaded():
    assert imported_with("acme.late", FILES) == {"attrs", "yaml", "polars", "pandera", "scipy"}
