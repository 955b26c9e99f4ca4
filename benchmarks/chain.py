"""One more month of a chain of seven tiny assets, beside the same functions as plain Dagster assets that pickle their values.

    python -m benchmarks.chain [--profile]

Both run in one process, and of both the first month, which imports the libraries, is not counted. The plain assets neither
version nor check anything; they compute the metric once, and their champion is whoever is better by any margin.
--profile prints whose code the seconds of one of our months are spent in.
"""

from __future__ import annotations

import cProfile
import logging
import pstats
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg

import ml_assets
from benchmarks.comparison import Comparison, in_turns

ROUNDS = 5
OWNERS = {  # a part of a file's path: whose it is
    f"{Path(ml_assets.__file__).parent}/": "ml_assets",
    "/dagster": "Dagster",
    "/sqlalchemy/": "Dagster's database",
    "/sqlite3/": "Dagster's database",
    "/pandas/": "pandas and pyarrow",
    "/pyarrow/": "pandas and pyarrow",
    "/sklearn/": "scikit-learn, scipy, numpy",
    "/scipy/": "scikit-learn, scipy, numpy",
    "/numpy/": "scikit-learn, scipy, numpy",
}
BUILT_IN = {  # a part of a built-in function's name: whose it is
    "sqlite3": "Dagster's database",
    "acquire": "waiting for a thread, for the disk most of all",
    "fsync": "waiting for the disk",
    "scipy": "scikit-learn, scipy, numpy",
    "numpy": "scikit-learn, scipy, numpy",
}
AT_MOST = 4.5  # the aim is 1.5


def compare() -> Comparison:
    """CPU seconds of a month, in turns."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        ours, theirs = _chain(Path(folder) / "ours"), _plain(Path(folder) / "plain")
        seconds = in_turns(_months(ours), _months(theirs), ROUNDS)
    return Comparison("a month of a tiny chain", "plain Dagster", *seconds, AT_MOST)


def _months(run: Callable[[str], None]) -> Callable[[], float]:
    """Measures the next month at each call; the first is run at once."""
    months = iter(f"2024-{n:02d}" for n in range(1, 13))
    run(next(months))

    def measure() -> float:
        month, started = next(months), time.process_time()
        run(month)
        return time.process_time() - started

    return measure


def _chain(folder: Path) -> Callable[[str], None]:
    from ml_assets_tests.doubles import umbrellas
    from ml_assets_tests.doubles.world import build

    world = build(folder, [umbrellas.PROBLEM])

    def run(month: str) -> None:
        world.must_run(umbrellas.PROBLEM, month)

    return run


def _plain(folder: Path) -> Callable[[str], None]:
    from sklearn.metrics import roc_auc_score

    from ml_assets_tests.doubles import umbrellas

    months = dg.MonthlyPartitionsDefinition(start_date="2024-01", end_date="2025-01", fmt="%Y-%m")
    part = {"partitions_def": months}
    window = dg.AssetIn(partition_mapping=dg.TimeWindowPartitionMapping(start_offset=-2))

    @dg.asset(**part)
    def dataset(context) -> Any:  # type: ignore[no-untyped-def]  # Dagster wants a class, and this is a string
        return umbrellas.schema().validate(umbrellas.visits(context.partition_key))

    @dg.asset(**part)
    def features(dataset: Any) -> Any:
        return umbrellas.features(dataset.head(0), dataset).assign(bought=dataset["bought"])

    @dg.asset(**part, ins={"features": window})
    def split(features: Any) -> Any:
        import pandas as pd

        rows = pd.concat(list(features.values()) if isinstance(features, dict) else [features])
        return rows.iloc[:-100], rows.iloc[-100:]

    @dg.asset(**part)
    def model(split: Any) -> Any:
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        columns = split[0][["clouds", "above_usual"]]
        return make_pipeline(StandardScaler(), LogisticRegression()).fit(columns, split[0]["bought"])

    @dg.asset(**part)
    def evaluation(model: Any, split: Any) -> float:
        return float(roc_auc_score(split[1]["bought"], umbrellas.predict(model, split[1])))

    @dg.asset(**part)
    def champion(model: Any, evaluation: float) -> Any:
        return model if evaluation > 0.5 else None

    @dg.asset(**part)
    def predictions(champion: Any, features: Any) -> Any:
        return umbrellas.predict(champion, features)

    job = dg.Definitions(
        assets=[dataset, features, split, model, evaluation, champion, predictions],
        resources={"io_manager": dg.FilesystemIOManager(base_dir=str(folder))},
    ).resolve_implicit_global_asset_job_def()
    instance = dg.DagsterInstance.ephemeral(tempdir=str(folder.parent))

    def run(month: str) -> None:
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        assert job.execute_in_process(instance=instance, partition_key=month, run_config=quiet).success

    return run


def profile() -> Iterator[str]:
    """Whose code the seconds of our third month are spent in, the most first; profiling makes each of them longer."""
    with tempfile.TemporaryDirectory() as folder:
        run = _chain(Path(folder))
        run("2024-01")
        run("2024-02")
        seen = cProfile.Profile()
        seen.runcall(run, "2024-03")
    seconds: Counter[str] = Counter()
    for (file, _, name), (_, _, alone, _, _) in pstats.Stats(seen).stats.items():  # type: ignore[attr-defined]  # no stub has it
        seconds[_owner(file, name)] += alone
    for owner, spent in seconds.most_common():
        yield f"{spent / seconds.total():5.0%}  {owner}"


def _owner(file: str, name: str) -> str:
    known = BUILT_IN if file == "~" else OWNERS
    where = name if file == "~" else file
    return next((owner for part, owner in known.items() if part in where), "Python and others")


if __name__ == "__main__":
    if "--profile" in sys.argv[1:]:
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        print(*profile(), sep="\n")
        sys.exit()
    from benchmarks.__main__ import table

    print(*table([compare()]), sep="\n")
