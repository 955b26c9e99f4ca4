"""The pipeline that every program runs: load, clean, features, split, train, evaluate; what is measured is all around it.

Taxi rides of a month, 120,000 of them, made from a seed: is the driver tipped? Trained on what came before the last
fourteen days, stopped by the seven after it, judged on the last seven. Libraries are imported where they are used, so that
a process pays for what it does.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MONTHS = tuple(f"2024-{month:02d}" for month in range(1, 9))
MONTH = MONTHS[0]
RIDES = 120_000
LABEL = "tipped"
RATE = 0.1
Parts = dict[str, Any]  # role -> DataFrame with the features and the label


def landed(month: str) -> pd.DataFrame:
    """What lands for a month: one row in a hundred twice, one in two hundred with a fare below nothing."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(int(month.replace("-", "")))
    at = pd.Timestamp(month, tz="UTC") + pd.to_timedelta(np.sort(rng.uniform(0, 28 * 24, RIDES)), unit="h").round("s")
    miles, zone = rng.gamma(2, 2, RIDES), rng.integers(0, 60, RIDES)
    fare = 3 + 2.5 * miles + rng.normal(0, 2, RIDES)
    mood = 0.4 * (miles < 3) + 0.02 * (zone % 7) + 0.5 * np.sin(at.hour.to_numpy() / 4) + 0.03 * fare
    frame = pd.DataFrame({"ride": [f"{month}-{n:06d}" for n in range(RIDES)], "at": at.as_unit("us"), "zone": zone})
    frame = frame.assign(miles=miles, fare=fare.round(2), riders=rng.integers(1, 5, RIDES))
    frame[LABEL] = (mood + rng.logistic(size=RIDES) > 1.0).astype(float)
    frame.loc[rng.choice(RIDES, RIDES // 200, replace=False), "fare"] = -1.0
    again = frame.iloc[np.sort(rng.choice(RIDES, RIDES // 100, replace=False))]
    return pd.concat([frame, again], ignore_index=True)


def load(path: Path | str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_parquet(path)


def clean(raw: pd.DataFrame) -> pd.DataFrame:
    return raw[raw["fare"] > 0].drop_duplicates("ride").reset_index(drop=True)


def features(data: pd.DataFrame) -> pd.DataFrame:
    """One row per ride, in the order of ``data``: what is known of it, and of the hundred before it in its zone."""
    before = data.groupby("zone")[["miles", "fare"]].rolling(100, min_periods=1, closed="left").mean()
    before = before.droplevel(0).sort_index().add_prefix("usual_")
    known = data[["zone", "miles", "fare", "riders"]].assign(
        hour=data["at"].dt.hour, weekday=data["at"].dt.day_of_week, per_mile=data["fare"] / (data["miles"] + 0.1)
    )
    return known.join(before)


def split(data: pd.DataFrame, table: pd.DataFrame) -> Parts:
    """The rows by what they are for, by time."""
    import pandas as pd

    end = data["at"].iloc[0].tz_localize(None).to_period("M").end_time.ceil("D").tz_localize("UTC")
    judge, choose = end - pd.Timedelta(days=7), end - pd.Timedelta(days=14)
    rows, at = table.assign(**{LABEL: data[LABEL]}), data["at"]
    roles = {"train": at < choose, "validation": (at >= choose) & (at < judge), "test": at >= judge}
    return {role: rows[mask].reset_index(drop=True) for role, mask in roles.items()}


def train(parts: Parts, rate: float) -> Any:
    fit, choose = parts["train"], parts["validation"]
    return fitted(fit.drop(columns=LABEL), fit[LABEL], choose.drop(columns=LABEL), choose[LABEL], rate)


def fitted(rows: Any, label: Any, choose_rows: Any, choose_label: Any, rate: float) -> Any:
    from sklearn.ensemble import HistGradientBoostingClassifier

    trees = HistGradientBoostingClassifier(
        learning_rate=rate, max_iter=300, max_leaf_nodes=63, early_stopping=True, n_iter_no_change=300, random_state=0
    )
    with timed("training"):
        return trees.fit(rows, label, X_val=choose_rows, y_val=choose_label)


def evaluate(model: Any, parts: Parts) -> float:
    """The area under the ROC curve on the test rows."""
    from sklearn.metrics import roc_auc_score

    test = parts["test"]
    return float(roc_auc_score(test[LABEL], model.predict_proba(test.drop(columns=LABEL))[:, 1]))


def answer(metrics: float | list[float]) -> None:
    """Leave the result where the benchmark compares it with that of the others."""
    Path("answer.json").write_text(json.dumps(metrics))


@contextmanager
def timed(what: str) -> Iterator[None]:
    """Leave the seconds that the work itself took."""
    started = time.perf_counter()
    yield
    Path(f"{what}.seconds").write_text(f"{time.perf_counter() - started}")


# ---------------------------------------------------------------- the other rows of the table


def trivial(number: int) -> int:
    return number + 1


def frame(megabytes: int) -> pd.DataFrame:
    """A frame of that size: measurements that hardly compress, and counts that do."""
    import numpy as np
    import pandas as pd

    with timed("making"):
        rows, rng = megabytes * 1_000_000 // 80, np.random.default_rng(0)
        columns: dict[str, Any] = {f"measured_{n}": rng.random(rows) for n in range(7)}
        columns |= {f"count_{n}": rng.integers(0, 1000, rows) for n in range(3)}
        return pd.DataFrame(columns)


def looked_at(table: pd.DataFrame) -> float:
    return float(table["measured_0"].iloc[-1] + table["count_2"].iloc[0] + len(table))
