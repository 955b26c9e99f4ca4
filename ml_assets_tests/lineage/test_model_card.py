"""A card says what manifests and reports say, and nothing in them is obeyed as Markdown."""

from __future__ import annotations

import dataclasses
import re

import pytest

from ml_assets.errors import UsageError
from ml_assets.evaluation.metrics import AUROC, BRIER
from ml_assets.lineage.markdown import code, escaped, table
from ml_assets.lineage.model_card import model_card
from ml_assets.problem import Better
from ml_assets.store import Manifest, Store, VersionKey
from ml_assets.store.keys import blob_key
from ml_assets_tests.doubles import ice_cream, umbrellas

MONTH = "2024-03"


def head(store: Store, asset: str, partition: str = MONTH) -> VersionKey:
    entry = store.head(asset, partition)
    assert entry is not None
    return entry.target


def section(card: str, title: str) -> str:
    return card.partition(f"# {title}\n")[2].partition("\n#")[0]


def test_a_card_says_what_the_model_answers_how_well_and_what_it_was_made_of(shared):
    evaluation, model = head(shared, "umbrellas/evaluation"), head(shared, "umbrellas/model")
    card = model_card(shared, evaluation, dataclasses.replace(umbrellas.PROBLEM, owners=("team:rain",)))
    assert card.startswith("# umbrellas, model of 2024-03\n\nWill this customer buy an umbrella?")
    assert f"`{model}`" in card
    assert "| owners | team:rain |" in card
    assert "| data | 2024-01, 2024-02, 2024-03 |" in card
    auroc = shared.manifest(evaluation).metrics["auroc"]
    row = f"| auroc | {auroc['value']:.3f} | {auroc['low']:.3f} to {auroc['high']:.3f} | {auroc['baseline']:.3f} |"
    assert row in section(card, "Quality")
    assert "Intervals: Student's t on 7 days." in section(card, "Quality")
    assert f"| auroc | {auroc['value']:.3f} | at least 0.600 | passed |" in section(card, "Gates")
    assert section(card, "What it lives on").index("clouds") < section(card, "What it lives on").index("shop")
    assert "| c | `1.0` |" in section(card, "Made with")
    assert "| seed | `0` |" in section(card, "Made with")
    for read in shared.manifest(model).inputs:
        assert f"`{read.key}`" in section(card, "Made from")
    assert f"ml-assets promote umbrellas/model@2024-03:{model.short} --why" in card
    assert f'store.find("{model.short}")' in card


def test_an_evaluation_of_somebody_elses_is_refused_by_name(own):
    judged = own.manifest(head(own, "umbrellas/evaluation"))
    key, _ = own.publish(dataclasses.replace(judged, content=own.put({"auroc": 1})), why="by hand")
    with pytest.raises(
        UsageError, match=rf"{key} holds json instead of a Judgement: .* Materialize the evaluation again"
    ):
        model_card(own, key)


def test_of_an_evaluation_and_its_report_only_what_is_told_is_read(own):
    evaluation = head(own, "umbrellas/evaluation")
    files = own.manifest(evaluation).content.files
    card = model_card(own, evaluation)
    explained = own.manifest(head(own, "umbrellas/report")).content.files
    for file in [*files, *explained]:
        if not file.path.startswith(("report/", "explanation/")):
            own.backend.delete(blob_key(file.digest))

    assert {file.path.partition("/")[0] for file in files} == {"report", "scored"}
    assert model_card(own, evaluation) == card


@pytest.mark.parametrize(("metric", "worst_first"), [(AUROC, ["west", "east"]), (BRIER, ["east", "west"])])
def test_the_worst_slices_come_first_in_the_metrics_direction(own, metric, worst_first):
    judged = own.manifest(head(own, "umbrellas/evaluation"))
    judgement = own.get(judged.content)
    scores = {"east": 0.9, "west": 0.6, "north": None}
    slices = [
        {"column": "shop", "value": v, "rows": 9, "scores": {metric.name: s}, "reason": ""} for v, s in scores.items()
    ]
    changed = dataclasses.replace(judgement, report=judgement.report | {"slices": slices})
    key, _ = own.publish(dataclasses.replace(judged, content=own.put(changed)), why="by hand")
    problem = dataclasses.replace(umbrellas.PROBLEM, metrics=(metric,), gates=(), promote_when=Better(metric))
    said = section(model_card(own, key, problem), "Where it is worst")
    assert re.findall(r"shop = (\w+)", said) == worst_first


def test_a_model_finds_its_evaluation(shared):
    by_model = model_card(shared, head(shared, "umbrellas/model"), umbrellas.PROBLEM)
    assert by_model == model_card(shared, head(shared, "umbrellas/evaluation"), umbrellas.PROBLEM)


def test_a_report_is_that_of_its_evaluation(shared):
    card = model_card(shared, head(shared, "umbrellas/report"))
    assert card == model_card(shared, head(shared, "umbrellas/evaluation"))


def test_an_evaluation_from_before_there_were_reports_tells_what_the_model_lives_on_itself(own):
    judged = own.manifest(head(own, "umbrellas/evaluation"))
    judgement = own.get(judged.content)
    old = judgement.report | {"importance": [["clouds", 0.5]], "drift": [["clouds", 0.25]], "left_out": "Much."}
    content = own.put(dataclasses.replace(judgement, report=old))
    key, _ = own.publish(dataclasses.replace(judged, content=content), why="by hand")
    lives_on = section(model_card(own, key), "What it lives on")
    assert "| clouds | 0.5000 | 0.250 |" in lives_on and "Much." in lives_on


def test_a_card_can_be_written_without_the_problem(shared):
    card = model_card(shared, head(shared, "umbrellas/evaluation"))
    assert "auroc" in section(card, "Quality")
    assert "owners" not in card


def test_a_model_that_nobody_judged_says_so(own):
    made = own.manifest(head(own, "umbrellas/model"))
    key, _ = own.publish(dataclasses.replace(made, partition="2024-04"), why="by hand")
    assert section(model_card(own, key), "Quality").strip() == "Not judged yet."


def test_a_partition_that_a_shell_would_take_apart_is_quoted(own):
    made = own.manifest(head(own, "ice_cream/model", "south/east"))
    key, _ = own.publish(dataclasses.replace(made, partition="$(rm) x"), why="by hand")
    card = model_card(own, key, ice_cream.PROBLEM)
    assert f"ml-assets promote 'ice_cream/model@$(rm) x:{key.short}' --why" in card
    assert card.startswith(r"# ice\_cream, model of \$\(rm\) x")


def test_what_is_no_model_has_no_card(shared):
    with pytest.raises(
        UsageError, match=r"umbrellas/dataset@2024-03:.* is neither a model nor an evaluation or report of one; name a"
    ):
        model_card(shared, head(shared, "umbrellas/dataset"))


def test_an_evaluation_of_no_known_model_is_refused(own):
    key, _ = own.publish(Manifest("umbrellas/evaluation", "2024-05", own.put({})), why="by hand")
    with pytest.raises(UsageError, match="does not say which model it judged"):
        model_card(own, key)


def test_markdown_from_data_is_shown_and_not_obeyed():
    assert escaped("[a](http://b) <img> *x*\n| y") == r"\[a\]\(http\://b\) \<img\> \*x\* \| y"
    assert code("a`b|c\n d") == "`a'b¦c d`"
    assert table(["a"], [["1"], ["2"]]) == "| a |\n| --- |\n| 1 |\n| 2 |"
