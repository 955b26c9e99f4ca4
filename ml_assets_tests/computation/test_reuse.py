"""Whether a result is used again, asked of a store without running anything."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import ml_assets
from ml_assets.computation.chain import DataSources, inputs_of
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Execute, Given, Nothing, Question, Reuse, duration, given
from ml_assets.problem import Compute
from ml_assets.store import Handle, Manifest, Store, VersionKey
from ml_assets_tests.conftest import MONTHS, PROBLEMS

PROBLEM = PROBLEMS[0]


def asked(store: Store, noun: str, month: str = MONTHS[1], **changed: Any) -> Question:
    sources = DataSources(store, ml_assets.open_landing())
    places = inputs_of(PROBLEM, noun, month)
    inputs = [Handle(store, head(store, above.partition("/")[2], key)) for above, key in places]
    gives = given(PROBLEM, PROBLEM.params, PROBLEM.seed) if noun == "model" else Given()
    return Question.of(Recipe(replace(PROBLEM, **changed), noun), month, inputs, gives, sources)


def head(store: Store, noun: str, month: str) -> VersionKey:
    entry = store.head(f"umbrellas/{noun}", month)
    assert entry is not None
    return entry.target


def forgotten(store: Store, question: Question) -> None:
    store.backend.delete(f"computations/{question.ingredients.key}.json")


def rewritten(store: Store, noun: str, **code: Any) -> None:
    """Let the branch name a version whose manifest records other things."""
    manifest = store.manifest(head(store, noun, MONTHS[1]))
    other = replace(manifest, code={name: value for name, value in {**manifest.code, **code}.items() if value})
    store.commit(other)
    store.name(other, why="rewritten")


def test_what_is_remembered_and_whole_is_used_again(shared):
    decision = asked(shared, "model").answer(shared)

    assert isinstance(decision, Reuse)
    assert decision.version == head(shared, "model", MONTHS[1])
    assert decision.saved_seconds == decision.manifest.resources["wall_seconds"]


def test_what_nobody_remembers_is_computed_though_the_branch_names_it(own):
    question = asked(own, "model")
    forgotten(own, question)

    decision = question.answer(own)

    assert decision == Execute("computed: nothing changed")
    assert not decision.replaces


@pytest.mark.parametrize(
    ("compute", "device"), [(None, None), (Compute(cpus=4), None), (Compute(gpus=2, nodes=2), "cuda x 4")]
)
def test_devices_are_given_to_a_training_but_the_processor_of_one_machine_is_not(monkeypatch, compute, device):
    monkeypatch.setenv("ML_ASSETS_EXECUTION", "kubernetes")
    problem = replace(PROBLEM, compute=compute)
    assert given(problem, problem.params, problem.seed).device == device


def test_a_reason_to_make_nothing_is_used_again(own):
    question = asked(own, "split")
    own.remember(question.ingredients.key, "no outcome is known yet", replace=True)

    assert question.answer(own) == Nothing("no outcome is known yet")


def test_what_was_remembered_under_a_key_that_is_not_its_own_is_not_used(own):
    question = asked(own, "model")
    own.remember(question.ingredients.key, head(own, "model", MONTHS[0]), replace=True)

    decision = question.answer(own)

    assert isinstance(decision, Execute)
    assert decision.replaces
    assert decision.why.endswith("was the same, but its manifest is that of another computation")


def test_a_version_from_before_there_were_keys_does_not_say_what_it_was_made_of(own):
    rewritten(own, "model", computation=None)
    question = asked(own, "model")
    forgotten(own, question)

    assert question.answer(own).why == (
        f"computed: {head(own, 'model', MONTHS[1]).short} does not say what it was made of"
    )


def test_code_that_cannot_be_recognised_is_computed_whatever_is_remembered(own):
    table = object()

    def train(data, params, run):
        return table

    question = asked(own, "model", train=train)

    assert not question.is_known
    assert question.remembered(own) is None
    assert question.answer(own).why.startswith("computed, not remembered: ")


def test_a_dataset_is_not_known_before_anybody_has_seen_which_files_it_reads(own):
    question = asked(own, "dataset", minimum_rows=51)

    assert question.landed is None
    assert not question.is_known
    assert question.answer(own).why == "computed: problem.minimum_rows 50 -> 51"
    assert question.having_read({}, {}).is_known


@pytest.mark.parametrize("noun", ["features", "model", "evaluation", "predictions"])
def test_every_input_that_is_followed_is_among_what_is_read(shared, noun: str):
    reads = asked(shared, noun).ingredients.reads
    manifest: Manifest = shared.manifest(head(shared, noun, MONTHS[1]))

    recorded = {f"{i.key.asset}@{i.key.partition}" for i in manifest.inputs if i.name != "champion"}
    assert recorded <= reads.keys()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0.0 s"),
        (0.34, "0.3 s"),
        (42.4, "42 s"),
        (200, "3 min"),
        (5400, "90 min"),
        (6000, "1.7 h"),
        (36000, "10.0 h"),
    ],
    ids=str,
)
def test_a_duration_is_said_as_people_say_it(seconds: float, said: str):
    assert duration(seconds) == said
