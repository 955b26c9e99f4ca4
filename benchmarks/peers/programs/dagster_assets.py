"""Dagster as it comes: assets, the filesystem IO manager (pickle), the multiprocess executor (EXECUTOR=in_process: the other).

It does not remember what was computed before: asked for all assets, it makes all.
"""

import os

import dagster as dg
import steps


class Training(dg.Config):
    rate: float = steps.RATE


@dg.asset
def raw():
    return steps.load(f"landed/{steps.MONTH}.parquet")


@dg.asset
def data(raw):
    return steps.clean(raw)


@dg.asset
def table(data):
    return steps.features(data)


@dg.asset
def parts(data, table):
    return steps.split(data, table)


@dg.asset
def model(config: Training, parts):
    return steps.train(parts, config.rate)


@dg.asset
def evaluation(model, parts):
    metric = steps.evaluate(model, parts)
    steps.answer(metric)
    return metric


def link(number: int) -> dg.AssetsDefinition:
    """An asset that adds one to the asset before it."""
    if number == 0:

        @dg.asset(name="link_0", group_name="chain")
        def first():
            return steps.trivial(0)

        return first

    @dg.asset(name=f"link_{number}", group_name="chain", ins={"before": dg.AssetIn(f"link_{number - 1}")})
    def linked(before):
        made = steps.trivial(before)
        steps.answer(made)
        return made

    return linked


def parts_of(month: str) -> dg.AssetsDefinition:
    @dg.asset(name=f"parts_{month}".replace("-", "_"), group_name="prepare")
    def made():
        data = steps.clean(steps.load(f"landed/{month}.parquet"))
        return steps.split(data, steps.features(data))

    return made


def model_of(month: str) -> dg.AssetsDefinition:
    @dg.asset(
        name=f"model_{month}".replace("-", "_"),
        group_name="fan",
        ins={"parts": dg.AssetIn(f"parts_{month}".replace("-", "_"))},
    )
    def made(parts):
        return steps.train(parts, steps.RATE)

    return made


class Size(dg.Config):
    megabytes: int


@dg.asset(group_name="frame")
def big(config: Size):
    return steps.frame(config.megabytes)


@dg.asset(group_name="frame")
def taken(big):
    steps.answer(steps.looked_at(big))


defs = dg.Definitions(
    [raw, data, table, parts, model, evaluation, big, taken]
    + [link(n) for n in range(12)]
    + [make(month) for month in steps.MONTHS for make in (parts_of, model_of)],
    executor=dg.in_process_executor if os.environ.get("EXECUTOR") == "in_process" else None,
)
