"""Several trainings of one problem, end to end: each trains once, the best by the validation rows is the model."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from ml_assets.commands import Command
from ml_assets.computation.chain import chain_of
from ml_assets.computation.planner import Planner
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import given_as_written
from ml_assets.errors import InvalidParams, InvalidProblem
from ml_assets.figures import Sheet
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.problem import Candidate, Compute, Range, Tuning
from ml_assets.store import open_store
from ml_assets_tests.doubles import gelato
from ml_assets_tests.doubles.gelato import CANDIDATES, PROBLEM, TRAINED, UP_TO_MODEL, MeanParams
from ml_assets_tests.doubles.ice_cream import LineParams
from ml_assets_tests.doubles.world import World, build, land_sales, why

NORTH = "north"
BROKE = r"ValueError: the milk is off \(ml_assets_tests/doubles/gelato\.py:\d+ in train_mean\)"
SOUR = {**CANDIDATES, "mean": Candidate(gelato.train_mean, MeanParams(sour=True))}


def world_of(folder) -> World:
    found = build(folder, [PROBLEM])
    land_sales(found.landing, "gelato")
    TRAINED.clear()
    return found


@pytest.fixture
def world(tmp_path) -> World:
    return world_of(tmp_path)


@pytest.fixture(scope="module")
def modelled(tmp_path_factory) -> World:
    """One beach, made through to its model. Not to be changed by tests."""
    world = world_of(tmp_path_factory.mktemp("modelled"))
    world.must_run(PROBLEM, NORTH, UP_TO_MODEL)
    return world


@pytest.fixture
def made(modelled, tmp_path) -> World:
    """The same, to be changed."""
    TRAINED.clear()
    return modelled.copied_to(tmp_path / "made", [PROBLEM])


def after(world: World, problem, nouns=UP_TO_MODEL, **how):
    TRAINED.clear()
    return world.with_problems([problem]).must_run(problem, NORTH, nouns, **how)


def test_each_candidate_trains_once_and_the_best_is_the_model(world):
    result = world.must_run(PROBLEM, NORTH)
    made, model = world.load("gelato/candidates", NORTH), world.manifest("gelato/model", NORTH)

    steps = [e.step_key for e in result.get_step_success_events() if "__candidates." in e.step_key]
    assert sorted(steps) == [f"gelato__candidates.{name}" for name in ("best", "flat", "line", "mean")]
    assert sorted(map(str, TRAINED)) == sorted(map(str, [MeanParams(), LineParams(), LineParams(20_000.0)]))
    assert made.best == "line"
    assert (model.notes["candidate"], model.params) == ("line", {"ridge": 0.0, "note": None})
    entry = world.store.head("gelato/model", NORTH)
    assert entry.why.endswith(f"line is the best of candidates {world.head('gelato/candidates', NORTH).short}")
    assert world.manifest("gelato/candidates", NORTH).notes["models"]["line"] == entry.target.version


def test_the_table_names_the_best_first_and_how_far_the_others_are_behind(made):
    table = made.load("gelato/candidates", NORTH).table

    assert list(table["candidate"]) == ["line", "flat", "mean"]
    assert table["mae"].is_monotonic_increasing
    assert (table["low"] < table["mae"]).all()
    assert (table["mae"] < table["high"]).all()
    assert list(table["behind"].round(9)) == list((table["mae"] - table["mae"][0]).round(9))
    assert (table["behind_low"][1:] > 0).all()


def test_what_people_see_of_candidates(world):
    result = world.must_run(PROBLEM, NORTH, UP_TO_MODEL)
    (event,) = [e for e in result.get_asset_materialization_events() if e.asset_key.path[-1] == "candidates"]

    assert {
        "why",
        "candidates/line",
        "candidates_table",
        "at_a_glance",
        "figures",
    } <= event.materialization.metadata.keys()
    assert Sheet.from_json(world.load("gelato/candidates", NORTH).figure).title == "Candidates on the validation rows"
    said = world.manifest("gelato/candidates", NORTH).notes["why"]
    assert said.startswith(
        "Best of 3 by mae on the validation rows: line 3.006. flat 16.689: the best is better by 13.682"
    )
    checked = {
        e.check_name: e.passed for e in result.get_asset_check_evaluations() if e.asset_key.path[-1] == "candidates"
    }
    assert checked == {"candidates_trained": True}


def test_candidates_that_are_there_train_nothing(made):
    heads = {noun: made.head(f"gelato/{noun}", NORTH) for noun in ("candidates", "model")}

    after(made, PROBLEM)

    assert TRAINED == []
    assert {noun: made.head(f"gelato/{noun}", NORTH) for noun in heads} == heads


def test_of_an_edited_candidate_that_alone_trains_again(made):
    after(made, replace(PROBLEM, candidates={**CANDIDATES, "flat": Candidate(params=LineParams(ridge=9.0))}))
    assert [LineParams(ridge=9.0)] == TRAINED


def test_a_problem_that_gets_candidates_has_trained_its_own_already(world):
    single = replace(PROBLEM, candidates={})
    world.with_problems([single]).must_run(single, NORTH, ["dataset", "features", "split", "model"])
    model = world.head("gelato/model", NORTH)

    after(world, PROBLEM)

    assert LineParams() not in TRAINED
    assert len(TRAINED) == 2
    assert world.head("gelato/model", NORTH) == model


def test_a_renamed_candidate_trains_nothing(made):
    model = made.head("gelato/model", NORTH)
    renamed = {"straight" if name == "line" else name: one for name, one in CANDIDATES.items()}

    after(made, replace(PROBLEM, candidates=renamed))

    assert TRAINED == []
    assert made.load("gelato/candidates", NORTH).best == "straight"
    assert made.head("gelato/model", NORTH) == model


def test_fresh_trains_each_once_more_and_finds_the_same(made):
    before = (
        made.manifest("gelato/candidates", NORTH).content.digest,
        made.manifest("gelato/model", NORTH).content.digest,
    )

    after(made, PROBLEM, fresh=True)

    assert len(TRAINED) == 3
    now = made.manifest("gelato/candidates", NORTH), made.manifest("gelato/model", NORTH)
    assert now[1].content.digest == before[1]
    assert made.load("gelato/candidates", NORTH).best == "line"


def test_somebody_may_choose_another_than_the_best_which_is_there(made):
    after(made, PROBLEM, ["model"], config={"candidate": "flat"})

    assert TRAINED == []
    assert made.manifest("gelato/model", NORTH).notes["candidate"] == "flat"
    assert "flat, as chosen" in made.store.head("gelato/model", NORTH).why


def test_a_model_of_another_seed_is_trained_as_the_best_candidate_is(made):
    after(made, PROBLEM, ["model"], config={"seed": 7})

    assert [LineParams()] == TRAINED
    model = made.manifest("gelato/model", NORTH)
    assert (model.seed, model.notes["candidate"]) == (7, "line")
    assert "line is the best of candidates" in model.code["why"]


def test_one_that_breaks_is_told_and_the_best_of_the_others_is_the_model(world):
    result = after(world, replace(PROBLEM, candidates=SOUR))
    table = world.load("gelato/candidates", NORTH).table

    assert list(table["candidate"]) == ["line", "flat", "mean"]
    assert list(table["why"])[:2] == ["", ""]
    assert re.fullmatch(BROKE, table["why"][2])
    (check,) = [e for e in result.get_asset_check_evaluations() if e.check_name == "candidates_trained"]
    assert (check.passed, check.severity.value) == (False, "WARN")
    assert re.match(f"1 of 3 candidates cannot be judged. mean: {BROKE}", check.description)
    assert world.manifest("gelato/model", NORTH).notes["candidate"] == "line"


def test_one_that_broke_is_tried_again_by_the_next_run_and_no_other(world):
    broken = replace(PROBLEM, candidates=SOUR)
    after(world, broken)
    failed = world.head("gelato/candidates", NORTH)
    after(world, broken)
    assert [MeanParams(sour=True)] == TRAINED
    why = world.manifest("gelato/candidates", NORTH).code["why"]
    assert why == f"computed: mean failed in {failed.short}, and is tried again"

    gelato.SWEET.append("milk")
    try:
        after(world, broken)
    finally:
        gelato.SWEET.clear()
    assert [MeanParams(sour=True)] == TRAINED
    assert list(world.load("gelato/candidates", NORTH).table["why"]) == ["", "", ""]

    after(world, broken)
    assert TRAINED == []


def test_one_that_breaks_when_all_is_made_afresh_is_not_told_as_it_was_before(world):
    sweet = replace(PROBLEM, candidates=SOUR)
    gelato.SWEET.append("milk")
    try:
        after(world, sweet)
    finally:
        gelato.SWEET.clear()
    after(world, sweet, fresh=True)
    assert "the milk is off" in world.load("gelato/candidates", NORTH).table["why"][2]


def test_one_that_answers_with_no_number_is_never_best(world):
    melted = {**CANDIDATES, "mean": Candidate(gelato.train_mean, MeanParams(melted=True))}
    after(world, replace(PROBLEM, candidates=melted))
    table = world.load("gelato/candidates", NORTH).table.set_index("candidate")
    assert "with no number" in table["why"]["mean"]


def test_if_all_break_the_run_fails_and_says_why(world):
    sour = Candidate(gelato.train_mean, MeanParams(sour=True))
    problem = replace(
        PROBLEM, train=gelato.train_mean, params=MeanParams(sour=True), candidates={"a": Candidate(), "b": sour}
    )
    result = world.with_problems([problem]).run(problem, NORTH, UP_TO_MODEL)

    (failed,) = result.get_step_failure_events()
    assert failed.step_key == "gelato__candidates.best"
    assert re.search(f"SearchFailed: gelato: none of the candidates a, b can be judged. a: {BROKE}", why(failed))
    assert world.store.head("gelato/model", NORTH) is None


def test_a_model_that_was_damaged_trains_again_and_no_other(made):
    others = [made.store.manifest(key) for key in made.store.versions("gelato/model", NORTH)]
    shared = {f.digest for one in others if one.notes["candidate"] != "line" for f in one.content.files}
    for file in {f for f in made.manifest("gelato/model", NORTH).content.files if f.digest not in shared}:
        made.store.backend.delete(f"blobs/{file.digest[:2]}/{file.digest}")
    after(made, PROBLEM)
    assert [LineParams()] == TRAINED


def test_what_is_told_of_a_model_is_what_that_very_model_said(made, monkeypatch):
    before = made.manifest("gelato/candidates", NORTH).notes["models"]
    code = Recipe.code.fget
    other = lambda found: replace(found, parts={**found.parts, "plumbing": "another"})  # noqa: E731
    monkeypatch.setattr(
        Recipe, "code", property(lambda self: other(code(self)) if self.noun == "model" else code(self))
    )

    after(made, PROBLEM)

    assert len(TRAINED) == 3
    model = made.head("gelato/model", NORTH)
    assert model.version not in before.values()
    answers = [made.store.load(key) for key in made.store.versions("gelato/candidate", NORTH)]
    assert model.version in {answer.model for answer in answers}


def test_the_plan_knows_candidates(world):
    def plan() -> dict[str, str]:
        planner = Planner(PROBLEM, world.store, world.landing, given_as_written(PROBLEM))
        return {one.noun: f"{one.state}: {one.why}" for one in planner.plan(chain_of(PROBLEM), [NORTH])}

    world.must_run(PROBLEM, NORTH, ["dataset", "features", "split"])
    first = plan()
    assert first["candidates"] == "compute: computed: the first of this partition"
    assert first["model"].startswith("open: after gelato/candidates@north, which is computed first")

    world.must_run(PROBLEM, NORTH)
    assert {said.split(":")[0] for said in plan().values()} == {"current"}


@pytest.mark.parametrize("noun", ["candidates", "model"])
def test_candidates_and_their_model_are_rebuilt_from_what_they_record(made, tmp_path, monkeypatch, noun):
    monkeypatch.setattr("ml_assets.orchestration.rebuild.PROBLEMS", (PROBLEM,))
    TRAINED.clear()
    key = made.head(f"gelato/{noun}", NORTH)

    again = open_store(str(tmp_path / noun)).manifest(rebuild(made.store.backend, made.landing, key, tmp_path / noun))

    assert again.content.digest == made.store.manifest(key).content.digest
    assert len(TRAINED) == {"candidates": 3, "model": 1}[noun]


def test_a_candidate_that_is_gone_is_named(made):
    others = replace(
        PROBLEM, candidates={name: one for name, one in CANDIDATES.items() if name != "line"} | {"x": Candidate()}
    )
    planner = Planner(others, made.store, made.landing, given_as_written(others))
    with pytest.raises(
        InvalidParams, match=r"gelato has no candidate 'line'; it has mean, flat, x\. If it was renamed, materialize"
    ):
        planner.plan(["model"], [NORTH])


@pytest.mark.parametrize(
    ("candidates", "said"),
    [
        ({"only": Candidate()}, "of a single candidate there is nothing to choose"),
        ({"a b": Candidate(), "c": Candidate()}, "the candidate 'a b' is no lower-case name"),
        ({"best": Candidate(), "c": Candidate()}, "no candidate is called 'best'"),
        ({"a": Candidate(), "b": LineParams()}, "write Candidate"),
        ({"a": Candidate(), "b": Candidate(params=LineParams)}, "must be an instance of a frozen dataclass"),
        ({"a": Candidate(gelato.train), "b": Candidate(gelato.train)}, "no candidate has the problem's own train"),
    ],
)
def test_candidates_that_make_no_sense_are_refused(candidates, said):
    with pytest.raises(InvalidProblem, match=said):
        replace(PROBLEM, candidates=candidates)


def test_what_makes_no_sense_in_a_candidate_alone_is_refused_by_its_name():
    with pytest.raises(
        InvalidProblem, match="Problem 'gelato', candidate 'shell': its command for train is one process"
    ):
        replace(PROBLEM, candidates={**CANDIDATES, "shell": Candidate(Command("./fit"), compute=Compute(gpus=2))})


def test_which_command_a_candidate_is_counts_too():
    one, other = (Candidate(Command(f"./fit {n}"), gelato.NoParams()) for n in "ab")
    settings = [
        Recipe(replace(PROBLEM, candidates={**CANDIDATES, **both}), "candidates").settings
        for both in ({"x": one, "y": other}, {"x": other, "y": one})
    ]
    assert settings[0] != settings[1]


def test_tuning_and_candidates_exclude_each_other():
    with pytest.raises(InvalidProblem, match="tuning searches the params of one training"):
        replace(PROBLEM, tuning=Tuning({"ridge": Range(0.0, 1.0)}))


def test_candidates_that_swap_their_trainings_are_judged_anew(world):
    one = {"a": Candidate(), "b": Candidate(gelato.train_mean, MeanParams())}
    first = replace(PROBLEM, candidates=one)
    after(world, first)
    swapped = replace(PROBLEM, candidates={"a": one["b"], "b": one["a"]})

    after(world, swapped)

    assert TRAINED == []
    assert world.load("gelato/candidates", NORTH).best == "b"
