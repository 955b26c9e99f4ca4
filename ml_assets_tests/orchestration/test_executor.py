"""Trainings run side by side in processes of their own, light steps in the run's; on a persistent instance, for real."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.instance.ref import InstanceRef

from ml_assets.errors import UsageError
from ml_assets.orchestration.launch import Launcher, Outcome, Step, _begun, _result, instance_in
from ml_assets.orchestration.selection import Target, Waves, selected, waves
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.world import land_sales, trust_all

MODULE = "ml_assets_tests.doubles.rendezvous"
BEACH = "north"


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[Path]:
    """A store, a landing folder and a Dagster home; named in the environment, where other processes find them too."""
    trust_all()
    folder = tmp_path_factory.mktemp("rendezvous")
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("ML_ASSETS_STORE", str(folder / "store"))
        environment.setenv("ML_ASSETS_LANDING", str(folder / "landing"))
        yield folder


@pytest.fixture
def place(home) -> Path:
    """The beaches' sales have landed, and no training has begun."""
    for folder in ("landing", "store"):  # nothing of another test is there to be used again
        shutil.rmtree(home / folder, ignore_errors=True)
    landing = open_landing(str(home / "landing"))
    for name in ("ada", "bob"):
        land_sales(landing, name)
    (home / "landing" / "begun").mkdir()
    return home


def launcher(place: Path, attribute: str, steps: list[Step], instance: dg.DagsterInstance) -> Launcher:
    return Launcher(Target(MODULE, attribute), instance, report=steps.append)


def assets(problems: str, *nouns: str) -> frozenset[dg.AssetKey]:
    return frozenset(dg.AssetKey([problem, noun]) for problem in problems.split() for noun in nouns)


def processes(instance: dg.DagsterInstance, outcome: Outcome) -> set[str]:
    """The steps of a run that had a process of their own."""
    started = instance.all_logs(outcome.run, of_type=dg.DagsterEventType.STEP_WORKER_STARTING)
    return {str(entry.get_dagster_event().step_key) for entry in started}


@pytest.mark.slow
def test_the_trials_of_a_round_are_under_way_at_the_same_time(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "searched", steps, instance).execute(
            assets("ada", "dataset", "features", "split", "study"), BEACH
        )

    assert outcome.passed, steps
    assert len({path.name.partition("-")[0] for path in (place / "landing" / "begun").iterdir()}) == 2
    told = {step.asset: step.why for step in steps}
    assert list(told)[-1] == "ada/study"
    assert told["ada/study trial 0"].startswith("trial 0: ridge 0: mae ")


def test_candidates_train_at_the_same_time_in_processes_of_their_own_and_once(place):
    steps: list[Step] = []
    chain = assets("ada", "dataset", "features", "split", "candidates", "model")
    with dg.DagsterInstance.from_config(str(place)) as instance:
        first = launcher(place, "competing", steps, instance).execute(chain, BEACH)
        second = launcher(place, "competing", [], instance).execute(chain, BEACH)
        had = [processes(instance, outcome) for outcome in (first, second)]
    assert first.passed, [step for step in steps if not step.passed]
    assert had == [{"ada__candidates.steep", "ada__candidates.flat"}, set()]
    told = {step.asset: step.why for step in steps}
    assert told["ada/candidates flat"].startswith("flat: mae ")
    assert "steep is the best of candidates" in told["ada/model"]


def test_two_trainings_of_one_run_are_under_way_at_the_same_time(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "pair", steps, instance).execute(
            assets("ada bob", "dataset", "features", "split", "model", "evaluation"), BEACH
        )
        with_processes = processes(instance, outcome)
    assert outcome.passed, [step for step in steps if not step.passed]
    assert with_processes == {"ada__model", "bob__model"}, "only trainings get a process of their own"
    trained_in = {int(name.name.split("-")[0]) for name in (place / "landing" / "begun").iterdir()}
    assert len(trained_in) == 2
    assert os.getpid() not in trained_in
    store = open_store(str(place / "store"))
    for problem in ("ada", "bob"):
        evaluation = store.head(f"{problem}/evaluation", BEACH)
        assert evaluation is not None, "what comes after the trainings ran too"


