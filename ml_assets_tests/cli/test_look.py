from __future__ import annotations

import dataclasses
import re

import pytest

from ml_assets.store import Check
from ml_assets_tests.conftest import BEACH, MONTHS


@pytest.fixture
def refused_dataset(own):
    """A newer dataset of January that a blocking check refused."""
    manifest = own.manifest(own.head("umbrellas/dataset", "2024-01").target)
    check = Check("volume", passed=False, blocking=True, description="3 rows landed.")
    return own.publish(dataclasses.replace(manifest, created_at="2999-01-01", checks=(check,)), why="a test")[0]


# ---------------------------------------------------------------- history


def test_history_of_a_problem_has_one_row_per_partition_and_says_where_to_go_on(shared, call):
    answer = call("history", "umbrellas")
    assert answer.code == 0
    header, rule, *rows = answer.lines[: 2 + len(MONTHS)]
    assert header.split() == ["partition", "model", "champion", "auroc", "baseline", "brier", "baseline", "why"]
    assert set(rule) == {"─", " "}
    assert [row.split()[:2] for row in rows] == [
        [month, shared.head("umbrellas/model", month).target.short] for month in MONTHS
    ]
    assert re.search(r" moved .* The first model", rows[0])
    assert "from what    ml-assets lineage umbrellas/predictions@2024-03" in answer.lines


def test_history_of_a_problem_as_json_has_all_metrics_with_their_intervals(shared, call):
    rows = call("history", "umbrellas", "--json").json
    assert [row["partition"] for row in rows] == list(MONTHS)
    assert {"value", "low", "high", "baseline"} <= set(rows[0]["metrics"]["auroc"])
    assert rows[0]["model"]["version"] == shared.head("umbrellas/model", "2024-01").target.version


def test_history_of_an_asset_has_every_version_its_state_and_why_it_was_computed(own, call, refused_dataset):
    answer = call("history", "umbrellas/dataset")
    assert answer.code == 0
    assert answer.lines[0].split() == ["partition", "version", "made", "by", "run", "content", "state", "why"]
    why = "computed: the first of this partition"
    rows = [line.split(maxsplit=6) for line in answer.lines[2:-1]]
    assert [(row[0], *row[5:]) for row in rows] == [
        *((month, "published", why) for month in MONTHS),
        ("2024-01", "refused", why),
    ]
    assert answer.lines[-1] == f"next: ml-assets show {refused_dataset.short}"


def test_history_of_one_partition_as_json_has_whole_manifests(own, call, refused_dataset):
    published, refused = call("history", "umbrellas/dataset@2024-01", "--json").json
    assert (published["state"], refused["state"]) == ("published", "refused")
    assert refused["version"] == refused_dataset.version
    assert refused["checks"][0]["description"] == "3 rows landed."


def test_only_what_the_branch_names_now_is_called_published(own, call):
    first = own.head("umbrellas/model", "2024-01").target
    second = own.publish(dataclasses.replace(own.manifest(first), created_at="2999-01-01", seed=7), why="a test")[0]
    found = call("history", "umbrellas/model@2024-01", "--json").json
    assert [(of["version"], of["state"]) for of in found] == [
        (first.version, "replaced"),
        (second.version, "published"),
    ]
    assert "  state     replaced" in call("show", first.version).lines


@pytest.mark.parametrize(
    ("of", "there_is"),
    [
        ("umbrellas/modle", "Known: umbrellas/audit, umbrellas/champion, umbrellas/dataset, "),
        ("umbrellas/model@2030-01", "Its partitions: 2024-01, 2024-02, 2024-03. List its versions: ml-assets history "),
    ],
)
def test_history_of_what_does_not_exist_says_what_there_is(shared, refused, of, there_is):
    message = refused(3, "history", of)
    assert message.startswith(f"UnknownVersion: {of} names nothing on branch main. {there_is}")


def test_history_of_an_unknown_problem_says_how_to_make_something(shared, refused):
    assert refused(2, "history", "nothing").startswith("ml-assets: There is no problem 'nothing'. Known: umbrellas")


# ---------------------------------------------------------------- show


def test_show_tells_everything_recorded_about_a_model(shared, call):
    key = shared.head("umbrellas/model", "2024-02").target
    manifest = shared.manifest(key)
    answer = call("show", "umbrellas/model@2024-02")
    assert answer.code == 0
    assert answer.lines[0] == f"umbrellas/model@2024-02:{key.version}"
    for line in (
        f"  made      {manifest.created_at} by ada, run {manifest.run}, branch main",
        "  state     published",
        "  params    c: 1.0",
        f"  check     ✓ reloads: {manifest.checks[0].description}",
        f"  input     split: {shared.head('umbrellas/split', '2024-02').target}",
        f"next: ml-assets lineage {key.short}",
    ):
        assert line in answer.lines
    (many,) = [line for line in answer.lines if line.startswith("  code      computation: ")]
    assert "code, key, packages, " in many
    assert many.endswith(": in --json")


def test_show_gives_metrics_with_interval_and_baseline(shared, call):
    answer = call("show", "umbrellas/evaluation@2024-01")
    assert any(
        re.fullmatch(r"  metric    auroc: 0\.\d{4} \[0\.\d{4}, [01]\.\d{4}\], baseline 0\.5000", line)
        for line in answer.lines
    )


