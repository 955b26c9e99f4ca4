"""joblib: every step a cached function, trainings by Parallel on all cores."""

import sys

import steps
from joblib import Memory, Parallel, delayed

memory = Memory("cache", verbose=0)
load, clean, features, split, train, evaluate, trivial, frame_of = map(
    memory.cache,
    (steps.load, steps.clean, steps.features, steps.split, steps.train, steps.evaluate, steps.trivial, steps.frame),
)


def parts_of(month: str) -> steps.Parts:
    data = clean(load(f"landed/{month}.parquet"))
    return split(data, features(data))


def six(rate: float) -> None:
    parts = parts_of(steps.MONTH)
    steps.answer(evaluate(train(parts, rate), parts))


def chain(count: float) -> None:
    number = 0
    for _ in range(int(count)):
        number = trivial(number)
    steps.answer(number)


def prepare() -> None:
    for month in steps.MONTHS:
        parts_of(month)


def trained(month: str) -> float:
    return float(train(parts_of(month), steps.RATE).validation_score_[-1])


def fan() -> None:
    steps.answer(Parallel(n_jobs=-1)(delayed(trained)(month) for month in steps.MONTHS))


def frame(megabytes: float) -> None:
    frame_of(int(megabytes))
    steps.answer(steps.looked_at(frame_of(int(megabytes))))


if __name__ == "__main__":
    scenario, *values = sys.argv[1:]
    {"six": six, "chain": chain, "prepare": prepare, "fan": fan, "frame": frame}[scenario](*map(float, values))
