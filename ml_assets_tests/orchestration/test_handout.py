"""The whole chain of problems whose functions spoil what they are given, sort rows, repair them, or have odd names."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pandera.pandas as pa
import pytest

from ml_assets.computation.chain import rows_before
from ml_assets.computation.recipe import Recipe
from ml_assets.problem import FeatureTable, Problem
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import World, build, why

JANUARY, FEBRUARY = "2024-01", "2024-02"
MADE = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
pytestmark = pytest.mark.filterwarnings("ignore:The inplace keyword")


def made(folder: Path, problem: Problem, **landed: pd.DataFrame) -> World:
    """January, and February with January's champion."""
    world = build(folder, [problem])
    for month, rows in landed.items():
        world.landing.write(f"umbrellas/visits/{month.replace('_', '-')}.parquet", rows)
    for month in (JANUARY, FEBRUARY):
        world.must_run(problem, month, MADE)
    return world


@pytest.fixture(scope="module")
def polite(tmp_path_factory: pytest.TempPathFactory) -> World:
    return made(tmp_path_factory.mktemp("polite"), umbrellas.PROBLEM)


def values(world: World, month: str) -> list[object]:
    """What was made, without the names of versions."""
    judged = world.load("umbrellas/evaluation", month)
    predictions = world.load("umbrellas/predictions", month).drop(columns="model_version")
    plain = [world.manifest(f"umbrellas/{noun}", month).content.digest for noun in MADE[:4]]
    return [*plain, judged.report, judged.scored.to_dict("list"), predictions.to_dict("list")]


def spoil(frame: pd.DataFrame) -> None:
    for name in [*frame.columns]:
        frame[name] = frame[name].iloc[::-1].to_numpy()
    frame.drop(index=frame.index[:3], inplace=True)
    frame["more"] = 1.0


def spoil_rows(rows: FeatureTable) -> None:
    rows.label[:] = 1 - rows.label
    spoil(rows.keys)
    spoil(rows.features)


def spoiling(function):
    """The function, which afterwards turns every argument around."""

    def spoils(*arguments):
        found = function(*arguments)
        for given in arguments:
            if isinstance(given, pd.DataFrame):
                spoil(given)
            for rows in (given, getattr(given, "train", None), getattr(given, "validation", None)):
                if isinstance(rows, FeatureTable):
                    spoil_rows(rows)
        return found

    return spoils


def by_clouds(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    return umbrellas.features(history, data).sort_values("clouds")


def answers_by_clouds(model, table: pd.DataFrame) -> pd.Series:
    answers = pd.Series(umbrellas.predict(model, table), index=table.index)  # of rows in another order other last bits
    return answers[table.sort_values("clouds", ascending=False).index]


OTHERS = {
    "spoils all that it is given": {
        name: spoiling(getattr(umbrellas.PROBLEM, name)) for name in ("features", "train", "predict", "baseline")
    },
    "returns rows sorted": {"features": by_clouds, "predict": answers_by_clouds},
}


@pytest.mark.parametrize("functions", OTHERS.values(), ids=OTHERS)
def test_a_problem_that_does_as_it_likes_with_its_rows_makes_what_a_polite_one_does(polite, tmp_path, functions):
    world = made(tmp_path, dataclasses.replace(umbrellas.PROBLEM, **functions))
    for month in (JANUARY, FEBRUARY):
        assert values(world, month) == values(polite, month)


def repairing() -> pa.DataFrameSchema:
    known = umbrellas.schema()
    kept = known.update_columns(
        {
            "clouds": {"coerce": True},
            "shop": {"default": "east"},
            "bought": {"checks": [pa.Check.isin([0, 1])], "nullable": True},
        }
    )
    kept.drop_invalid_rows, kept.strict = True, "filter"
    return kept


def test_what_the_schema_repairs_is_what_is_stored_trained_on_and_predicted(tmp_path):
    rows = umbrellas.visits(JANUARY)
    landed = rows.assign(clouds=rows["clouds"].map(repr), colour="red")
    landed.loc[:4, "bought"] = 7.0
    landed.loc[5:14, "shop"] = None
    world = made(tmp_path, dataclasses.replace(umbrellas.PROBLEM, schema=repairing), **{"2024_01": landed})

    stored, manifest = world.load("umbrellas/dataset", JANUARY), world.manifest("umbrellas/dataset", JANUARY)
    expected = rows.assign(shop=rows["shop"].where(~rows.index.isin(range(5, 15)), "east")).iloc[5:]
    pd.testing.assert_frame_equal(stored, expected.reset_index(drop=True), check_column_type=False)
    assert {name: manifest.notes[name] for name in ("rows", "rows_landed", "rows_refused")} == {
        "rows": 395, "rows_landed": 400, "rows_refused": 5,
    }  # fmt: skip
    assert manifest.notes["columns_left_out"] == ["colour"]
    assert manifest.notes["values_repaired"] == {"clouds": 395, "shop": 10}
    assert manifest.notes["types_repaired"] == {"clouds": "str -> float64"}
    (said,) = [check.description for check in manifest.checks if check.name == "schema"]
    assert said.startswith(
        "395 of 400 rows fit the schema. It dropped 5: column 'bought' breaks isin([0, 1]) in 5 rows, for example 7.0."
    )
    assert (
        len(world.load("umbrellas/features", JANUARY)) == len(world.load("umbrellas/predictions", FEBRUARY)) - 5 == 395
    )
    assert rows_before(umbrellas.PROBLEM, world.store, FEBRUARY, 1) == {JANUARY: 400}, "as many as landed"


def refused(world: World, problem: Problem, month: str = JANUARY) -> dict[str, str]:
    """The checks of the dataset that stop a run, and what they say."""
    result = world.run(problem, month)
    (failed,) = result.get_step_failure_events()
    assert failed.step_key == f"{problem.name}__dataset"
    assert "was refused by 1 blocking check(s)" in why(failed)
    found = [check for check in result.get_asset_check_evaluations() if not check.passed]
    return {check.check_name: check.description for check in found if check.severity == dg.AssetCheckSeverity.ERROR}


def loose() -> pa.DataFrameSchema:
    return pa.DataFrameSchema({})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda rows: rows.assign(at=rows["at"].dt.tz_localize(None)),
            "Column 'at' is datetime64[us], no time with a zone",
        ),
        (lambda rows: rows.assign(at=rows["at"].astype("str")), "Column 'at' is str, no time with a zone"),
        (lambda rows: rows.assign(known=rows["at"].dt.tz_localize(None)), "Column 'known' is datetime64[us], no time"),
        (lambda rows: rows.drop(columns="visit"), "Column 'visit' is missing"),
        (lambda rows: rows.drop(columns="bought"), "Column 'bought' is missing"),
    ],
    ids=["a naive event time", "text as event time", "a naive label time", "no entity", "no label"],
)
def test_what_the_schema_does_not_say_is_said_at_the_dataset(tmp_path, change, words):
    problem = dataclasses.replace(umbrellas.PROBLEM, schema=loose, label_time="known")
    world = build(tmp_path, [problem])
    rows = umbrellas.visits(JANUARY)
    world.landing.write(f"umbrellas/visits/{JANUARY}.parquet", change(rows.assign(known=rows["at"])))
    said = refused(world, problem)
    assert [*said] == ["keys"]
    assert said["keys"].startswith(words)


