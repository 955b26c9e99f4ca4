"""Which tensors of two models differ, and by how much."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pytest
import torch

from ml_assets.cli.diff import lines
from ml_assets.lineage.diff import diff
from ml_assets.lineage.diff.weights import TensorDiff, weights_diff
from ml_assets.lineage.diff.words import MOST_TENSORS
from ml_assets.store import Manifest, Store, VersionKey, open_store, trust


@trust
@dataclass(frozen=True)
class Network:
    width: int
    weights: dict[str, torch.Tensor]


def test_tensors_that_differ_are_told_with_the_largest_difference_the_farthest_first():
    old = {"a": torch.tensor([1.0, 2.0]), "b": torch.zeros(3), "same": torch.ones(2)}
    new = {"a": torch.tensor([1.0, 2.5]), "b": torch.tensor([0.0, 4.0, -1.0]), "same": torch.ones(2)}
    assert weights_diff(old, new) == (TensorDiff("b", "", 2, 4.0), TensorDiff("a", "", 1, 0.5))


def test_tensors_of_another_kind_are_told_first():
    old = {"gone": torch.ones(1), "wider": torch.ones(4, 2), "cast": torch.ones(2), "n": torch.zeros(1)}
    new = {
        "new": torch.ones(1),
        "wider": torch.ones(8, 2),
        "cast": torch.ones(2, dtype=torch.bfloat16),
        "n": torch.ones(1),
    }
    assert [(one.name, one.how) for one in weights_diff(old, new)] == [
        ("cast", "(2,) float32 -> (2,) bfloat16"),
        ("gone", "removed"),
        ("new", "added"),
        ("wider", "(4, 2) float32 -> (8, 2) float32"),
        ("n", ""),
    ]


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.bfloat16, torch.complex64], ids=str)
def test_numbers_of_any_type_are_compared(dtype: torch.dtype):
    (found,) = weights_diff({"x": torch.zeros(2, dtype=dtype)}, {"x": torch.ones(2, dtype=dtype)})
    assert found == TensorDiff("x", "", 2, 1.0)


def test_what_is_no_number_equals_itself_and_nothing_else():
    nan = {"x": torch.tensor([math.nan, 1.0])}
    assert weights_diff(nan, nan) == ()
    assert weights_diff(nan, {"x": torch.tensor([0.0, 1.0])}) == (TensorDiff("x", "", 1, None),)


def published(store: Store, **weights: torch.Tensor) -> VersionKey:
    content = store.put(Network(2, weights))
    return store.publish(Manifest("rain/model", "2024-01", content), why="a test")[0]


def test_the_command_tells_of_two_models_which_tensors_differ(tmp_path):
    store = open_store(str(tmp_path))
    old = published(store, bias=torch.zeros(2), scale=torch.ones(1))
    new = published(store, bias=torch.tensor([0.0, 0.25]), scale=torch.ones(1))

    found = diff(store, old, new)

    assert "  weights.bias differs in 1 number, by 0.25 at most" in list(lines(found))
    assert found.to_json()["weights"] == ({"name": "weights.bias", "how": "", "numbers": 1, "largest": 0.25},)


def test_of_many_tensors_the_first_are_told_and_the_others_counted(tmp_path):
    store = open_store(str(tmp_path))
    old, new = (
        published(store, **{f"w{n:02d}": torch.full((1,), at) for n in range(MOST_TENSORS + 5)}) for at in (0.0, 1.0)
    )
    said = list(lines(diff(store, old, new)))
    assert sum("differs in" in line for line in said) == MOST_TENSORS
    assert "  and 5 more" in said


def test_models_without_tensors_have_none_that_differ(tmp_path):
    store = open_store(str(tmp_path))
    keys = [store.publish(Manifest("rain/model", "2024-01", store.put([n])), why="a test")[0] for n in (1, 2)]
    assert diff(store, *keys).weights == ()
