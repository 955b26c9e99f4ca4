"""Trainings in several processes of this machine, for real: torchrun, gloo, signals. Each start takes seconds."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.compute import Devices
from ml_assets.errors import Interrupted, RankFailed, RankLost
from ml_assets.orchestration.distributed import Trained, train_on
from ml_assets.store import Store
from ml_assets.training.run import Run
from ml_assets_tests.doubles import tides

pytestmark = pytest.mark.slow

KEYS = {"one": "1" * 64, "two": "2" * 64, "often": "3" * 64, "raises": "4" * 64, "alone": "5" * 64}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return tides.store_in(str(tmp_path_factory.mktemp("tides") / "store"))


def trained(store: Store, ranks: int, key: str, accidents: str = "", run: Run | None = None) -> Trained:
    return train_on(
        Devices(ranks),
        tides.PROBLEM,
        tides.split_in(store),
        tides.TideParams(accidents=accidents),
        run or Run(0, print),
        store=store,
        computation=KEYS[key],
    )


@pytest.fixture(scope="module")
def by_two(store: Store) -> Trained:
    """What two processes train that nobody disturbs."""
    return trained(store, 2, "two")


def test_two_processes_train_the_model_of_one_but_for_the_last_bits(store: Store, by_two: Trained):
    import torch

    one, two = (store.get(made.content).estimator.weights for made in (trained(store, 1, "one"), by_two))

    assert by_two.check.passed
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, rtol=1e-5, atol=1e-6)


def test_a_training_whose_processes_are_killed_and_stopped_ends_as_the_one_that_nobody_disturbs(
    store: Store, by_two: Trained, tmp_path: Path
):
    def attempt(run: Run | None = None) -> Trained:
        return trained(store, 2, "often", str(tmp_path), run)

    (tmp_path / "1-4").write_text("self 9")
    with pytest.raises(RankLost, match="rank 1 was ended by SIGKILL"):
        attempt()
    assert none_left("often")

    (tmp_path / "0-4").write_text("node 9")
    with pytest.raises(RankLost, match="torchrun was ended by SIGKILL"):
        attempt()
    assert none_left("often")

    heard: list[str] = []
    stopping = Run(0, heard.append, asked_to_stop=lambda: any(line.startswith("step") for line in heard))
    with pytest.raises(Interrupted):
        attempt(stopping)
    assert none_left("often")

    resumed = attempt()
    assert resumed.resumed.endswith("interruptions")
    assert resumed.content == by_two.content


def test_an_error_of_the_training_is_told_with_its_lines(store: Store, tmp_path: Path):
    (tmp_path / "1-2").write_text("raise")

    with pytest.raises(RankFailed, match=r"rank 1 failed:(.|\n)*ZeroDivisionError: the moon is gone"):
        trained(store, 2, "raises", str(tmp_path))
    assert none_left("raises")


def test_no_process_outlives_a_step_that_is_killed(store: Store, by_two: Trained, tmp_path: Path):
    (tmp_path / "0-3").write_text("step 9")
    call = (
        "import sys; from pathlib import Path; from ml_assets_tests.doubles.tides import store_in\n"
        "from ml_assets_tests.orchestration.distributed.test_here import trained\n"
        "(Path(sys.argv[2]) / 'step').write_text(str(__import__('os').getpid()))\n"
        "trained(store_in(sys.argv[1]), 2, 'alone', sys.argv[2])"
    )
    step = subprocess.run([sys.executable, "-c", call, store.url, str(tmp_path)], capture_output=True, check=False)

    assert step.returncode == -signal.SIGKILL
    assert none_left("alone")
    assert replace(trained(store, 2, "alone"), resumed="").content == by_two.content


def none_left(key: str) -> bool:
    """Whether no process has this training's order among its arguments, soon."""
    for _ in range(600):
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        if not [line for line in listed.splitlines() if KEYS[key] in line and "ml_assets.worker" in line]:
            return True
        time.sleep(0.1)
    return False
