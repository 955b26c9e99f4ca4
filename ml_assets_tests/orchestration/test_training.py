"""What becomes of a training that is interrupted or fails, and what is seen of it while it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from ml_assets.computation.ingredients import Ingredients
from ml_assets.compute import Devices
from ml_assets.errors import NoGpu
from ml_assets.orchestration import retries
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.orchestration.training import computation_of, torch_device
from ml_assets.store import open_store, trust
from ml_assets_tests.doubles import drizzle
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.drizzle import MONTH, PROBLEM, steps
from ml_assets_tests.doubles.world import World, build


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    """The split is made, and the model is to be."""
    monkeypatch.setattr(retries, "FIRST_WAIT_SECONDS", 0.0)
    trust(drizzle.Network)
    world = build(tmp_path, [PROBLEM])
    drizzle.land(world.landing)
    world.must_run(PROBLEM, MONTH, ["dataset", "features", "split"])
    return world


@pytest.fixture
def diary(tmp_path: Path) -> Path:
    (tmp_path / "diary").mkdir()
    return tmp_path / "diary"


def train(world: World, diary: Path, save_every: int = 5, **how: Any) -> dg.ExecuteInProcessResult:
    config = {"params": {"diary": str(diary), "save_every": save_every}}
    return world.run(PROBLEM, MONTH, ["model"], config=config, **how)


def accident(diary: Path, **what: int) -> None:
    for name, step in what.items():
        (diary / str(step)).write_text(name)


def notes(world: World) -> Mapping[str, Any]:
    return world.manifest("drizzle/model", MONTH).notes


def checkpoints(world: World) -> list[str]:
    return world.store.backend.list("checkpoints")


# ---------------------------------------------------------------- to its end


def test_a_training_that_comes_to_its_end_leaves_a_model_and_no_checkpoints(world: World, diary: Path):
    assert train(world, diary).success

    assert steps(diary) == list(range(1, steps(diary)[-1] + 1))
    assert checkpoints(world) == []
    assert "resumed" not in notes(world)
    assert type(world.load("drizzle/model", MONTH).estimator) is drizzle.Network


# ---------------------------------------------------------------- interrupted


@pytest.mark.parametrize("sign", ["term", "int"])
def test_a_signal_lets_a_training_save_and_the_run_end_as_interrupted(world: World, diary: Path, sign: str):
    accident(diary, **{sign: 8})
    failed = train(world, diary)

    assert not failed.success
    assert steps(diary)[-1] == 8
    assert [key.rpartition("/")[2][:12] for key in checkpoints(world)] == [f"{5:012d}", f"{8:012d}"]
    (event,) = failed.get_step_failure_events()
    assert event.step_failure_data.error_source.value == "INTERRUPT"


def test_a_training_that_is_run_again_goes_on_and_gives_the_same_model(world: World, diary: Path):
    accident(diary, term=8)
    train(world, diary)
    accident(diary, term=12)
    train(world, diary)
    assert train(world, diary).success
    resumed = world.manifest("drizzle/model", MONTH)
    done = steps(diary)

    assert done == list(range(1, done[-1] + 1)), "no step was lost, none was done twice"
    assert resumed.notes["resumed"] == "resumed from step 12, 2 interruptions"
    assert checkpoints(world) == []
    assert world.must_run(PROBLEM, MONTH, ["model"]).success  # without a diary: another computation
    assert world.manifest("drizzle/model", MONTH).content == resumed.content


def test_who_doubts_what_is_there_does_not_go_on_from_it(world: World, diary: Path):
    accident(diary, term=8)
    train(world, diary)
    assert train(world, diary, fresh=True).success

    assert steps(diary)[8:10] == [1, 2]
    assert "resumed" not in notes(world)


def test_a_run_that_is_canceled_ends_as_canceled_and_has_saved(world: World, diary: Path):
    def cancel(number: int, frame: object) -> None:
        (run,) = world.instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
        world.instance.report_run_canceling(run)
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.signal(signal.SIGUSR1, cancel)
    try:
        accident(diary, usr1=8)
        train(world, diary)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert world.instance.get_runs(limit=1)[0].status == dg.DagsterRunStatus.CANCELED
    assert steps(diary)[-1] == 8
    assert checkpoints(world)


@pytest.mark.slow  # processes that load torch
def test_a_training_that_is_killed_goes_on_in_another_process_and_gives_the_same_model(tmp_path: Path, diary: Path):
    command = [
        sys.executable,
        "-m",
        "ml_assets_tests.orchestration.train_drizzle",
        str(tmp_path / "killed"),
        str(diary),
    ]
    codes = []
    for step in (8, 14, 0):
        accident(diary, kill=step)
        codes.append(subprocess.run(command, check=False, timeout=200).returncode)
    (tmp_path / "another").mkdir()
    whole = [*command[:3], str(tmp_path / "whole"), str(tmp_path / "another")]
    subprocess.run(whole, check=True, timeout=200)

    assert codes == [-signal.SIGKILL] * 2 + [0]
    last = steps(tmp_path / "another")
    assert steps(diary) == [*range(1, 9), *range(6, 15), *range(11, last[-1] + 1)]
    killed, uninterrupted = (
        store.manifest(entry.target)
        for name in ("killed", "whole")
        if (entry := (store := open_store(str(tmp_path / name / "store"))).head("drizzle/model", MONTH))
    )
    assert killed.content == uninterrupted.content
    assert killed.notes["resumed"] == "resumed from step 10, 2 interruptions"


# ---------------------------------------------------------------- failed


def test_a_training_that_fails_by_itself_is_tried_again_and_goes_on(world: World, diary: Path):
    accident(diary, fail=8)
    result = train(world, diary)

    assert result.success
    assert steps(diary)[:10] == [1, 2, 3, 4, 5, 6, 7, 8, 6, 7]
    assert notes(world)["resumed"] == "resumed from step 5, 1 interruption"


def test_it_is_tried_again_as_often_as_its_compute_allows_and_fails_with_its_own_error(world: World, diary: Path):
    accident(diary, fail=6)
    (diary / "7").write_text("fail")
    (diary / "8").write_text("fail")
    failed = train(world, diary)

    assert not failed.success
    assert steps(diary) == [1, 2, 3, 4, 5, 6, 6, 7, 6, 7, 8]
    (event,) = failed.get_step_failure_events()
    assert event.step_failure_data.error.cause.cls_name == "ConnectionError"


def test_what_stays_as_it_is_is_not_tried_again(world: World, diary: Path):
    accident(diary, diverge=6)
    assert not train(world, diary).success
    assert steps(diary) == [1, 2, 3, 4, 5, 6]


def test_without_compute_nothing_is_tried_again(world: World, diary: Path):
    plain = replace(PROBLEM, compute=None)
    accident(diary, fail=6)
    assert not train(world.with_problems([plain]), diary).success
    assert steps(diary)[-1] == 6


# ---------------------------------------------------------------- while it goes on


def observed(world: World) -> list[dg.AssetObservation]:
    records = world.instance.fetch_observations(dg.AssetKey(["drizzle", "model"]), limit=100).records
    return [record.asset_observation for record in reversed(records)]


def test_what_is_logged_is_seen_in_the_ui_while_the_training_goes_on(world: World, diary: Path):
    assert train(world, diary).success
    first, *_, last = observed(world)
    assert first.partition == last.partition == MONTH
    assert first.metadata["step"].value < last.metadata["step"].value
    assert last.metadata["validation_loss"].value > 0
    assert len(observed(world)) == 2, "now and at the end: it was a short one"

    train(world, diary)
    assert len(observed(world)) == 2, "a model that is used again trains nothing"


def test_an_interrupted_training_tells_what_it_had_logged(world: World, diary: Path):
    accident(diary, term=20)
    train(world, diary)
    assert observed(world)


def test_observations_neither_wake_what_is_downstream_nor_change_what_it_was_made_from(world: World):
    daemon = Daemon(world, PROBLEM)
    world.must_run(PROBLEM, MONTH)
    assert daemon.settle() == []
    model = dg.AssetKey(["drizzle", "model"])

    def version() -> Any:
        return world.instance.get_latest_data_version_record(model, partition_key=MONTH)

    before = version()
    for step in (1, 2):
        world.instance.report_runless_asset_event(dg.AssetObservation(model, partition=MONTH, metadata={"step": step}))

    assert daemon.settle() == []
    assert version() == before


# ---------------------------------------------------------------- where its state lies


@pytest.mark.parametrize("tags", [{FRESH_TAG: "true"}, {}], ids=["fresh", "code that cannot be recognised"])
def test_a_training_that_cannot_be_recognised_is_gone_on_with_by_its_own_run_and_as_it_is_alone(tags: dict[str, str]):
    def place(code: str, run: str, root: str | None = None) -> str:
        ingredients = Ingredients("drizzle/model", MONTH, code, params={"epochs": 3})
        asked: Any = SimpleNamespace(is_known=bool(tags), ingredients=ingredients)
        context: Any = SimpleNamespace(run=SimpleNamespace(tags=tags, run_id=run, root_run_id=root))
        return computation_of(context, asked)

    assert place("a", "run 1") == place("a", "run 2", root="run 1")
    assert place("a", "run 1") != place("a", "run 2")
    assert place("a", "run 1") != place("mended", "run 2", root="run 1")


# ---------------------------------------------------------------- devices


def test_without_a_promised_gpu_a_training_is_on_the_processor():
    assert torch_device(Devices()) == torch_device(Devices(nodes=2)) == "cpu"


def test_the_pod_that_starts_those_of_several_machines_needs_no_gpu_itself():
    assert torch_device(Devices(8, 2, "cuda")) == "cpu"


def test_a_promised_gpu_that_is_not_there_fails_and_says_what_to_do():
    with pytest.raises(NoGpu, match=r"was to run on cuda x 1, and torch .* sees no GPU here.*CUDA_VISIBLE_DEVICES"):
        torch_device(Devices(kind="cuda"))
