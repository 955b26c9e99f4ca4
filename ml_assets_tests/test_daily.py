"""The whole chain on awkward daily data, from the first day on: no run fails, and every row that landed is accounted for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets import artifacts
from ml_assets_tests.doubles import bakery
from ml_assets_tests.doubles.world import World, build

DAYS = bakery.PROBLEM.partitions.keys()[:12]
USED = ("train", "validation", "test")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    artifacts.trust_all([bakery.PROBLEM])
    world = build(Path(tmp_path_factory.mktemp("bakery")), [bakery.PROBLEM])
    for day in DAYS:
        for name, frame in bakery.sample_files(day).items():
            world.landing.write(f"bakery/{name}", frame)
        world.must_run(bakery.PROBLEM, day)
    yield world
    world.instance.dispose()


def made(world: World, noun: str) -> list[str]:
    return [day for day in DAYS if world.store.head(f"bakery/{noun}", day)]


def roles(world: World, day: str) -> Mapping[str, int]:
    return world.manifest("bakery/split", day).metrics["rows"]


def test_what_can_be_made_is_made_from_the_first_day_on(world: World):
    for noun in ("dataset", "features", "predictions"):
        assert made(world, noun) == DAYS
    trained = made(world, "model")

    assert trained[0] == "2024-01-08"
    assert len(trained) == 5
    assert made(world, "champion") == trained


def test_every_row_that_landed_is_accounted_for(world: World):
    """landed = used + purged + unlabelled + superseded and the like + refused, day by day, over the window of each."""
    print()
    for day in made(world, "split"):
        window = world.manifest("bakery/split", day).notes["window"]
        datasets = [world.manifest("bakery/dataset", one).notes for one in window]
        landed, refused = (sum(of[name] for of in datasets) for name in ("rows_landed", "rows_refused"))
        counts = dict(roles(world, day))
        used, left_out = sum(counts.pop(part) for part in USED), sum(counts.values())
        said = " + ".join([f"{used:,} used", *(f"{n:,} {role}" for role, n in counts.items()), f"{refused:,} refused"])
        print(f"{day}: {landed:,} landed = {said}")

        assert landed == sum(len(bakery.exported(pd.Timestamp(one, tz="UTC"))) for one in window)
        assert landed == used + left_out + refused
        assert refused == sum((bakery.exported(pd.Timestamp(one, tz="UTC"))["price"] < 0).sum() for one in window)
        assert {"superseded", "unlabelled"} <= counts.keys()


def test_numbers_of_orders_and_customers_are_what_they_were(world: World):
    for day in DAYS:
        landed = bakery.exported(pd.Timestamp(day, tz="UTC")).query("price >= 0")
        stored = world.load("bakery/dataset", day)
        predicted = world.load("bakery/predictions", day)
        is_predicted = world.manifest("bakery/predictions", day).notes["model"] != "none"

        assert stored["order"].tolist() == landed["order"].tolist()
        assert predicted["order"].tolist() == (landed["order"].tolist() if is_predicted else [])
        assert stored["customer"].isna().tolist() == landed["customer"].isna().tolist()
        assert stored["customer"].dropna().tolist() == landed["customer"].dropna().tolist()
        assert stored["member"].dropna().tolist() == landed["member"].dropna().tolist()


def test_rows_keep_their_own_features_although_these_were_sorted(world: World):
    for day in DAYS:
        table, stored = world.load("bakery/features", day), world.load("bakery/dataset", day)

        assert np.array_equal(table.features["stale_hours"], stored["stale_hours"])
        assert table.keys["order"].tolist() == stored["order"].tolist()
        assert np.array_equal(table.label, stored["complained"], equal_nan=True)


def test_of_an_order_that_landed_again_the_newest_counts(world: World):
    day = made(world, "split")[-1]
    split = world.load("bakery/split", day)
    used = split[split["role"].isin([*USED, "purged", "unlabelled"])]

    assert not used.duplicated(["entity", "event_time"]).any()
    assert (split["role"] == "superseded").sum() > 0


def test_the_models_learn_in_spite_of_it(world: World):
    scores = [world.manifest("bakery/evaluation", day).metrics["auroc"]["value"] for day in made(world, "evaluation")]

    assert np.mean(scores) > 0.75


def test_a_model_knows_the_breads_of_its_train_rows_and_no_other(world: World):
    for day in made(world, "model"):
        split, model = world.load("bakery/split", day), world.load("bakery/model", day)
        fitted = set(split.loc[split["role"] == "train", "entity"])
        landed = pd.concat([world.load("bakery/dataset", one) for one in DAYS]).astype({"bread": "str"})

        assert set(model.categories["bread"]["categories"]) == set(landed.loc[landed["order"].isin(fitted), "bread"])
