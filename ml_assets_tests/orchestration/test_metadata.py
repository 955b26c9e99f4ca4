"""What people see of a materialization."""

from __future__ import annotations

import base64
import dataclasses
from typing import Any

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from ml_assets.evaluation.explanation import Explanation
from ml_assets.evaluation.judge import Evaluation
from ml_assets.evaluation.slices import SliceScore
from ml_assets.figures import Sheet
from ml_assets.figures.draw import MOST_BYTES
from ml_assets.orchestration.io_manager import IO_MANAGER
from ml_assets.orchestration.metadata import materialization_metadata
from ml_assets.orchestration.tables import evaluation_tables, explanation_tables
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.world import World


def test_what_people_came_for_is_shown_before_the_plumbing(finished):
    key = finished.head("umbrellas/evaluation", "2024-03")
    shown = list(materialization_metadata(finished.store, key, finished.store.manifest(key)))
    assert shown.index("auroc/value") < shown.index("inputs") < shown.index("size_kib") < shown.index("look_at_it")


# ---------------------------------------------------------------- what people see of a real run


LARGEST_EVENT = 100_000  # bytes; Dagster's database keeps about four times as much
PAGES = "http://127.0.0.1:3001"
NOUNS = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")


def event_of(world: World, problem: str, noun: str, partition: str) -> dg.EventLogRecord:
    wanted = dg.AssetRecordsFilter(dg.AssetKey([problem, noun]), asset_partitions=[partition])
    return world.instance.fetch_materializations(wanted, limit=1).records[0]


def shown_of(world: World, problem: str, noun: str, partition: str) -> dict[str, Any]:
    return dict(event_of(world, problem, noun, partition).asset_materialization.metadata)


def picture_in(markdown: str) -> bytes:
    return base64.b64decode(markdown.partition("base64,")[2].partition(")")[0])


def test_of_an_evaluation_people_see_a_glance_at_once_with_gates_and_slices(finished):
    shown = shown_of(finished, "umbrellas", "evaluation", "2024-03")
    assert next(iter(shown)) == "at_a_glance"
    assert len(shown["at_a_glance"].value) < 1000
    assert {"gates", "slices"} <= set(shown)
    assert "metrics_in_order" not in shown, "that is for machines"


def test_of_a_report_people_see_features_at_once_and_figures_and_a_card_by_a_click(finished):
    shown = shown_of(finished, "umbrellas", "report", "2024-03")
    assert list(shown)[:2] == ["figures", "model_card"]
    assert b"Precision and recall" in picture_in(shown["figures"].value)
    assert shown["model_card"].value.startswith("# umbrellas, model of 2024-03")
    assert "top_features" in shown
    stored = Sheet.from_json(finished.load("umbrellas/report", "2024-03").figure)
    assert [panel.title.partition(" (")[0] for panel in stored.panels][:2] == ["Precision and recall", "ROC"]


def test_a_training_that_logs_has_its_curve_in_the_manifest_and_on_its_page(world):
    def logging(data: Any, params: Any, run: Any) -> Any:
        for step in range(50):
            run.log(step, train_loss=1 / (step + 1), validation_loss=1 / (step + 1) + 0.1)
        return umbrellas.train(data, params, run)

    own = world.with_problems([dataclasses.replace(umbrellas.PROBLEM, train=logging)])
    own.must_run(umbrellas.PROBLEM, "2024-01")
    shown = shown_of(own, "umbrellas", "model", "2024-01")
    assert own.manifest("umbrellas/model", "2024-01").notes["training"]["step"] == list(range(50))
    assert "training" not in shown
    assert len(shown["training_curve"].value) < 1000
    assert "- blue: train\\_loss 0.02\n- orange: validation\\_loss 0.12" in shown["training_curve"].value
    assert b"<polyline" in picture_in(shown["training_figure"].value)


def test_a_training_that_logs_one_step_or_none_has_no_curve(finished):
    assert "training_curve" not in shown_of(finished, "umbrellas", "model", "2024-03")


