"""What docs/NOTEBOOK.md says works, on the store that the tests share."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ml_assets.lineage.lineage import Lineage
from ml_assets.orchestration.tried import Tried

PAGE = (Path(__file__).parents[1] / "docs" / "NOTEBOOK.md").read_text()
HERE = {"flight_delays": "umbrellas", "distance": "clouds", "2013-05": "2024-02", "2013-06": "2024-03"}


@pytest.fixture
def cells() -> list[str]:
    """The page's blocks of code, about a problem that is quick."""
    code = re.findall(r"^```python\n(.*?)^```$", PAGE, re.M | re.S)
    return [re.sub("|".join(HERE), lambda found: HERE[found[0]], cell) for cell in code]


def test_every_cell_works_one_after_the_other(shared, cells):
    seen: dict[str, Any] = {}
    for cell in cells:
        exec(cell, seen)

    assert len(cells) == 8
    assert seen["tried"].metrics["auroc"]["value"] > 0.5
    assert seen["scores"].shape == (len(seen["table"]),)
    assert len(seen["versions"]) == len(shared.versions("umbrellas/model"))
    assert seen["models"]["auroc"].is_monotonic_decreasing
    assert seen["comparable"].ngroups == len(seen["models"])
    assert seen["found"].old == shared.head("umbrellas/model", "2024-02").target


def test_a_last_line_of_a_cell_shows_something(shared, cells):
    seen: dict[str, Any] = {}
    shown = []
    for cell in cells:
        *before, last = cell.rstrip().splitlines()
        exec("\n".join(before), seen)
        shown.append(eval(last, seen) if not re.match(r"\w+ = ", last) else exec(last, seen))

    kinds = [type(each) for each in shown if each is not None]
    assert kinds == [pd.DataFrame, dict, Lineage, tuple, Tried, pd.DataFrame]
    assert "umbrellas/predictions" in set(shown[-1]["asset"])
