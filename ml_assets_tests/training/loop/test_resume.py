"""A training that was interrupted, at whichever step and however often, ends with the bits of one that was not."""

from __future__ import annotations

import dataclasses
import random
from pathlib import Path

import numpy as np
import pytest
import torch

from ml_assets.errors import Interrupted, InvalidProblem
from ml_assets.training.loop import Loop, fit, seeded
from ml_assets_tests.training.loop.saving import LOOP, STEPS, Every, Plain, rows, run, squared, told, train


class Asked:
    """Becomes true when it is looked at for the nth time: after step n, if nothing else looks."""

    def __init__(self, after: int) -> None:
        self.left = after

    def __call__(self) -> bool:
        self.left -= 1
        return self.left <= 0


def interrupted_after(step: int, folder: Path, loop: Loop = LOOP) -> int:
    """The step that a training, asked to stop after ``step`` looks, was saved at."""
    saved: list[int] = []
    with pytest.raises(Interrupted, match="goes on from there"):
        train(run(Every(folder, 1_000, saved.append), asked_to_stop=Asked(step)), loop)
    return saved[-1]


@pytest.fixture(scope="module")
def uninterrupted() -> str:
    return told(train(run()))


@pytest.mark.parametrize("step", [1, 4, 5, 6, 10, STEPS])
def test_resumed_training_equals_uninterrupted_training(tmp_path: Path, uninterrupted: str, step: int):
    interrupted_after(step, tmp_path)

    assert told(train(run(Every(tmp_path, 1_000)))) == uninterrupted


def test_a_training_interrupted_again_and_again_equals_one_that_was_not(tmp_path: Path, uninterrupted: str):
    for _ in range(4):
        interrupted_after(3, tmp_path)

    assert told(train(run(Every(tmp_path, 1_000)))) == uninterrupted


def test_to_save_often_changes_nothing(tmp_path: Path, uninterrupted: str):
    assert told(train(run(Every(tmp_path, 1)))) == uninterrupted


def test_a_training_is_stopped_while_it_judges_an_epoch(tmp_path: Path, uninterrupted: str):
    looks_until_the_second_validation_batch = 5 + 2  # 5 steps, then 64 validation rows in two batches

    assert interrupted_after(looks_until_the_second_validation_batch, tmp_path) == 5
    assert told(train(run(Every(tmp_path, 1_000)))) == uninterrupted


@pytest.mark.parametrize(
    "change",
    [{"accumulate": 3}, {"precision": "bfloat16"}, {"schedule": "constant"}, {"patience": 1, "learning_rate": 0.3}],
    ids=lambda change: next(iter(change)),
)
def test_resumed_equals_uninterrupted_also_with(tmp_path: Path, change: dict):
    loop = dataclasses.replace(LOOP, **change)
    interrupted_after(7, tmp_path, loop)

    assert told(train(run(Every(tmp_path, 1_000)), loop)) == told(train(run(), loop))


def test_the_same_training_twice_gives_the_same_bits_and_another_seed_gives_others(uninterrupted: str):
    other = dataclasses.replace(run(), seed=8)

    assert told(train(run())) == uninterrupted
    assert told(train(other)) != uninterrupted


def test_a_training_that_has_ended_ends_again_from_its_last_checkpoint(tmp_path: Path, uninterrupted: str):
    assert told(train(run(Every(tmp_path, STEPS)))) == uninterrupted
    assert told(train(run(Every(tmp_path, STEPS)))) == uninterrupted


def test_the_chance_and_the_settings_of_the_process_are_left_as_they_were(tmp_path: Path):
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    expected = random.gauss(0, 1), random.random(), np.random.standard_normal(3), torch.rand(3)
    random.seed(1)
    np.random.seed(1)
    torch.manual_seed(1)
    first = random.gauss(0, 1)  # which leaves a second one drawn and not yet given

    interrupted_after(3, tmp_path)

    assert (first, random.random()) == expected[:2]
    assert (np.random.standard_normal(3) == expected[2]).all()
    assert torch.equal(torch.rand(3), expected[3])
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.utils.deterministic.fill_uninitialized_memory


FOREIGN = {
    "weights": lambda: (torch.nn.Sequential(torch.nn.Linear(6, 1), torch.nn.Flatten(0)), squared, rows(150, 1), LOOP),
    "rows": lambda: (Plain(), squared, rows(149, 1), LOOP),
    "loop": lambda: (Plain(), squared, rows(150, 1), dataclasses.replace(LOOP, learning_rate=0.5)),
    "first losses": lambda: (Plain(), lambda network, batch: 2 * squared(network, batch), rows(150, 1), LOOP),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path, what: str):
    with pytest.raises(Interrupted):
        train(run(Every(tmp_path, 1_000), asked_to_stop=Asked(3)), network=Plain)

    with seeded(run().seed):
        network, loss, train_rows, loop = FOREIGN[what]()
    with pytest.raises(InvalidProblem, match=f"other {what}.*call fit.. once per training"):
        fit(network, loss, train_rows, rows(64, 2), loop, run(Every(tmp_path, 1_000)))


def test_a_network_built_without_the_seed_is_told_when_it_goes_on(tmp_path: Path):
    def begin(checkpoints, asked):
        return fit(Plain(), squared, rows(150, 1), rows(64, 2), LOOP, run(checkpoints, asked_to_stop=asked))

    with pytest.raises(Interrupted):
        begin(Every(tmp_path, 1_000), Asked(3))
    with pytest.raises(InvalidProblem, match="with seeded"):
        begin(Every(tmp_path, 1_000), lambda: False)


def test_a_checkpoint_goes_on_with_frozen_weights(tmp_path: Path):
    def begin(checkpoints, asked=lambda: False):
        with seeded(1):
            network = Plain()
        network.layers[0].weight.requires_grad_(False)
        return fit(network, squared, rows(150, 1), rows(64, 2), LOOP, run(checkpoints, asked_to_stop=asked))

    with pytest.raises(Interrupted):
        begin(Every(tmp_path, 1_000), Asked(7))
    assert told(begin(Every(tmp_path, 1_000))) == told(begin(None))


def test_what_was_logged_has_no_gap_where_the_training_goes_on(tmp_path: Path):
    whole, resumed = run(), run(Every(tmp_path, 1_000))
    train(whole)
    interrupted_after(12, tmp_path)
    train(resumed)

    assert resumed.history.to_json() == whole.history.to_json() != {}
