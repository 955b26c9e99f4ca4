"""Peak of memory of each step that reads a window, against the window itself: what its rows take as DataFrames.

    python -m benchmarks.memory            # 3 x 1,000,000 rows x 24 numbers: 700 MB, minutes

Each step runs in a process of its own, after the same step on few rows, which imports all libraries: counted is what comes on
top of that. The last training takes batches, and its peak has to stay below a third of the window: with three times as many
rows as fit into memory it trains.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ml_assets.settings import let_arrow_free_memory

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ml_assets.problem import Partition, Problem, Source, TrainingData, TrainingRun
    from ml_assets_tests.doubles.umbrellas import LogisticParams
    from ml_assets_tests.doubles.world import World

MONTHS = ("2024-01", "2024-02", "2024-03")  # the window of the last
ROWS, FEW_ROWS = 1_000_000, 2_000  # of a month
NUMBERS, BATCH_ROWS = 24, 20_000
MIB = 2**20
ROW = "{:30} {:>7} {:>7} {:>6} {:>9}"


@dataclass(frozen=True)
class Claim:
    """What a step may hold at its peak, as a fraction of the window."""

    step: str
    at_most: float
    in_batches: bool = False

    def __str__(self) -> str:
        return f"{self.step}{', trained in batches' * self.in_batches}"


CLAIMS = (
    Claim("split", 1.6),
    Claim("model", 1.6),
    Claim("evaluation", 1.6),
    Claim("champion", 1.6),
    Claim("model", 1 / 3, in_batches=True),
)


@dataclass(frozen=True)
class Peak:
    """What a step held, and the window that it read, in MiB."""

    of: Claim
    step: float
    window: float

    @property
    def ratio(self) -> float:
        return self.step / self.window

    @property
    def holds(self) -> bool:
        return self.ratio <= self.of.at_most


def peaks() -> list[Peak]:
    with tempfile.TemporaryDirectory() as folder:
        window = said_by_another(folder, "prepare")
        return [Peak(claim, said_by_another(folder, claim.step, claim.in_batches), window) for claim in CLAIMS]


def table(found: list[Peak]) -> Iterator[str]:
    yield ROW.format("peak of memory, MiB", "step", "window", "ratio", "claimed")
    for peak in found:
        mark = "" if peak.holds else "  does not hold"
        told = f"{peak.step:.0f}", f"{peak.window:.0f}", f"{peak.ratio:.2f}", f"<= {peak.of.at_most:.2f}"
        yield ROW.format(str(peak.of), *told) + mark


# ---------------------------------------------------------------- in a process of its own


def said_by_another(folder: str, step: str, in_batches: bool = False) -> float:
    """What ``measure`` finds there, in MiB."""
    told = [folder, step, "in_batches" * in_batches]
    done = subprocess.run([sys.executable, "-m", "benchmarks.memory", *told], check=True, stdout=-1, text=True)
    return float(done.stdout.split()[-1])


def measure(folder: Path, step: str, in_batches: bool) -> float:
    """What the step holds at its peak on top of what it holds for few rows; or the size of the window, once it is made."""
    let_arrow_free_memory()  # before it is loaded, as steps do
    few, many = (problem(n, train_in_batches if in_batches else train) for n in (FEW_ROWS, ROWS))
    world = world_of(folder, [few, many])
    if step == "prepare":
        return prepared(world, few) and prepared(world, many)
    world.must_run(few, MONTHS[-1], [step], fresh=True)
    before = resident_mib()
    world.must_run(many, MONTHS[-1], [step], fresh=True)
    return world.manifest(f"{many.name}/{step}", MONTHS[-1]).resources["peak_memory_mib"] - before


def prepared(world: World, of: Problem) -> float:
    """Make the features of the window; its size in MiB."""
    for month in MONTHS:
        world.must_run(of, month, ["dataset", "features"])
    tables = (world.load(f"{of.name}/features", month) for month in MONTHS)
    return sum(size(table.keys) + size(table.features) + table.label.nbytes for table in tables) / MIB


def size(frame: pd.DataFrame) -> int:
    return int(frame.memory_usage(deep=True).sum())


def resident_mib() -> float:
    """What this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / MIB


def world_of(folder: Path, problems: list[Problem]) -> World:
    import dagster as dg

    from ml_assets import artifacts
    from ml_assets.orchestration import build_definitions
    from ml_assets.store import open_landing, open_store
    from ml_assets_tests.doubles.world import World

    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    artifacts.trust_all(problems)
    store, landing = open_store(str(folder / "store")), open_landing(str(folder / "landing"))
    return World(store, landing, dg.DagsterInstance.ephemeral(), build_definitions(problems, store, landing))


# ---------------------------------------------------------------- the problem


def problem(rows: int, train: Callable[..., Any]) -> Problem:
    from ml_assets.problem import RollingWindow
    from ml_assets_tests.doubles import umbrellas

    def dataset(partition: Partition, source: Source) -> pd.DataFrame:
        return umbrellas.visits(partition.key, rows)

    changed = {"dataset": dataset, "features": features, "train": train, "predict": predict}
    split = RollingWindow(partitions=len(MONTHS), test_days=14, validation_days=7)
    return replace(umbrellas.PROBLEM, name=f"rows_{rows}", files=(), lookback=0, split=split, **changed)


def features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """Numbers, of which one matters."""
    import numpy as np

    rng = np.random.default_rng(0)
    return data[["clouds"]].assign(**{f"c{n}": rng.normal(size=len(data)) for n in range(1, NUMBERS)})


def train(data: TrainingData, params: LogisticParams, run: TrainingRun) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(max_iter=5, early_stopping=False, random_state=run.seed)
    return model.fit(data.train.features, data.train.label)


def train_in_batches(data: TrainingData, params: LogisticParams, run: TrainingRun) -> Any:
    from sklearn.linear_model import SGDClassifier

    model = SGDClassifier(loss="log_loss", random_state=run.seed)
    for _ in range(2):
        for batch in data.train.batches(BATCH_ROWS):
            model.partial_fit(batch.features, batch.label, classes=[0.0, 1.0])
    return model


def predict(model: Any, table: pd.DataFrame) -> np.ndarray:
    answers: np.ndarray = model.predict_proba(table)[:, 1]
    return answers


if __name__ == "__main__":
    if sys.argv[1:]:
        folder, step, in_batches = sys.argv[1:]
        print(measure(Path(folder), step, bool(in_batches)))
        sys.exit()
    found = peaks()
    print(*table(found), sep="\n")
    sys.exit(0 if all(peak.holds for peak in found) else 1)
