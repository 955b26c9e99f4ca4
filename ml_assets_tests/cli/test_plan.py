from __future__ import annotations

import re

import pytest

import ml_assets
from ml_assets_tests.conftest import MONTHS
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.chain import IN_TIME

NOUNS = [*IN_TIME]


def test_plan_says_of_each_partition_what_is_there_and_what_it_saves(shared, call):
    answer = call("plan", "umbrellas", "--partitions", "..2024-03")
    assert answer.code == 0, answer.err
    assert answer.lines[0].split() == ["asset", "partition", "state", "why"]
    assert [line.split()[:3] for line in answer.lines[2:-1]] == [
        [f"umbrellas/{noun}", month, "current"] for month in MONTHS for noun in NOUNS
    ]
    version = shared.head("umbrellas/dataset", MONTHS[0]).target.short
    assert re.search(rf" current +{version} is there, saves \d", answer.lines[2])
    assert re.fullmatch(r"30 in all: 30 current; saves \d.*", answer.lines[-1])


def test_plan_names_what_changed(own, call):
    ml_assets.open_landing().write("umbrellas/visits/2024-03.parquet", umbrellas.visits("2024-03", rows=420))
    answer = call("plan", "umbrellas/features+", "--partitions", "2024-02..", "--set", "params.c=0.5")
    rows = {tuple(line.split()[:2]): line.split(maxsplit=3)[2:] for line in answer.lines[1:-1]}
    assert rows["umbrellas/model", "2024-02"] == ["compute", "params.c 1.0 -> 0.5"]
    assert rows["umbrellas/evaluation", "2024-02"][0] == "open"
    assert rows["umbrellas/features", "2024-03"][0] == "current", "the corrected dataset is not in the plan"
    assert rows["umbrellas/features", "2024-04"] == [
        "missing",
        "umbrellas/dataset@2024-04 was never made: make it first",
    ]


def test_plan_as_json_says_the_same(shared, call):
    (row,) = call("plan", "umbrellas/model", "--partition", "2024-02", "--set", "seed=7", "--json").json
    assert row == {
        "asset": "umbrellas/model",
        "partition": "2024-02",
        "state": "compute",
        "why": "computed: seed 0 -> 7",
        "version": None,
        "saves_seconds": 0.0,
    }


def test_a_plan_in_dagsters_words_is_the_same_plan(shared, call, monkeypatch, tmp_path):

    from ml_assets.orchestration import selection

    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.definitions")
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    plain = call("plan", "umbrellas/model", "--partition", "2024-02")
    assert plain.code == 0
    assert call("plan", 'key:"umbrellas/model"', "--partition", "2024-02").out == plain.out


def test_several_assets_are_named_with_commas(shared, call, monkeypatch, tmp_path):

    from ml_assets.orchestration import selection

    several = call("plan", "umbrellas/dataset,umbrellas/features", "--partition", "2024-02", "--json").json
    assert [row["asset"] for row in several] == ["umbrellas/dataset", "umbrellas/features"]
    assert call("plan", "umbrellas/model+, umbrellas/model", "--partition", "2024-02").lines[-1].startswith("7 in all")

    monkeypatch.setattr(selection, "definitions_module", lambda folder: "ml_assets_tests.cli.definitions")
    (tmp_path / "dagster.yaml").touch()
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    of_two = call("plan", "umbrellas/model,ice_cream/model", "--partition", "2024-02")
    assert (of_two.code, of_two.err) == (
        2,
        "ml-assets: These assets are partitioned differently; run one problem at a time.\n",
    )
    unknown = call("plan", "umbrellas/dataset,umbrellas/weather", "--partition", "2024-02")
    assert unknown.err.startswith("ml-assets: 'umbrellas/dataset,umbrellas/weather' selects no asset.")


def test_a_plan_runs_nothing(own, call):
    versions = own.versions("umbrellas/model", "2024-02")
    call("plan", "umbrellas", "--partition", "2024-02", "--fresh")
    assert own.versions("umbrellas/model", "2024-02") == versions


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("umbrella", "--partition", "2024-01"), 2, "ml-assets: There is no problem 'umbrella'. Known: umbrellas, "),
        (("umbrellas", "--partition", "2030-01"), 2, "ml-assets: There is no partition '2030-01'. There are 6, "),
        (("umbrellas/split", "--partition", "2024-01", "--set", "seed=1"), 2, "ml-assets: --set changes a model's "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_planned_is_refused(shared, refused, arguments, code, message):
    assert refused(code, "plan", *arguments).startswith(message)


def test_why_gives_the_sentence_and_everything_it_was_made_of(shared, call):
    answer = call("why", "umbrellas/model@2024-02")
    key = shared.head("umbrellas/model", "2024-02").target
    assert answer.lines[0] == f"{key}  computed: the first of this partition"
    assert answer.lines[-1] == f"next: ml-assets lineage {key.short}"
    titles = [line.split()[0] for line in answer.lines[1:-1]]
    assert titles == sorted(titles, key=["reads", "code", "package", "params", "run", "problem", "key"].index)
    assert any(re.fullmatch(r"  package +scikit-learn: \d.*", line) for line in answer.lines)
    assert any(re.fullmatch(r"  reads +umbrellas/split@2024-02: [0-9a-f]+", line) for line in answer.lines)
    assert "  params    c: 1.0" in answer.lines


def test_why_as_json_gives_what_the_manifest_records(shared, call):
    key = shared.head("umbrellas/model", "2024-02").target
    recorded = shared.manifest(key).code
    assert call("why", key.short, "--json").json == {
        "version": key.version,
        "why": recorded["why"],
        "made_of": recorded["computation"],
    }
