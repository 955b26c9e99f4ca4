from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.evaluation.failures import failures_of
from ml_assets.promotion.ledger import Ledger
from ml_assets_tests.doubles import potholes, umbrellas
from ml_assets_tests.evaluation.test_failures import ASKED, predicted, table
from ml_assets_tests.pages.conftest import site

MONTH = potholes.FAULTY


@pytest.fixture
def remembering(own, monkeypatch):
    """A store with February's failures, of which the decision of March says that one is mended."""
    data = potholes.roads(MONTH)
    rows = failures_of(potholes.PROBLEM, ASKED, MONTH, table(data), predicted(data)).rows
    decision = {"regressions": {"verdicts": [], "mended": {"9c22": [rows["failure"][1]]}}}
    template = own.manifest(own.head("umbrellas/champion", "2024-01").target)
    for asset, month, value in (("failures", MONTH, rows), ("champion", "2024-03", decision)):
        own.publish(replace(template, asset=f"potholes/{asset}", partition=month, content=own.put(value)), why="test")
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (potholes.PROBLEM, umbrellas.PROBLEM))
    return own, [*rows["failure"]]


def test_failures_are_listed_by_state_and_one_is_retired_once_with_a_reason(remembering, call, refused):
    store, (first, second, *_) = remembering
    answer = call("failures", "potholes", "--partition", MONTH)
    assert answer.lines[-1] == "49 open, 1 mended, 0 retired"
    assert answer.lines[2].split()[:3] == [first, "open", "1,000"]
    mended = next(one for one in call("failures", "potholes", "--json").json if one["failure"] == second)
    assert (mended["state"], mended["failed"], mended["mended"]) == ("mended", "07de", "9c22")

    said = call("failures", "potholes", "--retire", first, "--why", "that road is gone")
    assert said.lines == [f"{first} is retired: from the next decision on, no challenger is held to it"]
    assert call("failures", "potholes").lines[-1] == "48 open, 1 mended, 1 retired"
    assert "was retired by ada" in refused(3, "failures", "potholes", "--retire", first, "--why", "again")
    (entry,) = store.log("potholes/retired", Ledger.of(store, potholes.PROBLEM, MONTH).line)
    assert (entry.by, entry.why) == ("ada", "that road is gone")

    page = site(store, [potholes.PROBLEM])("/problem/potholes").text
    assert second in page
    assert "that road is gone" in page


def test_what_cannot_be_retired_is_said(remembering, refused):
    assert "give both or neither" in refused(2, "failures", "potholes", "--retire", "x")
    assert "has no failure 'x'" in refused(3, "failures", "potholes", "--retire", "x", "--why", "because")
    assert "Add NoRegression(FAILURES)" in refused(2, "failures", "umbrellas")
