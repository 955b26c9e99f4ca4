"""Programs beside a module, as a problem's own are."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from ml_assets.problem import FeatureTable, TrainingData

MODULE = "programs_of_a_test"
RSCRIPT = pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed: Debian's r-base-core has it")
GCC = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no C compiler")


@pytest.fixture
def beside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the module ``MODULE``."""
    module, folder = ModuleType(MODULE), tmp_path / "programs"
    folder.mkdir()
    module.__file__ = str(folder / "__init__.py")
    monkeypatch.setitem(sys.modules, MODULE, module)
    return folder


@pytest.fixture
def compiled(beside: Path) -> Callable[[str], str]:
    """Compiles C beside the module; the name of the program."""

    def compile_it(source: str) -> str:
        (beside / "program.c").write_text(source)
        subprocess.run(["gcc", "-O1", "-o", beside / "program", beside / "program.c", "-lm"], check=True)
        return "program"

    return compile_it


def rows(n: int = 5) -> FeatureTable:
    features = pd.DataFrame({"x": np.arange(n) / 10, "shop": pd.Categorical(["east", "west"] * n).take(range(n))})
    return FeatureTable(pd.DataFrame({"visit": [f"v{k}" for k in range(n)]}), features, np.arange(n) % 2.0)


def data(n: int = 5) -> TrainingData:
    return TrainingData(rows(n), rows(2))
