"""`ml-assets diff`: the verdict first, then what differs, then what could not be told."""

from __future__ import annotations

import dataclasses
import re

import pytest

from ml_assets.cli.diff import lines
from ml_assets.evaluation.comparison import Comparison
from ml_assets.lineage.diff import Diff
from ml_assets.lineage.diff.code import CodeDiff, PartDiff
from ml_assets.lineage.diff.judged import GateDiff, MetricDiff, SliceDiff
from ml_assets.lineage.diff.predictions import AnswersDiff, ChangedAnswer
from ml_assets.lineage.diff.rows import Cell, ColumnChange, RowsDiff
from ml_assets.store import VersionKey

OLD, NEW = (VersionKey("umbrellas/model", "2024-01", digit * 64) for digit in "12")
NOTHING = Diff(OLD, NEW, same_content=True)
ROWS = RowsDiff(
    key=("visit",),
    rows=(400, 1401),
    columns_removed=("rain",),
    columns_added=("wind",),
    retyped=("shop str -> category",),
    common=390,
    removed=10,
    added=1010,
    changed=5,
    repeated=(0, 2),
    missing=(1, 0),
    columns=(ColumnChange("clouds", 5, (Cell("a", "1.0", "2.0"), Cell("b", "missing", "3.0"))),),
    examples_removed=("x",),
    examples_added=("y", "z"),
    rows_in_another_order=True,
    columns_in_another_order=True,
)
ANSWERS = AnswersDiff(
    task="binary",
    threshold=0.5,
    rows=(95, 97),
    common=95,
    changed=90,
    flipped=2,
    mended=1,
    broken=1,
    mean_change=0.0123,
    examples=(ChangedAnswer("a", "0.4000", "0.9000", 0.5, 1.0), ChangedAnswer("b", "0.6000", "0.4000", 0.2, None)),
)


def written(**sections: object) -> list[str]:
    """What is said about these sections, below the two versions and the verdict."""
    return list(lines(dataclasses.replace(NOTHING, **sections)))[2:]


def cells(line: str) -> list[str]:
    """The columns of a line of a table."""
    return re.split(r"\s{2,}", line.strip())


@pytest.mark.parametrize(
    ("found", "verdict"),
    [
        (dataclasses.replace(NOTHING, new=OLD), "the same version"),
        (NOTHING, "same content, made of the same things"),
        (
            dataclasses.replace(NOTHING, not_told={"code": "lost"}),
            "same content, made of the same things as far as was recorded",
        ),
        (
            dataclasses.replace(NOTHING, same_content=False, ingredients=("seed 0 -> 1",)),
            "other content, made of other things",
        ),
    ],
)
def test_the_verdict_comes_first(found, verdict):
    assert list(lines(found))[:2] == [f"{found.old} -> {found.new}", verdict]


def test_sections_about_which_there_is_nothing_to_say_are_left_out():
    assert written() == []


def test_what_they_were_made_of_is_one_line_each():
    assert written(ingredients=("params.c 1.0 -> 0.5", "seed 0 -> 1"), circumstances=("python 3.11.2 -> 3.11.9",)) == [
        "",
        "made of",
        "  params.c 1.0 -> 0.5",
        "  seed 0 -> 1",
        "",
        "circumstances, which do not decide about reuse",
        "  python 3.11.2 -> 3.11.9",
    ]


def test_code_is_shown_as_a_diff_below_the_name_of_its_part():
    part = PartDiff("m:train", ("@@ -1 +1 @@", "-A = 1", "+A = 2"))
    assert written(code=CodeDiff((part,), ("m:gone",), ("m:come",))) == [
        "",
        "code",
        "  m:gone removed",
        "  m:come added",
        "  m:train changed",
        "    @@ -1 +1 @@",
        "    -A = 1",
        "    +A = 2",
    ]


def test_rows_are_counted_and_shown_by_example():
    assert written(rows=ROWS) == [
        "",
        "rows",
        "  400 -> 1,401",
        "  by visit: 1,010 added, 10 removed, 5 of 390 common changed",
        "  added: y; z; and 1,008 more",
        "  removed: x; and 9 more",
        "  0 -> 2 rows repeat the key of an earlier one; the n-th of a key was compared with its n-th",
        "  1 -> 0 rows have no key and were compared with nothing",
        "  the common rows are in another order",
        "  the common columns are in another order",
        "  column wind added",
        "  column rain removed",
        "  column shop str -> category",
        "  column clouds changed in 5 rows: a: 1.0 -> 2.0; b: missing -> 3.0; and 3 more",
    ]


def test_tables_of_equal_values_and_tables_that_cannot_be_aligned_are_said_to_be():
    assert "  every value is equal: the same table in other bytes" in written(
        rows=RowsDiff(("visit",), (4, 4), common=4)
    )
    unaligned = written(rows=RowsDiff((), (4, 5)))
    assert "  which row is which is not known: the problem, which names the column, is not here" in unaligned