def test_slices_and_keys_may_have_any_names(tmp_path):
    """A slice that is the entity, the event time, the label time or the label, or is called as our own tables call these."""

    def load(partition, source):
        rows = umbrellas.load(partition, source)
        return rows.assign(
            known=rows["at"], entity=rows["shop"], event_time=rows["shop"], label_time=rows["shop"], role="x"
        )

    names = ("visit", "at", "known", "bought", "entity", "event_time", "label_time", "role")
    problem = dataclasses.replace(umbrellas.PROBLEM, dataset=load, schema=loose, slices=names, label_time="known")
    world = made(tmp_path, problem)

    keys = world.load("umbrellas/features", FEBRUARY).keys
    assert [*keys] == ["visit", "at", "known", "bought", "entity", "event_time", "label_time", "role"]
    report = world.load("umbrellas/evaluation", FEBRUARY).report
    assert {score["column"] for score in report["slices"]} == {*names}
    assert world.load("umbrellas/champion", FEBRUARY)["comparison"] is not None, "the champion was judged as well"


def test_the_event_time_may_be_the_entity(tmp_path):
    def load(partition, source):
        rows = umbrellas.load(partition, source)
        return rows.assign(at=rows["at"] + pd.to_timedelta(np.arange(len(rows)), unit="us"))

    world = made(tmp_path, dataclasses.replace(umbrellas.PROBLEM, dataset=load, entity="at", slices=("at",)))
    assert [*world.load("umbrellas/predictions", FEBRUARY)] == ["at", "prediction", "model_version"]
    assert world.load("umbrellas/champion", FEBRUARY)["comparison"] is not None


class Wide(pa.DataFrameModel):
    visit: str


class Narrow(pa.DataFrameModel):
    visit: str = pa.Field(isin=["v1"])


def test_an_edited_model_of_a_schema_is_other_code():
    codes = [Recipe(dataclasses.replace(umbrellas.PROBLEM, schema=of), "dataset").code for of in (Wide, Narrow)]
    assert codes[0].version != codes[1].version
    assert codes[0].unidentified == codes[1].unidentified == ()


@pytest.mark.parametrize(
    ("returned", "words"),
    [
        (None, "returned NoneType, no DataFrame"),
        (pd.Series([1.0]), "returned Series, no DataFrame"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "returned several columns of one name"),
    ],
    ids=["nothing", "a column", "two columns of one name"],
)
def test_a_dataset_function_that_returns_no_table_is_told_so(tmp_path, returned, words):
    problem = dataclasses.replace(umbrellas.PROBLEM, dataset=lambda partition, source: returned)
    world = build(tmp_path, [problem])
    (failed,) = world.run(problem, JANUARY, ["dataset"]).get_step_failure_events()
    assert f"Problem 'umbrellas': dataset() {words}. Return a pandas DataFrame" in why(failed)


def test_of_rows_that_share_a_label_only_the_invalid_ones_are_dropped(tmp_path):
    """As ``pd.concat`` leaves them, or an index of times."""

    def load(partition, source):
        rows = umbrellas.load(partition, source)
        return pd.concat([rows.head(200), rows.iloc[200:].reset_index(drop=True)])

    schema = umbrellas.schema().update_column("clouds", checks=[pa.Check.lt(2)])
    schema.drop_invalid_rows = True
    rows = umbrellas.visits(JANUARY)
    for dataset in (load, lambda partition, source: load(partition, source).set_axis(rows["at"].dt.floor("D"))):
        problem = dataclasses.replace(umbrellas.PROBLEM, dataset=dataset, schema=lambda: schema)
        world = build(tmp_path / dataset.__name__.strip("<>"), [problem])
        world.must_run(problem, JANUARY, ["dataset"])
        assert world.load("umbrellas/dataset", JANUARY)["visit"].tolist() == rows["visit"][rows["clouds"] < 2].tolist()
