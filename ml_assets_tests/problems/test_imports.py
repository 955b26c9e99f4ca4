from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    "torch",
    "pandas",
    "numpy",
    "sklearn",
    "pandera",
    "pyarrow",
    "scipy",
    "safetensors",
    "dagster",
    "ml_assets.store",
)


@pytest.mark.parametrize("problem", ["arrival_minutes", "digits"])
def test_importing_a_problem_with_a_network_loads_no_heavy_library(problem):
    program = f"import sys, ml_assets.problems.{problem}; print([n for n in {HEAVY!r} if n in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
