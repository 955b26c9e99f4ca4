"""flytekit, run locally: cached tasks (by name, inputs and a version written by hand: code is not looked at)."""

import sys

import pandas as pd
import steps
from flytekit import map_task, task, workflow
from flytekit.extras import sklearn as _as_artifacts  # noqa: F401  # models as joblib files
from sklearn.ensemble import HistGradientBoostingClassifier

CACHED = {"cache": True, "cache_version": "1"}
Parts = dict[str, pd.DataFrame]


@task(**CACHED)
def load(month: str) -> pd.DataFrame:
    return steps.load(f"landed/{month}.parquet")


@task(**CACHED)
def clean(raw: pd.DataFrame) -> pd.DataFrame:
    return steps.clean(raw)


@task(**CACHED)
def features(data: pd.DataFrame) -> pd.DataFrame:
    return steps.features(data)


@task(**CACHED)
def split(data: pd.DataFrame, table: pd.DataFrame) -> Parts:
    return steps.split(data, table)


@task(**CACHED)
def train(parts: Parts, rate: float) -> HistGradientBoostingClassifier:
    return steps.train(parts, rate)


@task(**CACHED)
def evaluate(model: HistGradientBoostingClassifier, parts: Parts) -> float:
    return steps.evaluate(model, parts)


@workflow
def parts_of(month: str) -> Parts:
    data = clean(raw=load(month=month))
    return split(data=data, table=features(data=data))


@workflow
def six_steps(month: str, rate: float) -> float:
    parts = parts_of(month=month)
    return evaluate(model=train(parts=parts, rate=rate), parts=parts)


@task(**CACHED)
def trivial(number: int) -> int:
    return steps.trivial(number)


@task(**CACHED)
def trained(parts: Parts) -> float:
    return float(steps.train(parts, steps.RATE).validation_score_[-1])


@workflow
def all_trained(parts: list[Parts]) -> list[float]:
    return map_task(trained)(parts=parts)


@task(**CACHED)
def make(megabytes: int) -> pd.DataFrame:
    return steps.frame(megabytes)


@task
def take(table: pd.DataFrame) -> float:
    return steps.looked_at(table)


@workflow
def handed_on(megabytes: int) -> float:
    return take(table=make(megabytes=megabytes))


def six(rate: float) -> None:
    steps.answer(six_steps(month=steps.MONTH, rate=rate))


def chain(count: float) -> None:
    @workflow
    def chain_of() -> int:
        number = 0
        for _ in range(int(count)):
            number = trivial(number=number)
        return number

    steps.answer(chain_of())


def prepare() -> None:
    for month in steps.MONTHS:
        parts_of(month=month)


def fan() -> None:
    steps.answer(all_trained(parts=[parts_of(month=month) for month in steps.MONTHS]))


def frame(megabytes: float) -> None:
    steps.answer(handed_on(megabytes=int(megabytes)))


if __name__ == "__main__":
    scenario, *values = sys.argv[1:]
    {"six": six, "chain": chain, "prepare": prepare, "fan": fan, "frame": frame}[scenario](*map(float, values))
