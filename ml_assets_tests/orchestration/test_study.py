"""The search for a model's parameters, end to end: each trial a step that is never made twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.computation.chain import chain_of
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given_as_written
from ml_assets.figures import Sheet
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.problem import Range, Tuning
from ml_assets.store import Manifest, VersionKey, open_store
from ml_assets.training.tuning.study import Study
from ml_assets_tests.doubles import tuned
from ml_assets_tests.doubles.tuned import LEMONADE, TRAINED, TUNING, UP_TO_MODEL
from ml_assets_tests.doubles.world import World, build, land_sales, why

NORTH = "north"


def world_of(folder, problem=LEMONADE) -> World:
    world = build(folder, [problem])
    land_sales(world.landing, "lemonade")
    TRAINED.clear()
    return world


@pytest.fixture
def world(tmp_path) -> World:
    return world_of(tmp_path)


@pytest.fixture(scope="module")
def modelled(tmp_path_factory) -> World:
    """One beach, made through to its model. Not to be changed by tests."""
    world = world_of(tmp_path_factory.mktemp("modelled"))
    world.must_run(LEMONADE, NORTH, UP_TO_MODEL)
    return world


@pytest.fixture
def made(modelled, tmp_path) -> World:
    """The same, to be changed."""
    TRAINED.clear()
    return modelled.copied_to(tmp_path / "made", [LEMONADE])


def searched(problem=LEMONADE, **changes):
    return replace(problem, tuning=replace(TUNING, **changes))


def trials_of(result) -> list[str]:
    return [e.step_key for e in result.get_step_success_events() if ".trials_" in e.step_key]


def plan(world: World, problem=LEMONADE) -> dict[str, str]:
    planner = Planner(problem, world.store, world.landing, given_as_written(problem))
    return {one.noun: f"{one.state}: {one.why}" for one in planner.plan(chain_of(problem), [NORTH])}


def test_a_study_finds_parameters_and_the_model_has_them(world):
    result = world.must_run(LEMONADE, NORTH)
    study: Study = world.load("lemonade/study", NORTH)
    model = world.manifest("lemonade/model", NORTH)

    assert trials_of(result) == [f"lemonade__study.trials_{1 + n // 2}[{n}]" for n in range(6)]
    assert list(study.trials["number"]) == list(range(6))
    assert study.best == {"ridge": study.trials.sort_values("score").iloc[0]["params.ridge"]}
    assert model.params == {"ridge": study.best["ridge"], "sour": False, "note": ""}
    assert world.head("lemonade/study", NORTH) in [read.key for read in model.inputs]
    assert model.code["why"].endswith(f"params follow study {world.head('lemonade/study', NORTH).short}")
    assert [params.ridge for params in TRAINED] == [*study.trials["params.ridge"], study.best["ridge"]]


def test_what_people_see_of_a_study(world):
    result = world.must_run(LEMONADE, NORTH)
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "study"]
    metadata = event.materialization.metadata
    manifest = world.manifest("lemonade/study", NORTH)

    assert {"why", "search/mae", "trials_table", "at_a_glance", "figures"} <= metadata.keys()
    assert manifest.notes["importance"] == {"ridge": 1.0}
    assert Sheet.from_json(world.load("lemonade/study", NORTH).figure).title == "How the search went"
    checked = {e.check_name: e.passed for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "study"}
    assert checked == {"inside_space": True, "trials_ended": True}


def test_a_study_that_is_there_starts_no_trial(made):
    head = made.head("lemonade/study", NORTH)
    TRAINED.clear()

    result = made.must_run(LEMONADE, NORTH, UP_TO_MODEL)

    assert trials_of(result) == []
    assert TRAINED == []
    assert made.head("lemonade/study", NORTH) == head


def test_a_study_that_was_killed_goes_on_with_the_trials_that_are_missing(world, monkeypatch):
    monkeypatch.setattr(tuned, "KILLED_AT", [4])
    assert not world.run(LEMONADE, NORTH, UP_TO_MODEL).success
    monkeypatch.setattr(tuned, "KILLED_AT", [])

    result = world.must_run(LEMONADE, NORTH, UP_TO_MODEL)

    assert trials_of(result) == [f"lemonade__study.trials_{round_}[{n}]" for round_, n in ((2, 3), (3, 4), (3, 5))]


def test_a_longer_search_makes_only_what_the_shorter_one_did_not(made):
    longer = searched(trials=8)

    result = made.with_problems([longer]).must_run(longer, NORTH, UP_TO_MODEL)

    assert trials_of(result) == ["lemonade__study.trials_4[6]", "lemonade__study.trials_4[7]"]


def test_the_same_search_elsewhere_has_the_same_bits(made, tmp_path):
    other = world_of(tmp_path / "other")
    other.must_run(LEMONADE, NORTH, UP_TO_MODEL)

    for asset in ("lemonade/study", "lemonade/model"):
        assert made.manifest(asset, NORTH).content.digest == other.manifest(asset, NORTH).content.digest


def test_fresh_makes_every_trial_again_and_finds_the_same(made):
    result = made.must_run(LEMONADE, NORTH, UP_TO_MODEL, fresh=True)

    assert len(trials_of(result)) == 6
    assert "the same as" in made.manifest("lemonade/study", NORTH).code["why"]


def test_what_a_run_gives_wins_over_the_study_even_if_it_is_the_default(made):
    found = made.manifest("lemonade/model", NORTH).params["ridge"]

    made.must_run(LEMONADE, NORTH, ["model"], config={"params": {"ridge": 2000.0, "note": "by hand"}, "seed": 7})
    by_hand = made.manifest("lemonade/model", NORTH)
    assert (by_hand.params["ridge"], by_hand.params["note"], by_hand.seed) == (2000.0, "by hand", 7)

    made.must_run(LEMONADE, NORTH, ["model"], config={"params": {"note": "short"}})
    assert made.manifest("lemonade/model", NORTH).params["ridge"] == found


def test_another_search_that_finds_the_same_changes_no_model(world):
    """What else was tried is no ingredient of a model."""
    once = searched(space={"ridge": (0.0, 9000.0)}, trials=2)
    world.with_problems([once]).must_run(once, NORTH, UP_TO_MODEL)
    before = world.head("lemonade/model", NORTH)
    twice = searched(space={"ridge": (0.0, 8000.0)}, trials=2)

    world.with_problems([twice]).must_run(twice, NORTH, UP_TO_MODEL)

    assert world.load("lemonade/study", NORTH).best == {"ridge": 0.0}
    assert world.head("lemonade/model", NORTH) == before


def test_a_trial_that_breaks_is_recorded_and_the_search_goes_on(world):
    sour = searched(space={"ridge": Range(0.0, 100.0), "sour": (False, True)}, trials=8)
    world.with_problems([sour]).must_run(sour, NORTH, UP_TO_MODEL)
    told = world.load("lemonade/study", NORTH).trials

    failed = told[told["state"] == "failed"]
    assert len(failed) > 0
    assert set(failed["why"]) == {"ValueError: the juice is out"}
    assert world.load("lemonade/study", NORTH).best["sour"] is False


def test_a_search_of_which_every_trial_breaks_fails_and_says_why(world):
    sour = replace(searched(), params=replace(LEMONADE.params, sour=True))
    result = world.with_problems([sour]).run(sour, NORTH, UP_TO_MODEL)

    (failed,) = result.get_step_failure_events()
    assert failed.step_key == "lemonade__study.best"
    assert "SearchFailed: lemonade: none of 6 trials came to a score. The first: ValueError" in why(failed)
    assert world.store.head("lemonade/model", NORTH) is None


def test_hopeless_trials_are_given_up_and_the_best_is_not(world):
    pruned = searched(trials=16, parallel=4, prune_on="loss")
    world.with_problems([pruned]).must_run(pruned, NORTH, UP_TO_MODEL)
    whole = searched(trials=16, parallel=4)
    study = world.load("lemonade/study", NORTH)
    states = study.trials["state"]

    assert set(states[:4]) == {"completed"}  # there is no bar yet
    assert (states == "pruned").any()
    assert (study.trials["steps"][states == "pruned"] < tuned.STEPS).all()
    assert study.trials["params.ridge"][states == "completed"].min() == study.trials["params.ridge"].min()
    assert study.best["ridge"] == study.trials["params.ridge"].min()
    assert whole.tuning != pruned.tuning


def test_the_plan_knows_the_study_and_that_params_follow_from_it(world):
    world.must_run(LEMONADE, NORTH, ["dataset", "features", "split"])
    first = plan(world)
    assert first["study"] == "compute: computed: the first of this partition"
    assert first["model"] == "open: after lemonade/study@north, which is computed first, and gives its params"

    world.must_run(LEMONADE, NORTH)
    assert {said.split(":")[0] for said in plan(world).values()} == {"current"}


def test_the_plan_of_a_longer_search_says_what_changed(made):
    assert "problem.tuning.trials 6 -> 8" in plan(made, searched(trials=8))["study"]


def test_a_study_and_its_model_are_rebuilt_from_what_they_record(made, tmp_path, monkeypatch):
    monkeypatch.setattr("ml_assets.orchestration.rebuild.PROBLEMS", (LEMONADE,))
    for noun, trainings in (("study", 6), ("model", 1)):
        TRAINED.clear()
        assert_rebuilt(made, made.head(f"lemonade/{noun}", NORTH), tmp_path / noun)
        assert len(TRAINED) == trainings


def test_a_trial_is_rebuilt_by_itself_pruned_and_failed_ones_too(world, tmp_path, monkeypatch):
    space = {"ridge": Range(0.0, 10_000.0), "sour": (False, True)}
    problem = searched(space=space, trials=16, parallel=4, prune_on="loss")
    monkeypatch.setattr("ml_assets.orchestration.rebuild.PROBLEMS", (problem,))
    world.with_problems([problem]).must_run(problem, NORTH, UP_TO_MODEL)
    trials = {world.store.manifest(key).notes["state"]: key for key in world.store.versions("lemonade/trial", NORTH)}
    assert trials.keys() == {"completed", "pruned", "failed"}
    for state, key in trials.items():
        TRAINED.clear()
        made = assert_rebuilt(world, key, tmp_path / state)
        assert made.code["computation"] == world.store.manifest(key).code["computation"]
        assert len(TRAINED) == 1


def assert_rebuilt(world: World, key: VersionKey, folder: Path) -> Manifest:
    made = open_store(str(folder)).manifest(rebuild(world.store.backend, world.landing, key, folder))
    assert made.content.digest == world.store.manifest(key).content.digest
    return made


def test_a_problem_without_tuning_has_no_study(tmp_path):
    world = build(tmp_path)
    keys = world.definitions.resolve_asset_graph().get_all_asset_keys()
    assert not [key for key in keys if key.path[-1] == "study"]


def test_a_tuned_problem_by_months_of_scikit_learn(tmp_path):
    world = build(tmp_path, [tuned.UMBRELLAS])
    world.must_run(tuned.UMBRELLAS, "2024-01")
    study = world.load("umbrellas/study", "2024-01")
    assert study.trials["params.c"][0] == 1.0  # as written
    assert world.manifest("umbrellas/model", "2024-01").params["c"] == study.best["c"]
    assert study.trials["score"].max() == study.trials.set_index("params.c").loc[study.best["c"], "score"]


def test_tuning_of_what_is_no_parameter_is_refused():
    from ml_assets.errors import InvalidProblem

    with pytest.raises(InvalidProblem, match="searches 'rigde', which is no parameter; known: ridge"):
        replace(LEMONADE, tuning=Tuning({"rigde": Range(0.0, 1.0)}))
    with pytest.raises(InvalidProblem, match=r"tries 'much' for the parameter ridge"):
        replace(LEMONADE, tuning=Tuning({"ridge": (1.0, "much")}))
