"""Whole diffs of versions that Dagster made, and of what somebody changed in them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import pytest

from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.lineage.diff import diff
from ml_assets.store import Input, Manifest, Store, VersionKey
from ml_assets_tests.doubles import ice_cream, umbrellas

MONTH = "2024-03"
FIRST_CODE = {"m:train": "def train():\n    return 1", "m:gone": "GONE = 1"}
SECOND_CODE = {"m:train": "def train():\n    return 2", "m:come": "COME = 1"}


def head(store: Store, asset: str, partition: str = MONTH) -> VersionKey:
    entry = store.head(asset, partition)
    assert entry is not None
    return entry.target


def again(
    store: Store, old: VersionKey, change: Callable[[Any], Any] = lambda value: value, **fields: Any
) -> VersionKey:
    """A later version of the same, with another value or other fields."""
    manifest = store.manifest(old)
    later = {"created_at": "2999-01-01T00:00:00.000+00:00", "content": store.put(change(store.load(old)))}
    return store.publish(dataclasses.replace(manifest, **{**later, **fields}), why="a test")[0]


def flipped(judgement: Any) -> Any:
    """The same evaluation, but of the first row the opposite is said."""
    prediction = judgement.scored["prediction"].copy()
    prediction.iloc[0] = 1 - prediction.iloc[0]
    return dataclasses.replace(judgement, scored=judgement.scored.assign(prediction=prediction))


def made_by(store: Store, parts: dict[str, str], manifest: Manifest) -> dict[str, Any]:
    """``Manifest.code`` as it is recorded for a computation by this code."""
    own = {"key": "0" * 64, "code": store.put_code(parts), "packages": {}, "settings": {}, "reads": {}, "threads": None}
    return {"code": {**manifest.code, "computation": own}}


def lose_value(store: Store, key: VersionKey, other_than: VersionKey | None = None) -> None:
    """Delete the bytes of a version, or only those that another one does not have."""
    kept = {file.digest for file in store.manifest(other_than).content.files} if other_than else set()
    for lost in {file.digest for file in store.manifest(key).content.files} - kept:
        store.backend.delete(f"blobs/{lost[:2]}/{lost}")


# ---------------------------------------------------------------- what is told


def test_a_version_does_not_differ_from_itself(shared):
    key = head(shared, "umbrellas/evaluation")
    found = diff(shared, key, key, umbrellas.PROBLEM)
    assert found == type(found)(key, key, same_content=True)


def test_the_same_content_made_again_with_another_seed_is_said_and_its_rows_are_not_read(own):
    old = head(own, "umbrellas/dataset")
    new = again(own, old, seed=7)
    lose_value(own, old)
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert found.same_content
    assert found.ingredients == (f"seed {json.dumps(own.manifest(old).seed)} -> 7",)
    assert found.rows is None
    assert "rows" not in found.not_told


def test_rows_of_a_dataset_are_told_by_the_problems_entity(own):
    old = head(own, "umbrellas/dataset")
    new = again(own, old, lambda rows: rows.assign(clouds=rows["clouds"].where(rows.index != 3, 9.0)).iloc[1:])
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert not found.same_content
    assert (found.rows.key, found.rows.removed, found.rows.examples_removed) == (("visit",), 1, ("2024-03-00000",))
    assert [(column.name, column.examples[0].new) for column in found.rows.columns] == [("clouds", "9.0")]


def test_rows_of_features_have_their_keys_their_features_and_their_label(own):
    old = head(own, "umbrellas/features")

    def change(table: Any) -> Any:
        label = table.label.copy()
        label[2] = 1 - label[2]
        return dataclasses.replace(
            table, features=table.features.assign(clouds=table.features["clouds"] + 1), label=label
        )

    found = diff(own, old, again(own, old, change), umbrellas.PROBLEM)
    assert [(column.name, column.rows) for column in found.rows.columns] == [("clouds", 400), ("label", 1)]


def test_rows_of_splits_of_two_months_say_who_changed_the_role_also_without_the_problem(shared):
    old, new = head(shared, "umbrellas/split", "2024-01"), head(shared, "umbrellas/split", "2024-02")
    found = diff(shared, old, new)
    assert (found.rows.key, found.rows.common, found.rows.added) == (("entity",), 400, 400)
    assert [column.name for column in found.rows.columns] == ["role"]


def test_models_are_compared_by_the_newest_evaluation_of_each(own):
    old = head(own, "umbrellas/model")
    new = again(own, old, params={"c": 0.5, "shuffle_label": False})
    judged = own.manifest(head(own, "umbrellas/evaluation"))
    inputs = tuple(Input("model", new, read.digest) if read.name == "model" else read for read in judged.inputs)
    metrics = {**judged.metrics, "auroc": {"value": 0.1, "low": 0.05, "high": 0.2, "baseline": 0.5}}
    evaluation = again(own, judged.key, flipped, inputs=inputs, metrics=metrics)

    found = diff(own, old, new, umbrellas.PROBLEM)

    assert found.same_content, "the estimator is the same"
    assert found.ingredients == ("params.c 1.0 -> 0.5",)
    assert found.judged_by == (judged.key, evaluation)
    assert [(metric.name, metric.better, metric.overlap) for metric in found.metrics[:2]] == [
        ("auroc", False, False),
        ("brier", None, True),
    ]
    assert (found.gain.metric, found.gain.rows) == ("auroc", found.answers.common)
    assert (found.answers.task, found.answers.flipped, found.answers.common) == ("binary", 1, found.answers.rows[0])
    assert found.answers.mended + found.answers.broken == 1


def test_of_models_of_two_months_whose_rows_differ_no_flips_are_made_up(shared):
    old, new = head(shared, "umbrellas/model", "2024-02"), head(shared, "umbrellas/model", "2024-03")
    found = diff(shared, old, new, umbrellas.PROBLEM)
    assert found.answers.common == found.answers.flipped == 0
    assert found.gain is None
    assert [metric.name for metric in found.metrics] == ["auroc", "brier"]
    assert {of.column for of in found.slices} <= {"shop"}


def test_predictions_of_the_same_rows_tell_what_flipped_and_rows_do_not_repeat_it(own):
    old = head(own, "umbrellas/predictions")
    new = again(own, old, lambda rows: rows.assign(prediction=1 - rows["prediction"], model_version="another"))
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert found.rows is None
    assert found.answers.flipped == found.answers.common == 400


def test_predictions_of_numbers_have_no_threshold(own):
    old = head(own, "ice_cream/evaluation", "south/east")
    new = again(own, old, flipped)
    found = diff(own, old, new, ice_cream.PROBLEM)
    assert (found.answers.threshold, found.answers.flipped, found.answers.changed) == (None, None, 1)
    assert found.answers.examples[0].label is not None


def test_code_is_a_readable_diff_of_the_parts_that_changed(own):
    manifest = own.manifest(head(own, "umbrellas/model"))
    old, new = (again(own, manifest.key, **made_by(own, code, manifest)) for code in (FIRST_CODE, SECOND_CODE))
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert (found.code.removed, found.code.added) == (("m:gone",), ("m:come",))
    assert found.code.changed[0].lines[-2:] == ("-    return 1", "+    return 2")
    assert "code" not in found.not_told
    assert all(said.startswith("code: ") for said in found.ingredients)


def test_what_differs_is_plain_json(own):
    old = head(own, "umbrellas/evaluation")
    found = diff(own, old, again(own, old, flipped), umbrellas.PROBLEM).to_json()
    assert json.loads(json.dumps(found, allow_nan=False))["answers"]["flipped"] == 1


# ---------------------------------------------------------------- what cannot be told


def test_versions_of_different_assets_are_refused(shared):
    old, new = head(shared, "umbrellas/model"), head(shared, "umbrellas/features")
    with pytest.raises(UsageError) as refused:
        diff(shared, old, new)
    assert str(refused.value) == (
        f"{old} and {new} are of different assets, so nothing of one corresponds to anything of the other. "
        "Name two versions of one asset; there are: ml-assets history umbrellas/model"
    )


def test_a_version_that_there_is_not_is_refused(shared):
    key = head(shared, "umbrellas/model")
    with pytest.raises(UnknownVersion):
        diff(shared, key, dataclasses.replace(key, version="0" * 64))


def test_lost_bytes_cost_the_sections_that_need_them_and_no_other(own):
    old = head(own, "umbrellas/evaluation")
    metrics = {**own.manifest(old).metrics, "brier": {"value": 0.9, "low": 0.8, "high": 0.95, "baseline": 0.25}}
    new = again(own, old, flipped, metrics=metrics, seed=7)
    lose_value(own, new, other_than=old)
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert [metric.better for metric in found.metrics] == [None, False]
    assert found.ingredients
    assert (found.rows, found.answers, found.slices) == (None, None, ())
    assert {"rows", "predictions", "slices and gates"} <= set(found.not_told)
    assert str(new) in found.not_told["rows"]


def test_a_lost_code_version_costs_the_diff_of_the_code_only(own):
    manifest = own.manifest(head(own, "umbrellas/model"))
    old, new = (again(own, manifest.key, **made_by(own, code, manifest)) for code in (FIRST_CODE, SECOND_CODE))
    own.backend.delete(f"code/{own.manifest(new).code['computation']['code']}.json")
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert found.ingredients == ("code changed",)
    assert found.code is None
    assert "code" in found.not_told
    assert found.metrics == () != found.judged_by or "metrics" in found.not_told


def test_a_lost_environment_is_said(own):
    old = head(own, "umbrellas/dataset")
    new = again(own, old, environment=own.put_environment({"python": "2.7", "packages": {}}))
    assert "python" in diff(own, old, new).circumstances[0]
    own.backend.delete(f"environments/{own.manifest(new).environment}.json")
    found = diff(own, old, new)
    assert found.circumstances == ()
    assert "environment" in found.not_told


def test_a_package_that_decides_about_reuse_is_not_repeated_among_the_circumstances(own):
    manifest = own.manifest(head(own, "umbrellas/model"))

    def with_packages(packages: dict[str, str]) -> VersionKey:
        code = made_by(own, FIRST_CODE, manifest)["code"]
        computation = {**code["computation"], "packages": {"scikit-learn": packages["scikit-learn"]}}
        environment = own.put_environment({"python": "3.11.2", "packages": packages})
        return again(own, manifest.key, code={**code, "computation": computation}, environment=environment)

    old, new = (with_packages({"scikit-learn": f"1.9.{n}", "tqdm": f"4.{n}"}) for n in (0, 1))
    found = diff(own, old, new)
    assert found.ingredients == ("scikit-learn 1.9.0 -> 1.9.1",)
    assert found.circumstances == ("tqdm 4.0 -> 4.1",)


def test_versions_made_before_code_was_recorded_say_so(own):
    manifest = own.manifest(head(own, "umbrellas/dataset"))
    old = again(own, manifest.key, code={})
    new = again(own, manifest.key, code={"git_commit": "a" * 40})
    assert diff(own, old, new).not_told["code"] == (
        f"{old} and {new} were made before code was recorded with each version. Compare the commits instead."
    )


def test_a_model_that_nobody_judged_is_named(own):
    old = head(own, "umbrellas/model")
    new = again(own, old, seed=7)
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert (found.judged_by, found.metrics, found.answers) == (None, (), None)
    assert found.not_told["metrics"] == (
        f"Nobody has judged {new} yet. Judge what is published: ml-assets run umbrellas/evaluation --partition 2024-03"
    )


def test_without_the_problem_a_dataset_is_compared_by_its_columns_only(own):
    old = head(own, "umbrellas/dataset")
    new = again(own, old, lambda rows: rows.assign(wind=1.0).head(10))
    found = diff(own, old, new)
    assert (found.rows.key, found.rows.rows, found.rows.columns_added) == ((), (400, 10), ("wind",))


def test_a_value_of_another_kind_than_expected_is_said(own):
    old = head(own, "umbrellas/predictions")
    new = again(own, old, lambda rows: {"no": "table"})
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert found.rows is None
    assert f"{new} holds a dict" in found.not_told["predictions"]


def test_the_newest_of_several_evaluations_of_a_model_counts(own):
    old = head(own, "umbrellas/evaluation")
    newest = again(own, old, flipped)
    model = next(read.key for read in own.manifest(old).inputs if read.name == "model")
    found = diff(own, head(own, "umbrellas/model", "2024-02"), model, umbrellas.PROBLEM)
    assert found.judged_by[1] == newest


def test_a_table_without_rows_has_no_row_in_common_with_one_that_has_some(own):
    new = head(own, "umbrellas/predictions")
    old = again(own, new, lambda rows: rows.head(0))
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert (found.rows.added, found.answers.common) == (400, 0)


def test_the_same_table_in_other_bytes_is_recognised(own):
    old = head(own, "umbrellas/dataset")
    new = again(own, old, lambda rows: rows.set_index("visit", drop=False))
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert (found.same_content, found.rows.alike) == (False, True)


def test_the_same_predictions_in_other_bytes_are_recognised(own):
    old = head(own, "umbrellas/predictions")
    new = again(own, old, lambda rows: rows.set_index("visit", drop=False))
    found = diff(own, old, new, umbrellas.PROBLEM)
    assert (found.same_content, found.rows, found.answers.changed) == (False, None, 0)
