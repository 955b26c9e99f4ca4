from __future__ import annotations

import pytest

from ml_assets_tests.conftest import BEACH, MONTHS
from ml_assets_tests.pages.conftest import Page


def test_compare_has_a_row_per_model_and_says_which_can_be_compared(shared, call):
    answer = call("compare", "umbrellas")
    header, _, *rows = answer.lines
    split = shared.head("umbrellas/split", "2024-03").target

    assert answer.code == 0
    assert " ".join(header.split()) == "partition model role auroc baseline brier baseline test rows code seconds"
    assert [line.split()[0] for line in rows[: len(MONTHS)]] == sorted(MONTHS, reverse=True)
    assert shared.head("umbrellas/model", "2024-03").target.short in rows[0]
    assert f" {shared.manifest(split).content.digest[:6]} " in rows[0]
    assert "Models with the same test rows can be compared" in answer.out


def test_compare_by_a_metric_puts_the_best_first(shared, call):
    models = call("compare", "umbrellas", "--by", "brier", "--json").json["models"]
    briers = [model["metrics"]["brier"]["value"] - model["metrics"]["brier"]["baseline"] for model in models]

    assert briers == sorted(briers) and len(briers) == len(MONTHS)


def test_compare_as_json_has_whole_versions_and_directions(shared, call):
    told = call("compare", "umbrellas", "--partition", "2024-02", "--json").json
    (model,) = told["models"]

    assert told["metrics"] == {"auroc": "higher is better", "brier": "lower is better"}
    assert model["model"] == shared.head("umbrellas/model", "2024-02").target.version
    assert {"value", "low", "high", "baseline"} == set(model["metrics"]["auroc"])


def test_compare_of_a_range_has_its_partitions_only(shared, call):
    models = call("compare", "umbrellas", "--partitions", "2024-02..", "--json").json["models"]

    assert [model["partition"] for model in models] == ["2024-03", "2024-02"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nothing",), "There is no problem 'nothing'. Known: umbrellas"),
        (
            ("umbrellas", "--partition", "2030-01"),
            "There is no partition '2030-01'. There are 3, from 2024-01 to 2024-03.",
        ),
        (("umbrellas", "--by", "accuracy"), "There is no order by='accuracy'"),
        (("umbrellas", "--html", "no/such/folder.html"), "no/such/folder.html cannot be written: No such file"),
    ],
)
def test_what_cannot_be_compared_is_said_with_what_can(shared, refused, arguments, said):
    assert refused(2, "compare", *arguments).startswith(f"ml-assets: {said}")


def test_a_problem_without_models_says_how_to_make_one(tmp_path, shared, refused, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_STORE", str(tmp_path / "empty"))

    assert refused(3, "compare", "umbrellas").endswith("Make one: ml-assets run umbrellas --partition P")


def test_the_report_needs_nothing_else_and_says_where_it_is(shared, call, tmp_path):
    file = tmp_path / "models of beaches.html"
    answer = call("compare", "ice_cream", "--html", str(file))
    page = Page()
    page.feed(file.read_text())

    assert answer.out == f"{file}   {file.as_uri()}\n"
    assert page.all("link") + page.all("img") + page.all("a") == [] and page.all("script") == [{}]
    assert BEACH in page.words and shared.head("ice_cream/model", BEACH).target.version in file.read_text()


def test_the_report_beside_json_leaves_the_answer_to_programs(shared, call, tmp_path):
    answer = call("compare", "ice_cream", "--json", "--html", str(tmp_path / "report.html"))

    assert len(answer.json["models"]) == 1 and "file://" in answer.err
