"""Through the whole chain: nurseries that differ from month to month in other orders, and a grade without any row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.lineage.diff.versions import diff
from ml_assets.orchestration.predictions import scored
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.store import Handle, open_store
from ml_assets.training.model import Unseen, predict
from ml_assets_tests.doubles import saplings
from ml_assets_tests.doubles.world import World, build

JANUARY, FEBRUARY, MARCH = saplings.NURSERIES


@pytest.fixture(
    scope="module", params=[saplings.PROBLEM, saplings.BY_TYPE], ids=["codes", "HistGradientBoosting by type"]
)
def world(request, tmp_path_factory) -> tuple[World, object]:
    """Features of January; the first model is made of January and February, and March is predicted and judged."""
    problem = request.param
    world = build(tmp_path_factory.mktemp("world"), [problem])
    for month in saplings.NURSERIES:
        world.landing.write(f"saplings/sold/{month}.parquet", saplings.sold(month))
    world.must_run(problem, JANUARY, ["dataset", "features"])
    world.must_run(problem, FEBRUARY)
    world.must_run(problem, MARCH)
    return world, problem


def test_a_window_of_months_that_differ_trains_a_model_that_knows_the_nurseries_and_grades_of_both(world):
    model = world[0].load("saplings/model", FEBRUARY)
    assert sorted(model.categories["nursery"]["categories"]) == ["ash", "birch", "cedar", "oak"]
    assert model.categories["size"]["categories"] == ["small", "middle", "large"]
    assert model.classes == (0, 2, 3)
    notes = world[0].manifest("saplings/model", FEBRUARY).notes
    assert (notes["categories"], notes["classes"]) == ({"nursery": 4, "size": 3}, [0, 2, 3])


def test_each_row_is_predicted_as_its_nursery_and_in_the_column_of_its_grade(world):
    found, landed = world[0].load("saplings/predictions", MARCH), saplings.sold(MARCH)
    columns = [f"prediction_{grade}" for grade in range(4)]
    assert [name for name in found if name.startswith("prediction")] == columns
    assert (found["prediction_1"] == 0).all()
    said = pd.Series(found[columns].to_numpy().argmax(axis=1)).groupby(landed["nursery"]).agg(lambda of: of.mode()[0])
    known = said.drop("elm").to_dict()
    assert known == {name: saplings.GRADES[name] for name in known}


def test_rows_of_a_nursery_that_the_champion_never_saw_are_counted(world):
    elms = int((saplings.sold(MARCH)["nursery"] == "elm").sum())
    assert world[0].manifest("saplings/predictions", MARCH).notes["unseen_categories"] == {"nursery": elms}
    assert "unseen_categories" not in world[0].manifest("saplings/evaluation", MARCH).notes, "its own model saw some"


def test_the_champion_is_judged_beside_a_challenger_that_knows_another_nursery(world):
    decision = world[0].load("saplings/champion", MARCH)
    assert decision["comparison"]["champion"] > 0.5, "of four grades; codes of another list would be right by chance"


def test_importance_and_drift_see_the_nursery_and_the_baseline_has_the_columns_of_the_model(world):
    explained = world[0].load("saplings/report", FEBRUARY).explanation
    assert dict(explained["importance"])["nursery"] > 0.2
    assert {name for name, _ in explained["drift"]} == {"nursery", "size"}
    judgement = world[0].load("saplings/evaluation", FEBRUARY)
    assert judgement.report["model"]["accuracy"]["value"] > 0.7
    columns = [name.removeprefix("baseline") for name in judgement.scored if name.startswith("baseline")]
    assert columns == [name.removeprefix("prediction") for name in judgement.scored if name.startswith("prediction")]


def test_a_row_alone_and_rows_in_small_batches_are_answered_as_in_the_whole(world):
    of, problem = world
    store, model = of.store, of.load("saplings/model", FEBRUARY)
    table = of.load("saplings/features", MARCH).features
    whole = predict(problem, model, table)
    for at in (0, 7, 300):
        np.testing.assert_array_equal(predict(problem, model, table.iloc[[at]]), whole[[at]])
    alone = pd.DataFrame({"nursery": pd.Categorical(["cedar"]), "size": pd.Categorical(["small"], ordered=True)})
    assert predict(problem, model, alone).argmax(axis=1).tolist() == [saplings.GRADES["cedar"]]
    unseen, features = Unseen(), Handle(store, of.head("saplings/features", MARCH))
    champion = Handle(store, of.head("saplings/model", FEBRUARY), "champion")
    batches = pd.concat(scored(problem, store, features, champion, rows=41, unseen=unseen), ignore_index=True)
    pd.testing.assert_frame_equal(batches, of.load("saplings/predictions", MARCH))
    assert unseen.note.items() <= of.manifest("saplings/predictions", MARCH).notes.items()


def test_two_models_are_compared_by_class_and_it_is_told_what_the_new_one_knows_more(world):
    of, problem = world
    found = diff(of.store, of.head("saplings/model", FEBRUARY), of.head("saplings/model", MARCH), problem)
    assert "categories.nursery 4 -> 5" in found.outcomes
    assert not found.not_told


@pytest.mark.parametrize("world", [saplings.PROBLEM], ids=["codes"], indirect=True)
def test_what_was_made_of_categories_and_classes_is_made_again_bit_for_bit(world, tmp_path):
    of, _ = world
    for noun in ("split", "model", "evaluation", "champion", "predictions"):
        key = of.head(f"saplings/{noun}", MARCH)
        again = rebuild(of.store.backend, of.landing, key, tmp_path / noun)
        made = open_store(str(tmp_path / noun)).manifest(again)
        assert made.content.digest == of.store.manifest(key).content.digest, noun
