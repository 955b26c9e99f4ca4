"""A shipped problem on a cluster: its network is trained in the one pod that asks for a GPU, which is taken away twice."""

from __future__ import annotations

import re

import dagster as dg
import pytest

from ml_assets.orchestration.launch import Launcher, Outcome
from ml_assets.orchestration.selection import Target
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.problems.flights.landing import landed

MODULE = "ml_assets_tests.doubles.arrivals_in_pods"
MONTH = "2013-01"
PARTITION = f"{MONTH}|EWR"
BEGUN = re.compile(r"Started (re-)?execution .*arrival_minutes__model")


@pytest.mark.slow
def test_the_whole_graph_asks_for_one_gpu_and_its_training_survives_two_deleted_pods(place):
    landing, outcomes = open_landing(str(place.diary.folder)), list[Outcome]()
    for name, frame in landed(MONTH).files.items():
        landing.write(name, frame)

    def run() -> None:
        with place.instance() as instance:
            launcher = Launcher(Target(MODULE, "defs"), instance)
            for group in ("weather", "flights"):
                assert launcher.execute(frozenset([dg.AssetKey([group, "dataset"])]), MONTH).passed
            assets = frozenset(dg.AssetKey(["arrival_minutes", noun]) for noun in CHAIN)
            outcomes.append(launcher.execute(assets, PARTITION))

    ended = place.beside(run, lambda: outcomes[0])
    with place.instance() as instance:
        for n in (1, 2):
            place.wait_for(lambda n=n: is_learning(instance, n), f"training number {n}")
            place.api.delete_pod(place.running_pod("arrival_minutes__model"))
        place.wait_for(lambda: is_learning(instance, 3), "training number 3")
    place.diary.allow(1_000_000)
    assert ended().passed, place.told()[-8:]

    asking = [job for job in place.api.jobs() if "nvidia.com/gpu" in str(job["spec"]["template"]["spec"])]
    assert asking == place.api.jobs(op="arrival_minutes__model") == place.api.jobs()
    assert len(asking) == 3
    store = open_store(str(place.folder / "store"))
    model = store.manifest(store.head("arrival_minutes/model", PARTITION).target)
    assert model.notes["resumed"].endswith("2 interruptions")
    assert model.code["computation"]["device"] == "cuda x 1"
    assert store.head("arrival_minutes/champion", PARTITION) is not None


def messages(instance: dg.DagsterInstance) -> list[str]:
    """What the newest run's log says, in order."""
    (run,) = instance.get_runs(limit=1) or [None]
    return [entry.user_message for entry in instance.all_logs(run.run_id)] if run else []


def is_learning(instance: dg.DagsterInstance, n: int) -> bool:
    """Whether the n-th pod reports."""
    said = messages(instance)
    starts = [at for at, line in enumerate(said) if BEGUN.match(line)]
    return len(starts) >= n and any("train_loss" in line for line in said[starts[n - 1] :])
