"""Has R train a model, as `ml-assets run` does: run by test_problem.py, in which the training has it killed."""

from __future__ import annotations

import sys
from pathlib import Path

from ml_assets_tests.doubles import galoshes
from ml_assets_tests.doubles.world import build

if __name__ == "__main__":
    folder, diary = Path(sys.argv[1]), sys.argv[2]
    world = build(folder, [galoshes.PROBLEM])
    galoshes.land(world.landing)
    params = {"params": {"diary": diary}}
    world.must_run(galoshes.PROBLEM, galoshes.MONTH, ["dataset", "features", "split", "model"], config=params)