def test_trainings_that_are_used_again_need_no_process_of_their_own(place):
    steps: list[Step] = []
    nouns = ("dataset", "features", "split", "model")
    with dg.DagsterInstance.from_config(str(place)) as instance:
        first = launcher(place, "pair", [], instance).execute(assets("ada bob", *nouns), BEACH)
        open_landing(str(place / "landing")).write("bob/north.parquet", ice_cream.sales("south/east"))
        (place / "landing" / "begun" / "0-somebody").touch()
        second = launcher(place, "pair", steps, instance).execute(assets("ada bob", *nouns), BEACH)
        third = launcher(place, "pair", [], instance).execute(assets("ada bob", *nouns), BEACH)
        had = [processes(instance, outcome) for outcome in (first, second, third)]
    assert all(outcome.passed for outcome in (first, second, third)), steps
    assert had == [{"ada__model", "bob__model"}, {"bob__model"}, set()]
    assert next(step.why for step in steps if step.asset == "ada/model").startswith("reused")


def test_trainings_whose_inputs_are_not_there_say_so(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "pair", steps, instance).execute(assets("ada bob", "model"), BEACH)
    assert not outcome.passed
    assert {step.asset for step in steps if "split" in step.why} == {"ada/model", "bob/model"}


def test_a_training_whose_process_dies_fails_and_the_others_go_on(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "doomed", steps, instance).execute(
            assets("ada bob", "dataset", "features", "split", "model", "evaluation"), BEACH
        )
    assert not outcome.passed
    ended = {step.asset: step.passed for step in steps}
    assert ended["ada/evaluation"]
    assert not ended["bob/model"]
    assert "bob/evaluation" not in ended


def test_a_training_that_is_alone_stays_in_the_process_of_the_run(place):
    (place / "landing" / "begun" / "0-somebody").touch()
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "pair", [], instance).execute(
            assets("ada", "dataset", "features", "split", "model"), BEACH
        )
    assert outcome.passed
    assert f"{os.getpid()}-ada" in {name.name for name in (place / "landing" / "begun").iterdir()}


