from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import nn

from ml_assets.training.inference import BLOCK_ROWS, answers

ROWS = 2 * BLOCK_ROWS + 7


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def _network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(90, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 3))


def _rows() -> torch.Tensor:
    return torch.randn(ROWS, 90, generator=torch.Generator().manual_seed(1))


def test_a_row_s_answer_does_not_depend_on_the_rows_beside_it_to_the_last_bit():
    network, rows = _network(), _rows()
    whole = answers(network, rows)

    for some in (torch.arange(1), torch.arange(3, 10), torch.randperm(ROWS), torch.arange(ROWS - 5, ROWS)):
        np.testing.assert_array_equal(answers(network, rows[some]), whole[some.numpy()])


def test_the_number_of_threads_changes_no_bit_of_an_answer(threads):
    found = set()
    for number in (1, 2, 3):
        torch.set_num_threads(number)
        found.add(answers(_network(), _rows()).tobytes())

    assert len(found) == 1


def test_nothing_is_dropped_out_and_no_gradient_kept():
    network = _network()
    rows = _rows()
    expected = network.eval()(rows).detach().numpy()

    np.testing.assert_allclose(answers(network.train(), rows), expected, rtol=1e-5, atol=1e-6)


def test_no_rows_have_no_answers_of_the_right_shape():
    assert answers(_network(), torch.empty(0, 90)).shape == (0, 3)