def test_show_names_the_files_that_landed(shared, call):
    (landed,) = shared.manifest(shared.head("umbrellas/dataset", "2024-01").target).landed
    line = f"  landed    umbrellas/visits/2024-01.parquet, {landed.size:,} bytes, digest {landed.digest[:12]}"
    assert line in call("show", "umbrellas/dataset@2024-01").lines


def test_show_marks_warnings_and_refusals(own, call, refused_dataset):
    refused = call("show", refused_dataset.short).lines
    assert "  state     refused by a blocking check; no ref names it" in refused
    assert "  check     ✗ volume: 3 rows landed." in refused
    warned = call("show", "umbrellas/split@2024-01").lines
    said = "The window has 1 of 3 partitions: 2024-01. Before the first there is no data: its model is fitted on less."
    assert f"  check     ! window_complete: {said}" in warned


def test_show_as_json_is_the_manifest(shared, call):
    key = shared.head("umbrellas/model", "2024-02").target
    manifest = shared.manifest(key)
    installed = shared.environment(manifest.environment)
    expected = {"version": key.version, **manifest.to_json(), "installed": installed}
    assert call("show", key.short, "--json").json == expected
    assert "scikit-learn" in installed["packages"]


def test_show_champion_is_the_model_that_serves(shared, call):
    serving = shared.head("umbrellas/ledger", None).target
    assert call("show", "umbrellas/champion", "--json").json["version"] == serving.version


# ---------------------------------------------------------------- lineage


def test_lineage_is_a_tree_down_to_the_files_that_landed(shared, call):
    key = shared.head("umbrellas/features", "2024-02").target
    datasets = {month: shared.head("umbrellas/dataset", month).target for month in MONTHS}
    files = {month: shared.manifest(dataset).landed[0] for month, dataset in datasets.items()}
    lines = call("lineage", "umbrellas/features@2024-02").lines
    assert lines[0] == str(key)
    for month in ("2024-01", "2024-02"):
        at = next(n for n, line in enumerate(lines) if line.endswith(str(datasets[month])))
        assert lines[at].startswith("  ")
        assert lines[at + 1] == (
            f"    landed: umbrellas/visits/{month}.parquet ({files[month].size:,} bytes, {files[month].digest[:12]})"
        )
    assert not any("2024-03" in line for line in lines)


def test_lineage_shows_what_is_reached_twice_once(shared, call):
    lines = call("lineage", "umbrellas/champion@2024-03").lines
    split = str(shared.head("umbrellas/split", "2024-03").target)
    mentions = [line.strip() for line in lines if split in line]
    assert len(mentions) > 1
    assert [line.endswith(" (see above)") for line in mentions] == [False] + [True] * (len(mentions) - 1)


def test_lineage_down_is_what_was_made_from_it(shared, call):
    lines = call("lineage", f"ice_cream/dataset@{BEACH}", "--down").lines
    assert lines[0] == str(shared.head("ice_cream/dataset", BEACH).target)
    nouns = {re.search(r"ice_cream/(\w+)@", line)[1] for line in lines if "landed:" not in line}
    assert nouns == {"dataset", "features", "split", "model", "evaluation", "champion", "report", "predictions"}


def test_lineage_as_json_nests_the_same_versions(shared, call):
    root = call("lineage", "umbrellas/model@2024-01", "--json").json
    key = shared.head("umbrellas/model", "2024-01").target
    assert (root["asset"], root["partition"], root["version"], root["input"]) == (key.asset, "2024-01", key.version, "")
    assert {child["input"] for child in root["neighbours"]} == {"split", "features"}


def test_lineage_as_json_lists_versions_and_edges_too(shared, call):
    told = call("lineage", "umbrellas/dataset@2024-01", "--down", "--json").json
    model = shared.head("umbrellas/model", "2024-01").target
    assert model.version in {node["version"] for node in told["nodes"]}
    assert {edge["input"] for edge in told["edges"] if edge["made"] == model.version} == {"split", "features"}


def test_lineage_as_a_flowchart_is_mermaid_alone(shared, call):
    lines = call("lineage", "umbrellas/model@2024-02", "--mermaid").lines
    assert lines[0] == "flowchart LR" and any(" --> " in line for line in lines)


def test_lineage_as_a_picture_says_where_it_is(shared, call, tmp_path):
    file = tmp_path / "model.svg"
    answer = call("lineage", "umbrellas/model@2024-02", "--svg", str(file))
    assert answer.out == f"{file}   {file.as_uri()}\n"
    assert str(shared.head("umbrellas/model", "2024-02").target) in file.read_text()


def test_lineage_is_asked_for_in_one_form(shared, refused):
    assert refused(2, "lineage", "umbrellas/champion", "--mermaid", "--json").endswith("Choose one.")


@pytest.mark.parametrize("verb", ["show", "lineage"])
def test_what_is_no_reference_is_not_understood(shared, refused, verb):
    assert refused(2, verb, "2024-02").startswith(
        "ml-assets: '2024-02' names no version. Write problem/asset@partition"
    )
