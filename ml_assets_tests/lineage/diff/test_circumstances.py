from __future__ import annotations

import pytest

from ml_assets.lineage.diff.circumstances import outcome_differences
from ml_assets.store import Content, Manifest


def noted(**notes) -> Manifest:
    return Manifest("toy/model", "a", Content("json", {}, ()), notes=notes)


CURVE = [n / 7 for n in range(20)]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (["a", "b"], ["a"], "a, b -> a"),
        (CURVE, [*CURVE[:2], 0.5, *CURVE[3:]], "20 values -> 20 values, first at 3: 0.2857142857142857 -> 0.5"),
        (CURVE, CURVE[:5], "20 values -> 0.0, 0.14285714285714285, 0.2857142857142857, 0.42857142857142855, 0.5714285714285714"),
        (CURVE[:12], CURVE, "12 values -> 20 values"),
        (None, CURVE, "none -> 20 values"),
    ],
    ids=["a short list is printed", "a long one is not", "one of them is long", "longer", "new"],
)  # fmt: skip
def test_what_was_noted_is_told_on_one_line_that_can_be_read(old, new, said):
    before = noted() if old is None else noted(curve=old)
    assert outcome_differences(before, noted(curve=new)) == (f"curve {said}",)
