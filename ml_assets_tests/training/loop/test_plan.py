"""Which rows, which learning rate: functions of the number of the step."""

from __future__ import annotations

import dataclasses

import pytest

from ml_assets.errors import InvalidParams
from ml_assets.training.loop import Loop
from ml_assets.training.loop.plan import Plan, pieces
from ml_assets.training.loop.schedule import learning_rate


def test_the_steps_of_an_epoch_have_each_position_once():
    plan = Plan(1_000, Loop(batch_rows=128, epochs=3))
    taken = [position for step in range(plan.per_epoch) for position in range(*plan.bounds(step))]

    assert taken == list(range(1_000))
    assert (plan.per_epoch, plan.steps) == (8, 24)
    assert plan.bounds(8) == plan.bounds(0) == (0, 128)


@pytest.mark.parametrize("size", [1, 2, 3, 8])
@pytest.mark.parametrize("accumulate", [1, 2, 5])
@pytest.mark.parametrize("rows", [1, 2, 7, 64, 65])
def test_ranks_and_pieces_have_each_row_of_a_batch_once_and_all_as_many_pieces(rows: int, size: int, accumulate: int):
    shares = [pieces(100, 100 + rows, accumulate, rank, size) for rank in range(size)]
    taken = [n for share in shares for piece in share if piece.counts for n in range(piece.low, piece.high)]

    assert taken == list(range(100, 100 + rows))
    assert len({len(share) for share in shares}) == 1
    assert all(100 <= piece.low < piece.high <= 100 + rows for share in shares for piece in share)


def test_the_learning_rate_rises_then_falls_along_a_cosine():
    loop = Loop(learning_rate=2.0, warmup_fraction=0.1)
    rates = [learning_rate(loop, step, 100) for step in range(100)]

    assert rates[:10] == pytest.approx([0.2 * n for n in range(1, 11)])
    assert rates[10] == 2.0
    assert rates[55] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_a_constant_learning_rate_stays_after_the_warm_up():
    loop = Loop(learning_rate=2.0, warmup_fraction=0.5, schedule="constant")

    assert [learning_rate(loop, step, 4) for step in range(4)] == [1.0, 2.0, 2.0, 2.0]
    assert learning_rate(dataclasses.replace(loop, warmup_fraction=0), 0, 4) == 2.0


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epochs": 0}, "counted from 1"),
        ({"batch_rows": 0}, "counted from 1"),
        ({"learning_rate": 0.0}, "more than 0"),
        ({"learning_rate": float("nan")}, "more than 0"),
        ({"weight_decay": -1.0}, "0 .none. or more"),
        ({"clip_norm": float("inf")}, "0 .none. or more"),
        ({"warmup_fraction": 5.0}, "from 0 to 1"),
        ({"schedule": "linear"}, "'cosine' or 'constant'"),
        ({"precision": "float16"}, "'float32' or 'bfloat16'"),
        ({"accumulate": 600}, "from 1 to batch_rows"),
        ({"patience": -1}, "never ends early"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_a_loop_that_makes_no_sense_is_refused(change: dict, says: str):
    with pytest.raises(InvalidParams, match=f"Loop.*{says}"):
        Loop(**change)
