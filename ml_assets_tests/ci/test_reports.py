"""What a server of continuous integration, and a person who reads a comment, is told."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from ml_assets.ci.junit import to_junit
from ml_assets.ci.markdown import LONGEST, MARK, to_markdown
from ml_assets.ci.report import Made, ProblemReport, Report, next_command
from ml_assets.ci.touched import Effect
from ml_assets.ci.verdict import Score, Verdict
from ml_assets.store import VersionKey

MODEL, MAINS = (VersionKey("umbrellas/model", "2024-03", digit * 64) for digit in "ab")
WORSE = Verdict(
    "umbrellas",
    "2024-03",
    "worse",
    ("auroc 0.5 vs champion 0.9 | on the same rows.",),
    metric="auroc",
    score=Score(0.5, 0.4, 0.6),
    against=Score(0.9, 0.8, 1.0),
    model=MODEL,
    other=MAINS,
)
CHANGED = ProblemReport(
    "umbrellas",
    effects=(
        Effect("umbrellas/dataset", "2024-03", "same"),
        Effect("umbrellas/model", "2024-03", "changed", "params.c 1.0 -> 0.5"),
        Effect("umbrellas/evaluation", "2024-03", "after", "after model@2024-03"),
    ),
    made=(Made("umbrellas/model", "2024-03", True, 1.5, "computed: params.c 1.0 -> 0.5"),),
    verdicts=(WORSE,),
)
BROKEN = ProblemReport(
    "sorbet",
    verdicts=(Verdict("sorbet", "", "failed", ("NameError: x",), "import", "\x1b[31mred\x1b[0m\n```\n# not a title"),),
)
REPORT = Report("ci/7f", "main", "worse", (CHANGED, BROKEN, ProblemReport("ice_cream")), gone=("parasols",))


def test_junit_has_a_suite_for_each_problem_and_counts_what_failed():
    root = ElementTree.fromstring(to_junit(REPORT))

    assert root.attrib | {"time": ""} == {
        "name": "ml-assets ci", "time": "", "tests": "4", "errors": "0", "failures": "2", "skipped": "1",
    }  # fmt: skip
    cases = {(case.attrib["classname"], case.attrib["name"]): case for case in root.iter("testcase")}
    assert cases["umbrellas", "model[2024-03]"].attrib["time"] == "1.5"
    failure = cases["umbrellas", "model against main[2024-03]"].find("failure")
    assert (failure.attrib["type"], failure.text) == ("worse", WORSE.reasons[0])
    assert "\N{REPLACEMENT CHARACTER}[31mred" in cases["sorbet", "import"].findtext("failure")
    assert cases["ice_cream", "touched"].find("skipped").attrib["message"] == "nothing of it is touched, against main"


def test_by_the_policy_never_nothing_fails_in_junit_and_all_is_told():
    root = ElementTree.fromstring(to_junit(replace(REPORT, policy="never")))

    assert root.attrib["failures"] == "0"
    assert any(out.text == f"worse: {WORSE.reasons[0]}" for out in root.iter("system-out"))


def test_markdown_is_a_table_of_verdicts_with_the_rest_folded():
    text = to_markdown(REPORT)

    assert text.startswith(f"{MARK}\n### ml-assets ci failed: umbrellas@2024-03 worse, sorbet failed\n")
    assert "1 of 3 problems touched, 2 of 3 assets, against main. Not in this checkout: parasols." in text
    assert (
        "| `umbrellas` | `2024-03` | ❌ worse | auroc 0.5 \\[0.4, 0.6\\] | 0.9 \\[0.8, 1\\] | `model`, `evaluation` | "
        "auroc 0.5 vs champion 0.9 \\| on the same rows. |"
    ) in text
    assert "<details><summary>umbrellas: 2 of 3 assets touched</summary>" in text
    assert "    # not a title" in text, "what was raised is shown, and ends no block"


def test_what_is_too_long_for_a_comment_is_left_out_and_the_table_stays():
    long = replace(BROKEN.verdicts[0], details="x" * LONGEST)
    text = to_markdown(replace(REPORT, problems=(CHANGED, replace(BROKEN, verdicts=(long,)))))

    assert len(text) < LONGEST
    assert "| `sorbet` |" in text


@pytest.mark.parametrize(
    ("report", "command"),
    [
        (REPORT, f"ml-assets diff {MAINS.short} {MODEL.short}"),
        (replace(REPORT, problems=(BROKEN,)), "ml-assets history sorbet"),
        (
            replace(REPORT, problems=(ProblemReport("p", verdicts=(Verdict("p", "a|b", "failed", ("no",)),)),)),
            "ml-assets try p --partition 'a|b' --pdb",
        ),
        (
            replace(REPORT, problems=(replace(CHANGED, verdicts=()),)),
            "ML_ASSETS_BRANCH=ci/7f ml-assets history umbrellas",
        ),
        (replace(REPORT, problems=()), "ml-assets history"),
    ],
    ids=["worse", "not importable", "failed", "touched and not judged", "nothing touched"],
)
def test_the_next_command_is_what_one_would_type(report, command):
    assert next_command(report) == command
