"""Ranks that train one model together see the rows that one would, and go on exactly when they were interrupted."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from ml_assets.errors import TrainingError
from ml_assets.training.loop.together import Together
from ml_assets_tests.training.loop.saving import Plain, run, train

CASES = {
    "two ranks": "2-plain",
    "two ranks that draw, with running statistics and pieces": "2-drawing",
    "three ranks": "3-plain",
    "two ranks, sharded, with pieces": "2-sharded",
}
TOLERANCE = 1e-5  # relative, of weights after 15 steps: sums in another order


class Came(NamedTuple):
    whole: list[dict]
    interrupted: list[dict]
    resumed: list[dict]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What came of all of them: one process imports torch for them."""
    folder = tmp_path_factory.mktemp("ranks")
    command = [sys.executable, "-W", "error", "-m", "ml_assets_tests.training.loop.ranks", str(folder), *CASES.values()]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module", params=CASES)
def came(request: pytest.FixtureRequest, cases: Path) -> Came:
    folder, size = cases / CASES[request.param], int(CASES[request.param][0])
    files = ("whole/{}.json", "resumed/{}.interrupted", "resumed/{}.json")
    return Came(*([json.loads((folder / file.format(rank)).read_text()) for rank in range(size)] for file in files))


@pytest.mark.slow
def test_ranks_that_were_interrupted_end_with_the_bits_of_those_that_were_not(came: Came):
    assert {rank["told"] for rank in came.resumed} == {rank["told"] for rank in came.whole}
    assert len({rank["told"] for rank in came.whole}) == 1


@pytest.mark.slow
def test_all_ranks_stop_after_the_same_step_when_one_of_them_is_asked(came: Came):
    said = {rank["interrupted"] for rank in came.interrupted}

    assert len(said) == 1
    assert "stop after step" in said.pop()


@pytest.mark.slow
def test_ranks_together_fit_what_one_rank_would(came: Came, request: pytest.FixtureRequest):
    if "that draw" in request.node.callspec.params["came"]:
        pytest.skip("Ranks draw their own chance, and normalise by their own rows.")
    alone, together = train(run(), network=Plain, augment=None), came.whole[0]

    assert together["epoch"] == alone.best_epoch
    assert together["loss"] == pytest.approx(alone.validation_loss, rel=TOLERANCE)
    for name, weight in alone.weights.items():
        np.testing.assert_allclose(together["weights"][name], weight, rtol=TOLERANCE, atol=1e-7, err_msg=name)


def test_ranks_that_never_met_are_refused():
    with pytest.raises(TrainingError, match=r"2 ranks, and torch\.distributed knows of no such group"):
        Together(0, 2, torch.device("cpu"))