def test_metrics_have_their_intervals_and_say_on_whose_rows():
    auroc = MetricDiff(
        "auroc", {"value": 0.7, "low": 0.6, "high": 0.8}, {"value": 0.75, "low": 0.7, "high": 0.8}, True, True
    )
    brier = MetricDiff("brier", {"value": 0.2, "low": 0.1, "high": 0.25}, None, None, None)
    said = written(metrics=(auroc, brier), judged_by=(OLD, NEW), answers=ANSWERS)
    assert said[1] == f"metrics by {OLD} and {NEW}, on other rows"
    assert cells(said[4]) == [
        "auroc",
        "0.7000 [0.6000, 0.8000]",
        "0.7500 [0.7000, 0.8000]",
        "better, intervals overlap",
    ]
    assert cells(said[5]) == ["brier", "0.2000 [0.1000, 0.2500]", "not computed"]


@pytest.mark.parametrize(
    ("gain", "how"), [(0.25, "better by 0.2500"), (-0.25, "worse by 0.2500"), (0.0, "no better and no worse")]
)
def test_on_the_same_rows_the_gain_is_said_with_its_interval(gain, how):
    found = Comparison("auroc", "1", 95, 0.75, 0.5, gain, -0.5, 0.5, by=0.0, confidence=0.9)
    (said,) = written(gain=found)[2:]
    assert said == f"  on the same 95 rows auroc is {how}, 95 % interval of the gain [-0.5000, 0.5000]"


def test_gates_and_slices_are_told():
    gate = GateDiff("auroc", False, "auroc 0.7 passes.", "auroc 0.5 fails.")
    moved = SliceDiff("shop", "east", "auroc", 0.7, 0.5, (1000, 50))
    said = written(gates=(gate,), slices=(moved,))
    assert said[1:3] == ["gates whose verdict changed", "  auroc 0.5 fails."]
    assert cells(said[-1]) == ["shop = east", "0.7000", "0.5000", "1,000 -> 50"]


def test_flips_are_counted_with_their_threshold_and_shown_largest_first():
    said = written(answers=ANSWERS)
    assert said[1:5] == [
        "predictions",
        "  2 flipped (crossed 0.5), of 95 common rows (of 95 and 97)",
        "  90 changed at all, by 0.0123 on average over the common rows",
        "  of the flips 1 became right and 1 became wrong",
    ]
    assert [cells(line) for line in said[-2:]] == [["a", "0.4000", "0.9000", "1"], ["b", "0.6000", "0.4000"]]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"task": "multiclass", "threshold": None},
            "  2 flipped (have another most probable class), of 95 common rows",
        ),
        ({"task": "regression", "flipped": None, "threshold": None}, "  compared on 95 common rows (of 95 and 97)"),
        ({"common": 0}, "  none of the 95 and 97 rows is common: nothing can be compared"),
    ],
    ids=["classes", "numbers", "nothing in common"],
)
def test_answers_of_each_kind_are_told_in_their_own_words(changes, said):
    assert written(answers=dataclasses.replace(ANSWERS, **changes))[2].startswith(said)


def test_what_could_not_be_told_says_why():
    assert written(not_told={"rows": "MissingBlob."}) == ["", "not told", "  rows: MissingBlob."]


# ---------------------------------------------------------------- the command


def test_two_versions_of_a_store_are_compared(shared, call):
    answer = call("diff", "umbrellas/split@2024-01", "umbrellas/split@2024-02")
    assert answer.code == 0
    old, new = (shared.head("umbrellas/split", month).target for month in ("2024-01", "2024-02"))
    assert answer.lines[0] == f"{old} -> {new}"
    assert "  by entity: 400 added, 0 removed, " in answer.out


def test_the_problem_of_the_versions_says_what_identifies_a_row_and_which_way_is_better(shared, call):
    answer = call("diff", "umbrellas/evaluation@2024-02", "umbrellas/evaluation@2024-03", "--json").json
    assert {metric["better"] for metric in answer["metrics"]} == {None}  # of other rows nothing is better
    assert answer["scored_again"]["gain"]["rows"] == answer["scored_again"]["tests"][1]["unseen"] > 0
    assert answer["answers"]["task"] == "binary"
    assert call("diff", "umbrellas/dataset@2024-02", "umbrellas/dataset@2024-03", "--json").json["rows"]["key"] == [
        "visit"
    ]


def test_the_threshold_can_be_chosen(shared, call):
    pair = ("umbrellas/evaluation@2024-02", "umbrellas/evaluation@2024-03")
    assert call("diff", *pair, "--threshold", "0.2", "--json").json["answers"]["threshold"] == 0.2


@pytest.mark.parametrize("text", ["0", "1", "nan", "often"])
def test_what_is_no_probability_is_no_threshold(call, text):
    answer = call("diff", "1111", "2222", "--threshold", text)
    assert answer.code == 2
    assert f"{text!r} is no probability: give a number between 0 and 1, such as 0.5" in answer.err


def test_versions_of_different_assets_are_refused(shared, refused):
    said = refused(2, "diff", "umbrellas/split@2024-01", "umbrellas/model@2024-01")
    assert said.endswith("Name two versions of one asset; there are: ml-assets history umbrellas/split")


def test_what_names_nothing_is_refused(shared, refused):
    assert refused(3, "diff", "umbrellas/split@2024-01", "umbrellas/split@2030-01").startswith("UnknownVersion: ")
