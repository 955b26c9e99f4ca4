from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ml_assets.evaluation.metrics import ACCURACY, LOG_LOSS, value
from ml_assets.problem import FeatureTable
from ml_assets.problems.digits import PROBLEM
from ml_assets.problems.digits.model import ConvolutionParams, DigitModel
from ml_assets.problems.digits.network import distorted
from ml_assets.store import open_store, trust
from ml_assets.training.run import Run
from ml_assets_tests.problems.digits.landing import cut

BATCH = "batch-01"
SMALL = ConvolutionParams(channels=12, epochs=10)
STILL = {"shift_pixels": 0.0, "rotation_degrees": 0.0, "noise": 0.0}


def _run(seed: int = 0) -> Run:
    return Run(seed, lambda line: None)


@pytest.fixture(scope="module")
def trained() -> DigitModel:
    return PROBLEM.train(cut(BATCH)[0], SMALL, _run())


def test_an_answer_is_a_probability_per_digit_and_better_than_chance(trained):
    test = cut(BATCH)[1]

    said = PROBLEM.predict(trained, test.features)

    assert said.shape == (len(test), 10)
    np.testing.assert_allclose(said.sum(axis=1), 1)
    assert value(ACCURACY, test.label, said) > 0.3


def test_a_row_s_answer_does_not_depend_on_the_rows_beside_it(trained):
    features = cut(BATCH)[1].features
    whole = PROBLEM.predict(trained, features)

    for rows in (slice(0, 1), slice(5, 12), slice(None, None, -1), slice(0, 0)):
        np.testing.assert_array_equal(PROBLEM.predict(trained, features.iloc[rows]), whole[rows])


def test_a_stored_model_answers_bit_for_bit_as_the_trained_one(trained, tmp_path):
    trust(DigitModel)
    store, features = open_store(str(tmp_path)), cut(BATCH)[1].features

    loaded = store.get(store.put(trained))

    assert isinstance(loaded, DigitModel)
    np.testing.assert_array_equal(PROBLEM.predict(loaded, features), PROBLEM.predict(trained, features))


def test_one_seed_gives_one_model_and_another_seed_another(trained):
    features = cut(BATCH)[1].features
    again, other = (PROBLEM.train(cut(BATCH)[0], SMALL, _run(seed)) for seed in (0, 1))
    answers = [PROBLEM.predict(model, features) for model in (trained, again, other)]

    np.testing.assert_array_equal(answers[0], answers[1])
    assert (answers[0] != answers[2]).any()


def test_distortions_are_drawn_from_the_generator_alone_and_move_what_they_say():
    pictures = torch.zeros(64, 1, 8, 8)
    pictures[:, :, 3:5, 3:5] = 1.0

    def drawn(seed, **strength):
        return distorted(pictures, torch.Generator().manual_seed(seed), **(STILL | strength))

    torch.testing.assert_close(drawn(0), pictures)
    assert torch.equal(drawn(1, noise=0.1, shift_pixels=1.0), drawn(1, noise=0.1, shift_pixels=1.0))
    assert not torch.equal(drawn(1, noise=0.1), drawn(2, noise=0.1))
    moved = drawn(0, shift_pixels=1.0)
    assert float(moved[:, :, :2].max()) == 0  # no farther than one pixel
    assert float(moved.sum()) == pytest.approx(float(pictures.sum()), rel=1e-4)
    assert float((drawn(0, noise=0.1) - pictures).std()) == pytest.approx(0.1, rel=0.05)
    turned = drawn(0, rotation_degrees=45.0)
    assert float((turned - pictures).abs().max()) > 0.1


def test_training_sees_other_pictures_when_they_are_distorted_otherwise(trained):
    still = dataclasses.replace(SMALL, **STILL)

    other = PROBLEM.train(cut(BATCH)[0], still, _run())

    features = cut(BATCH)[1].features
    assert (PROBLEM.predict(other, features) != PROBLEM.predict(trained, features)).any()


def test_the_baseline_is_the_nearest_mean_picture_of_a_digit():
    data, test = cut(BATCH)

    said = PROBLEM.baseline(data.train, test)

    pictures, label = data.train.features.to_numpy(), data.train.label
    means = np.stack([pictures[label == digit].mean(axis=0) for digit in range(10)])
    nearest = ((test.features.to_numpy()[:, None] - means) ** 2).sum(axis=2).argmin(axis=1)
    assert (said.argmax(axis=1) == nearest).all()
    np.testing.assert_allclose(said.sum(axis=1), 1)


def test_a_digit_that_the_train_pictures_lack_has_a_probability_too():
    data, test = cut(BATCH)
    without = data.train.rows(data.train.label != 3)

    said = PROBLEM.baseline(FeatureTable(without.keys, without.features, without.label), test)

    assert said.shape == (len(test), 10)
    assert np.isfinite(said).all()


@pytest.mark.slow
def test_the_six_batches_together_beat_their_baseline_by_far(capsys):
    """pytest -m slow -s -k six_batches prints README's numbers."""
    right = {"model": 0.0, "baseline": 0.0}
    rows = 0
    for batch in PROBLEM.sample_partitions:
        data, test = cut(batch)
        model = PROBLEM.train(data, PROBLEM.params, _run(PROBLEM.seed))
        said = {"model": PROBLEM.predict(model, test.features), "baseline": PROBLEM.baseline(data.train, test)}
        found = {who: [value(m, test.label, answer) for m in (ACCURACY, LOG_LOSS)] for who, answer in said.items()}
        cells = [f"{number:.3f}" for pair in zip(*found.values(), strict=True) for number in pair]
        with capsys.disabled():
            print(f"| {batch} | {len(test)} | {' | '.join(cells)} |")
        assert found["model"][1] < found["baseline"][1]
        right = {who: n + found[who][0] * len(test) for who, n in right.items()}
        rows += len(test)
    with capsys.disabled():
        print(f"all six: accuracy {right['model'] / rows:.3f}, baseline {right['baseline'] / rows:.3f}")
    assert right["model"] / rows > 0.96
    assert right["model"] - right["baseline"] >= 0.01 * rows
