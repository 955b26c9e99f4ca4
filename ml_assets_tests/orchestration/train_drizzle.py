"""Makes a model in a process of its own, as `ml-assets run` does: run by test_training.py, which has it killed."""

from __future__ import annotations

import sys
from pathlib import Path

from ml_assets.store import trust
from ml_assets_tests.doubles import drizzle
from ml_assets_tests.doubles.world import build

if __name__ == "__main__":
    folder, diary = Path(sys.argv[1]), sys.argv[2]
    trust(drizzle.Network)
    world = build(folder, [drizzle.PROBLEM])
    drizzle.land(world.landing)
    params = {"diary": diary, "save_every": 5}
    nouns = ["dataset", "features", "split", "model"]
    world.must_run(drizzle.PROBLEM, drizzle.MONTH, nouns, config={"params": params})