def test_columns_are_known_of_every_table(finished):
    for noun, column in (("dataset", "clouds"), ("features", "above_usual"), ("split", "role")):
        schema = shown_of(finished, "umbrellas", noun, "2024-03")["dagster/column_schema"].schema
        assert column in [each.name for each in schema.columns]


@pytest.mark.parametrize("problem", [umbrellas.PROBLEM, ice_cream.PROBLEM], ids=lambda problem: problem.name)
def test_every_event_of_a_run_is_small(world, problem):
    partition = problem.partitions.keys()[0]
    world.must_run(problem, partition)
    for noun in NOUNS:
        event = event_of(world, problem.name, noun, partition)
        assert len(serialize_value(event.event_log_entry)) < LARGEST_EVENT, noun


def test_the_largest_event_that_an_evaluation_can_make_is_small(finished):
    """As many slices, features, metrics and inputs as are shown, and a figure as large as is let through."""
    key = finished.head("umbrellas/evaluation", "2024-03")
    manifest = finished.store.manifest(key)
    half_a_year = dataclasses.replace(manifest, inputs=manifest.inputs * 36)
    shown = materialization_metadata(finished.store, key, half_a_year, PAGES)
    names = [f"a_metric_with_a_long_name_{n}" for n in range(6)]
    slices = tuple(SliceScore("column", "v" * 60, 9, dict.fromkeys(names, 0.123456), "n" * 200) for _ in range(500))
    numbers = tuple((f"a_feature_with_a_rather_long_name_{n}", 0.123456) for n in range(500))
    report = Evaluation(9, 0, {}, {}, slices, ())
    largest = {
        **shown,
        **evaluation_tables(report),
        **explanation_tables(Explanation(numbers, numbers)),
        "figures": dg.MetadataValue.md("x" * (MOST_BYTES * 4 // 3)),
        "model_card": dg.MetadataValue.md("x" * 10_000),
    }
    event = dg.AssetMaterialization(["umbrellas", "evaluation"], metadata=largest)
    assert len(serialize_value(event)) < LARGEST_EVENT


def test_versions_link_to_their_pages_where_there_are_pages(finished):
    key = finished.head("umbrellas/evaluation", "2024-03")
    manifest = finished.store.manifest(key)
    shown = materialization_metadata(finished.store, key, manifest, PAGES + "/")
    assert shown["page"].value == f"{PAGES}/version/{key.version[:16]}"
    for read in manifest.inputs:
        assert f"[{read.key}]({PAGES}/version/{read.key.version[:16]})" in shown["inputs"].value
    assert len(shown["inputs"].value) < 1000, "seen without a click"


def test_without_pages_inputs_are_a_table_and_nothing_links_anywhere(finished):
    key = finished.head("umbrellas/evaluation", "2024-03")
    shown = materialization_metadata(finished.store, key, finished.store.manifest(key))
    assert "page" not in shown
    assert [record.data["input"] for record in shown["inputs"].records] == ["model", "split", *["features"] * 3]


def test_of_many_inputs_the_first_are_shown_and_the_others_counted(finished):
    key = finished.head("umbrellas/evaluation", "2024-03")
    manifest = finished.store.manifest(key)
    many = dataclasses.replace(manifest, inputs=manifest.inputs * 20)
    linked, table = (materialization_metadata(finished.store, key, many, pages)["inputs"] for pages in (PAGES, ""))
    assert linked.value.endswith("\n- and 70 more")
    assert linked.value.count("](") == len(table.records) == 30


def test_a_world_with_pages_links_from_its_events(world):
    world.definitions.resources[IO_MANAGER].pages = PAGES
    world.must_run(umbrellas.PROBLEM, "2024-01", ["dataset"])
    key = world.head("umbrellas/dataset", "2024-01")
    shown = shown_of(world, "umbrellas", "dataset", "2024-01")
    assert shown["page"].value == f"{PAGES}/version/{key.version[:16]}"
    assert shown["inputs"].value.startswith("- landed: umbrellas/visits/2024-01.parquet ")
