"""What is told of a training's numbers, and how often."""

from __future__ import annotations

import math

from ml_assets.orchestration.observations import Observations


class Heard:
    def __init__(self) -> None:
        self.now, self.told = 0.0, []  # type: float, list[dict[str, Any]]
        self.observations = Observations(self.told.append, 10, lambda: self.now)

    def log(self, at: float, step: int, **metrics: float) -> None:
        self.now = at
        self.observations(step, metrics)


def test_numbers_are_told_at_once_then_now_and_then_and_at_the_end():
    heard = Heard()
    for second in range(25):
        heard.log(second, second * 100, train_loss=1 / (1 + second))
    heard.observations.tell()
    heard.observations.tell()

    assert [told["step"] for told in heard.told] == [0, 1000, 2000, 2400]


def test_each_metric_is_told_with_its_newest_number():
    heard = Heard()
    heard.log(0, 1, train_loss=0.9)
    heard.log(1, 2, train_loss=0.8, validation_loss=1.5)
    heard.log(11, 3, train_loss=0.7)

    assert heard.told[-1] == {"step": 3, "train_loss": 0.7, "validation_loss": 1.5}


def test_what_is_no_finite_number_is_left_out():
    heard = Heard()
    heard.log(0, 1, train_loss=math.nan, learning_rate=0.1, worst=math.inf)
    assert heard.told == [{"step": 1, "learning_rate": 0.1}]


def test_where_nothing_was_logged_nothing_is_told():
    heard = Heard()
    heard.observations.tell()
    assert heard.told == []


def test_what_was_logged_too_soon_is_told_without_another_word_once_its_time_has_come():
    heard = Heard()
    heard.log(0, 1, deviance=9.0)
    heard.log(1, 2, deviance=8.0)
    told = []
    for heard.now in (2, 9.9, 10, 11, 30):
        heard.observations.catch_up()
        told.append([one["step"] for one in heard.told])
    assert told == [[1], [1], [1, 2], [1, 2], [1, 2]]
