from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_digits

from ml_assets.errors import NotLanded, UnreadableFile
from ml_assets.problem import files_of
from ml_assets.problems.digits import PROBLEM
from ml_assets.problems.digits.dataset import PIXELS
from ml_assets_tests.problems.digits.landing import Landed, load


def test_the_batches_of_the_sample_hold_every_picture_once():
    landed = [PROBLEM.sample_files(batch) for batch in PROBLEM.sample_partitions]
    pictures = pd.concat([frame for files in landed for frame in files.values()])

    assert [[f"digits/{name}" for name in files] for files in landed] == [
        files_of(PROBLEM, batch) for batch in PROBLEM.sample_partitions
    ]
    assert len(pictures) == 1797
    assert pictures["image"].is_unique


def test_a_batch_is_valid_and_its_pictures_are_those_of_the_set():
    batch = load("batch-02")
    PROBLEM.schema().validate(batch)

    shown = PROBLEM.picture(PROBLEM.features(batch.iloc[:0], batch))

    np.testing.assert_allclose(1 - shown[0], load_digits().images[300] / 16)


def test_a_batch_that_the_sample_does_not_hold_is_refused():
    with pytest.raises(NotLanded, match=r"no batch 'batch-07'.*batch-01 to batch-06"):
        PROBLEM.sample_files("batch-07")


def test_a_batch_without_some_pixels_is_refused_with_their_number():
    (name, frame), *_ = PROBLEM.sample_files("batch-01").items()
    cut = Landed({name: frame.drop(columns=[PIXELS[3], PIXELS[9]])})

    with pytest.raises(UnreadableFile, match=rf"{name} lacks 2 columns, such as pixel_0_3; .*one row per picture"):
        PROBLEM.dataset(PROBLEM.partitions.partition("batch-01"), cut)


def test_a_picture_without_a_digit_and_a_column_nobody_asked_for_are_taken():
    (name, frame), *_ = PROBLEM.sample_files("batch-01").items()
    other = frame.assign(digit=frame["digit"].where(frame.index > 0), scanner="north")

    data = PROBLEM.dataset(PROBLEM.partitions.partition("batch-01"), Landed({name: other}))

    PROBLEM.schema().validate(data)
    assert np.isnan(data["digit"][0])
