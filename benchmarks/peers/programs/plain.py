"""Plain Python: one process, no cache. The least that the work costs; a frame is handed on by pickle."""

import pickle
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import steps


def six(rate: float) -> None:
    data = steps.clean(steps.load(f"landed/{steps.MONTH}.parquet"))
    parts = steps.split(data, steps.features(data))
    steps.answer(steps.evaluate(steps.train(parts, rate), parts))


def chain(count: float) -> None:
    number = 0
    for _ in range(int(count)):
        number = steps.trivial(number)
    steps.answer(number)


def prepare() -> None:
    for month in steps.MONTHS:
        data = steps.clean(steps.load(f"landed/{month}.parquet"))
        Path(f"{month}.pickle").write_bytes(pickle.dumps(steps.split(data, steps.features(data))))


def trained(month: str) -> float:
    parts = pickle.loads(Path(f"{month}.pickle").read_bytes())
    model = steps.train(parts, steps.RATE)
    Path(f"model-{month}.pickle").write_bytes(pickle.dumps(model))
    return float(model.validation_score_[-1])


def fan() -> None:
    with ProcessPoolExecutor() as pool:
        steps.answer(list(pool.map(trained, steps.MONTHS)))


def frame(megabytes: float) -> None:
    import pandas as pd

    steps.frame(int(megabytes)).to_pickle("frame.pickle")
    steps.answer(steps.looked_at(pd.read_pickle("frame.pickle")))


if __name__ == "__main__":
    scenario, *values = sys.argv[1:]
    {"six": six, "chain": chain, "prepare": prepare, "fan": fan, "frame": frame}[scenario](*map(float, values))
