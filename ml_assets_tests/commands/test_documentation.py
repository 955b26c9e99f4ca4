"""What docs/COMMANDS.md writes runs, and what it says of numbers is so."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.commands import Command
from ml_assets_tests.commands.conftest import MODULE, RSCRIPT
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import build

PAGE = (Path(__file__).parents[2] / "docs" / "COMMANDS.md").read_text()
JANUARY, FEBRUARY = "2024-01", "2024-02"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@dataclass(frozen=True)
class Params:
    iterations: int = 25


@pytest.fixture
def documented(beside: Path) -> dict[str, Any]:
    """What the page declares, with the files that it writes."""
    for script in blocks("r"):
        (beside / script.splitlines()[0].removeprefix("# ")).write_text(script)
    code: dict[str, Any] = {"__name__": MODULE}
    for block in blocks("python")[:2]:
        exec(block, code)
    return code


@RSCRIPT
@pytest.mark.slow
def test_the_documented_problem_runs_to_predictions(documented, tmp_path: Path):
    problem = replace(
        umbrellas.PROBLEM,
        name="brollies",
        train=documented["FIT"],
        predict=documented["PREDICT"],
        features=documented["FEATURES"],
        lookback=0,
        params=Params(),
        slices=(),
    )
    world = build(tmp_path / "world", [problem])
    for month in (JANUARY, FEBRUARY):
        world.landing.write(f"brollies/visits/{month}.parquet", umbrellas.visits(month))
        world.must_run(problem, month)
    assert list(world.load("brollies/features", JANUARY).features) == ["clouds", "shop"]
    assert world.manifest("brollies/model", JANUARY).notes["training"]["deviance"][0] > 0
    found = world.load("brollies/predictions", FEBRUARY)
    assert np.corrcoef(found["prediction"], umbrellas.visits(FEBRUARY)["clouds"])[0, 1] > 0.8


def test_the_documented_step_of_valohai_is_a_command(beside: Path):
    (beside / "fit.R").touch()
    (beside / "valohai.yaml").write_text(
        "- step: {name: train, image: r, command: Rscript fit.R, inputs: [{name: training-data}]}"
    )
    code: dict[str, Any] = {"__name__": MODULE}
    exec(blocks("python")[2], code)
    assert isinstance(code["FIT"], Command)


def numbers() -> np.ndarray:
    rng = np.random.default_rng(0)
    any_bits = rng.integers(0, 2**64, 100_000, dtype=np.uint64).view(np.float64)
    every = np.concatenate([rng.normal(size=100_000), 10 ** rng.uniform(-300, 300, 100_000), any_bits])
    return every[np.isfinite(every)]


def off(line: tuple[str, ...] | str) -> np.ndarray:
    """By how many last bits each number that a program read and wrote with 17 digits is off."""
    known = numbers()
    copy = Command(line, tables="csv", returns={"x": "float64"})
    found = copy(pd.DataFrame({"x": known[:0]}), pd.DataFrame({"x": known}))["x"].to_numpy()
    return np.abs(found.view(np.int64) - known.view(np.int64))


def test_awk_reads_every_number_as_it_was():
    program = 'NR == 1 {print "x"; next} {printf "%.17g\\n", $1}'
    assert not off(f"awk -F, '{program}' {{inputs}}/data/data.csv > {{outputs}}/features.csv").any()


@RSCRIPT
def test_r_reads_one_number_in_several_thousand_one_last_bit_off_and_always_the_same():
    read = "x <- read.csv('{inputs}/data/data.csv')$x; "
    write = "writeLines(c('x', sprintf('%.17g', x)), '{outputs}/features.csv')"
    found = off(("Rscript", "-e", read + write))
    assert found.max() == 1
    assert 0 < found.mean() < 1 / 2_000
    assert (off(("Rscript", "-e", read + write)) == found).all()