def test_trainings_of_several_partitions_run_side_by_side_between_what_is_before_and_after(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        run = launcher(place, "partitions", steps, instance)
        chain = selected(run.target, "ada")
        outcomes = list(run.materialize(dict.fromkeys(ice_cream.BEACHES, chain), jobs=2))
    assert all(outcome.passed for outcome in outcomes)
    order = [(step.asset.split("/")[1], step.partition) for step in steps]
    last_before = max(order.index(("split", beach)) for beach in ice_cream.BEACHES)
    trained = [order.index(("model", beach)) for beach in ice_cream.BEACHES]
    assert last_before < min(trained)
    runs = {beach: [outcome.run for outcome in outcomes if outcome.partition == beach] for beach in ice_cream.BEACHES}
    store = open_store(str(place / "store"))
    for beach, (first, second, third) in runs.items():
        model = store.made_by_run(second, "ada/model", beach)
        assert model is not None
        split, judged = store.manifest(model).inputs[0].key, store.made_by_run(third, "ada/evaluation", beach)
        assert split == store.made_by_run(first, "ada/split", beach), "a wave continues what the one before it made"
        assert judged is not None
        assert store.manifest(judged).inputs[0].key == model
    for beach in ice_cream.BEACHES:
        assert order.index(("model", beach)) < order.index(("evaluation", beach))


def test_a_model_is_judged_while_later_ones_are_trained(place):
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        run = launcher(place, "judged", steps, instance)
        outcomes = list(run.materialize(dict.fromkeys(ice_cream.BEACHES, selected(run.target, "ada")), jobs=2))
    assert all(outcome.passed for outcome in outcomes), steps


def test_a_training_that_cannot_begin_since_a_process_was_killed_has_failed_and_says_so():
    with ProcessPoolExecutor(1) as pool:
        with pytest.raises(BrokenProcessPool):
            pool.submit(os._exit, 1).result()
        outcome = _result(_begun(pool, lambda: pytest.fail("it runs")), assets("ada", "model"), BEACH)
    assert (outcome.passed, outcome.lost) == (False, assets("ada", "model"))
    assert "A process that trained was killed" in outcome.steps[0].why


def test_a_run_from_the_command_line_is_one_that_the_landing_sensor_waits_for(place):
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcome = launcher(place, "alone", [], instance).execute(assets("ada", "dataset"), BEACH)
        run = instance.get_run_by_id(outcome.run)
    assert run is not None
    assert run.tags["ml_assets/chain"] == "ada"


def test_a_partition_without_outcomes_leaves_the_waves_after_its_split_but_is_predicted(place):
    unknown = ice_cream.sales("north").assign(cones=float("nan"))
    open_landing(str(place / "landing")).write("ada/north.parquet", unknown)
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        run = launcher(place, "alone", steps, instance)
        outcomes = list(run.materialize(dict.fromkeys(ice_cream.BEACHES, selected(run.target, "ada")), jobs=2))
    assert all(outcome.passed for outcome in outcomes)
    assert [step.asset for step in steps if step.partition == "north"] == [
        f"ada/{noun}" for noun in ("dataset", "features", "split", "predictions")
    ]
    assert {key.path[-1] for outcome in outcomes for key in outcome.skipped} == {"split"}


def test_with_one_job_everything_of_a_partition_is_one_run(place):
    target = Target(MODULE, "partitions")
    chain = selected(target, "ada")
    assert waves(target, dict.fromkeys("abcdef", chain), jobs=1) == Waves(chain)
    assert waves(target, {"a": chain}, jobs=8) == Waves(chain)
    assert waves(target, {"a": chain, "b": assets("ada", "dataset")}, jobs=8) == Waves(chain)
    several = waves(target, dict.fromkeys("ab", chain), jobs=2)
    assert {key.path[-1] for key in several.before} == {"dataset", "features", "split"}
    assert {key.path[-1] for key in several.trainings} == {"model"}
    assert {key.path[-1] for key in several.after} == {"evaluation", "champion", "report", "predictions"}


def test_a_failed_partition_does_not_stop_those_that_are_not_made_from_it(place):
    (place / "landing" / "ada" / "north.parquet").write_bytes(b"not a parquet file")
    steps: list[Step] = []
    with dg.DagsterInstance.from_config(str(place)) as instance:
        outcomes = list(
            launcher(place, "partitions", steps, instance).materialize(
                dict.fromkeys(ice_cream.BEACHES, assets("ada", "dataset"))
            )
        )
    assert [(outcome.partition, outcome.passed) for outcome in outcomes] == [("north", False), ("south/east", True)]
    assert [outcome.lost for outcome in outcomes] == [assets("ada", "dataset"), frozenset()]
    assert "north.parquet" in steps[0].why


def test_of_two_commands_that_open_a_new_home_one_makes_its_databases(tmp_path, monkeypatch):
    (tmp_path / "dagster.yaml").touch()

    def by_somebody_else(ref: InstanceRef) -> None:
        with (tmp_path / "dagster.yaml").open() as home:
            fcntl.flock(home, fcntl.LOCK_EX | fcntl.LOCK_NB)

    monkeypatch.setattr(dg.DagsterInstance, "from_ref", by_somebody_else)
    with pytest.raises(UsageError) as refused:
        instance_in(tmp_path)
    assert isinstance(refused.value.__cause__, BlockingIOError)


def test_what_dagster_notes_for_itself_is_not_printed_by_the_processes_of_steps(tmp_path):
    (tmp_path / "dagster.yaml").touch()
    with instance_in(tmp_path) as instance:
        assert instance.python_log_level == "INFO", "a step's process says at DEBUG that it was started"
