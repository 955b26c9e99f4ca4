"""What a training of batches holds does not grow with the rows that it sees."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROWS, NUMBERS = 300_000, 32  # 77 MB; then twice as many, and four times

PROGRAM = """
import sys
from ml_assets.settings import let_arrow_free_memory
let_arrow_free_memory()
import numpy as np, pandas as pd
from ml_assets import artifacts
from ml_assets.computation.resources import Meter
from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.store import open_store
from ml_assets.training.model import fit
from ml_assets.training.run import Run
from ml_assets.training.window import Window
from ml_assets_tests.evaluation.toy import NoParams, toy_problem

folder, rows, numbers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store, rng = open_store(folder), np.random.default_rng(0)
artifacts.trust_all([])

def table():
    features = pd.DataFrame(rng.normal(size=(rows // 4, numbers))).add_prefix("c").assign(
        kind=pd.Categorical(rng.choice(["a", "b"], rows // 4)))
    return store.opened(store.put(FeatureTable(pd.DataFrame({"id": np.arange(rows // 4)}), features, rng.random(rows // 4))))

def train(data, params, run):
    return float(sum(batch.features["c0"].sum() + batch.label.sum() for batch in data.train.batches(10_000)))

tables = {month: table() for month in "1234"}
every = Window(tables).every_row()
fit(toy_problem(train=train), TrainingData(every.rows(np.arange(len(every)) < 20_000), every), NoParams(), Run(0, print))
meter = Meter()
before = meter.read()["peak_memory_mib"]
fit(toy_problem(train=train), TrainingData(every, every), NoParams(), Run(0, print))
print(meter.read()["peak_memory_mib"] - before)
"""


@pytest.mark.slow
def test_four_times_the_rows_take_no_more_memory(tmp_path: Path) -> None:
    of_few, of_many = (_peak_mib(tmp_path / str(times), times * ROWS) for times in (1, 4))
    more_rows_mib = 3 * ROWS * NUMBERS * 8 / 2**20
    assert of_many - of_few < more_rows_mib / 4  # where each row lies is known of all


def _peak_mib(folder: Path, rows: int) -> float:
    told = [str(folder), str(rows), str(NUMBERS)]
    done = subprocess.run([sys.executable, "-c", PROGRAM, *told], check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])
