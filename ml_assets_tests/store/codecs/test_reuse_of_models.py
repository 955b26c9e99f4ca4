"""docs/REUSE.md, "Threads": which libraries train the same model with any number of threads, as far as small tests tell."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import threadpoolctl

TEXT = (Path(__file__).parents[3] / "docs" / "REUSE.md").read_text()
TABLE = TEXT.split("## Threads")[1].split("\n## ")[0]
CHANCE = np.random.default_rng(0)
N_ROWS = 20_000
X = CHANCE.normal(size=(N_ROWS, 6))
Y = X[:, 0] + CHANCE.normal(size=N_ROWS) * 1e3 + 0.1  # sums of these are rounded
THREADS = (1, 2, 3)
CAT = {"iterations": 5, "random_seed": 0, "allow_writing_files": False, "verbose": 0}


def xgb(n: int, **params: Any) -> bytes:
    from xgboost import XGBRegressor

    return bytes(
        XGBRegressor(n_estimators=5, n_jobs=n, random_state=0, **params).fit(X, Y).get_booster().save_raw("ubj")
    )


def lgbm(n: int, **params: Any) -> bytes:
    from lightgbm import LGBMRegressor

    model = LGBMRegressor(n_estimators=5, n_jobs=n, verbose=-1, random_state=0, **params).fit(X, Y)
    return re.sub(r"\[num_threads: \d+\]", "", model.booster_.model_to_string()).encode()


def cat(n: int, **params: Any) -> bytes:
    from catboost import CatBoostRegressor

    return CatBoostRegressor(**CAT, thread_count=n, **params).fit(X, Y).predict(X).tobytes()


def hist(n: int) -> bytes:
    from sklearn.ensemble import HistGradientBoostingRegressor

    with threadpoolctl.threadpool_limits(n):
        return HistGradientBoostingRegressor(max_iter=5, random_state=0).fit(X, Y).predict(X).tobytes()


def forest(n: int) -> bytes:
    from sklearn.ensemble import RandomForestRegressor

    trees = RandomForestRegressor(4, max_depth=4, random_state=0, n_jobs=n).fit(X, Y).estimators_
    return b"".join(tree.predict(X).tobytes() for tree in trees)


SAME: dict[str, Callable[[int], bytes]] = {
    "scikit-learn `HistGradientBoosting…`": hist,
    "scikit-learn `RandomForest…`": forest,
    "XGBoost, `hist`": xgb,
    "XGBoost, `approx`": lambda n: xgb(n, tree_method="approx"),
    "XGBoost, `exact`": lambda n: xgb(n, tree_method="exact"),
    "XGBoost, `gblinear` with `coord_descent`": lambda n: xgb(n, booster="gblinear", updater="coord_descent"),
    "LightGBM": lgbm,
    "LightGBM, `subsample`": lambda n: lgbm(n, subsample=0.5, subsample_freq=1),
    "CatBoost": cat,
    "CatBoost, `Lossguide`": lambda n: cat(n, grow_policy="Lossguide"),
}


@pytest.mark.parametrize("name", SAME)
def test_the_number_of_threads_changes_no_bit_of_a_model_where_the_table_says_so(name: str) -> None:
    (row,) = re.findall(rf"^\| {re.escape(name)} \| (.+?) \|", TABLE, re.M)
    assert row.startswith("the same")
    assert len({SAME[name](n) for n in THREADS}) == 1


def test_the_table_claims_no_more_than_is_tried() -> None:
    claimed = re.findall(r"^\| (.+?) \| the same", TABLE, re.M)
    assert set(claimed) == set(SAME)
