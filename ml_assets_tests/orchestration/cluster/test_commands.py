"""Commands run in the image that they name, which has no Python, beside their step; a training outlives its pod."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ml_assets.orchestration.launch import Launcher, Outcome
from ml_assets.orchestration.selection import Target
from ml_assets.store import Folder, open_landing, open_store
from ml_assets_tests.doubles import ice_cream, sorbet
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.kubernetes_api import Image
from ml_assets_tests.doubles.preloaded import Preloaded
from ml_assets_tests.orchestration.cluster.place import Place, place_in

pytestmark = pytest.mark.slow
MODULE = "ml_assets_tests.doubles.commanded_in_pods"


OF_A_SYSTEM = ("awk", "cat", "cut", "env", "mkfifo", "mv", "setsid", "sh", "sleep", "tail", "wc")


def image_in(folder: Path) -> Image:
    """One that has the programs, and what any system has."""
    folder.mkdir()
    for name in OF_A_SYSTEM:
        (folder / name).symlink_to(str(shutil.which(name)))
    for name, script in sorbet.PROGRAMS.items():
        program = folder / name
        program.write_text(script)
        program.chmod(0o755)
    return Image({"PATH": str(folder)}, start=_start)


def _start(argv: list[str], **how: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([str(shutil.which(argv[0], path=how["env"]["PATH"])), *argv[1:]], **how)


def image_beside(job: dict[str, Any]) -> str:
    """The image of the container beside that of a step; empty: it has none."""
    (beside,) = job["spec"]["template"]["spec"].get("initContainers") or [{}]
    return beside.get("image", "")


def _be_in(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """The definitions are those of this place's store, whatever other tests have loaded."""
    for name, value in place.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delitem(sys.modules, MODULE, raising=False)


def test_its_image_is_beside_its_step_and_one_that_is_deleted_goes_on_from_the_checkpoints_folder(
    tmp_path: Path, forked: Preloaded, monkeypatch
):
    images = {sorbet.IMAGE: image_in(tmp_path / "of_the_image")}
    with place_in(tmp_path, forked.start, images) as place:
        _be_in(place, monkeypatch)
        open_landing(str(place.diary.folder)).write("sorbet/north.parquet", ice_cream.sales("north"))
        outcomes: list[Outcome] = []

        def run() -> None:
            with place.instance() as instance:
                assets = frozenset(dg.AssetKey(["sorbet", noun]) for noun in ("dataset", "features", "split", "model"))
                outcomes.append(Launcher(Target(MODULE, "defs"), instance).execute(assets, "north"))

        ended, steps = place.beside(run, lambda: outcomes[-1]), place.diary.folder / "steps"
        place.wait_for(lambda: steps.exists() and "step 2" in steps.read_text(), "the second step")
        place.api.delete_pod(place.running_pod("sorbet__model"))

        assert ended().passed, place.told()[-8:]
        assert steps.read_text().split("\n")[:-1] == [f"step {n}" for n in (1, 2, 3, 4)]
        jobs = place.api.jobs(op="sorbet__model")
        assert [image_beside(job) for job in jobs] == [sorbet.IMAGE] * 2
        store = open_store(str(place.folder / "store"))
        manifest = store.manifest(store.head("sorbet/model", "north").target)
        assert manifest.notes["resumed"].endswith(", 1 interruption")
        assert manifest.notes["training"]["loss"][-1] == 6
        assert type(store.load(store.head("sorbet/model", "north").target).estimator) is Folder
        assert sorbet.IMAGE in manifest.code["computation"]["settings"].values(), "its version says which image trained"
        assert [path for path in (tmp_path / "of_the_image").iterdir() if "python" in path.name] == []


def test_steps_that_are_no_trainings_have_pods_with_their_image_and_others_none(
    tmp_path: Path, forked: Preloaded, monkeypatch
):
    images = {sorbet.IMAGE: image_in(tmp_path / "of_the_image")}
    with place_in(tmp_path, forked.start, images) as place:
        _be_in(place, monkeypatch)
        open_landing(str(place.diary.folder)).write("granita/north.parquet", ice_cream.sales("north"))
        outcomes: list[Outcome] = []

        def run() -> None:
            with place.instance() as instance:
                assets = frozenset(dg.AssetKey(["granita", noun]) for noun in CHAIN)
                outcomes.extend(Launcher(Target(MODULE, "defs"), instance).execute(assets, "north") for _ in range(2))

        place.beside(run, lambda: outcomes[-1])()
        assert [outcome.passed for outcome in outcomes] == [True, True], [t for t in place.told() if "FAIL" in t]
        images = {noun: [image_beside(job) for job in place.api.jobs(op=f"granita__{noun}")] for noun in CHAIN}
        in_its_image = {"features", "model", "evaluation", "report", "predictions"}
        assert {noun for noun, found in images.items() if found} == in_its_image
        assert {image for found in images.values() for image in found} == {sorbet.IMAGE}
        assert len(images["features"]) == 1, "what is there already gets no pod"
        store = open_store(str(place.folder / "store"))
        made = {noun: store.manifest(store.head(f"granita/{noun}", "north").target) for noun in CHAIN}
        assert made["features"].notes["said"] == {"step": [0], "columns": [1.0]}
        assert made["predictions"].notes["said"]["answers"] == [400.0]
