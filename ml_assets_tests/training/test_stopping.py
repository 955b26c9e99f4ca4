"""SIGTERM and SIGINT: a question to a training that looks, an interruption for any other."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ml_assets.training import stopping
from ml_assets.training.stopping import asked_by_signal


class Interruption(BaseException):
    """What the handler before raises, as Dagster's does."""


def interrupt(number: int, frame: object) -> None:
    raise Interruption


@pytest.fixture(autouse=True, params=stopping.SIGNALS, ids=["SIGTERM", "SIGINT"])
def number(request) -> Iterator[signal.Signals]:
    """With the handlers that Dagster has."""
    before = {one: signal.signal(one, interrupt) for one in stopping.SIGNALS}
    yield request.param
    assert [signal.getsignal(one) for one in stopping.SIGNALS] == [interrupt, interrupt]
    for one, handler in before.items():
        signal.signal(one, handler)


def ask(number: signal.Signals) -> None:
    os.kill(os.getpid(), number)


def test_a_training_that_looks_is_asked_and_ends_by_itself(number):
    class Ended(Exception):
        pass

    with pytest.raises(Ended), asked_by_signal() as is_asked:
        assert not is_asked()
        ask(number)
        assert is_asked()
        raise Ended


def test_a_training_that_never_looks_is_interrupted(number):
    with pytest.raises(Interruption), asked_by_signal():
        ask(number)
        pytest.fail("it went on")


def test_who_is_asked_again_a_while_later_is_interrupted(number, monkeypatch):
    monkeypatch.setattr(stopping, "ONCE_SECONDS", 0.0)
    with pytest.raises(Interruption), asked_by_signal() as is_asked:
        is_asked()
        ask(number)
        ask(number)
        pytest.fail("it went on")


def test_one_ctrl_c_that_comes_by_two_ways_is_one_question(number):
    class Ended(Exception):
        pass

    with pytest.raises(Ended), asked_by_signal() as is_asked:
        is_asked()
        ask(number)
        ask(number)
        assert is_asked()
        raise Ended


def test_a_training_that_came_to_its_end_meanwhile_leaves_the_question_to_whoever_is_outside(number):
    ended = False
    with pytest.raises(Interruption):
        with asked_by_signal() as is_asked:
            is_asked()
            ask(number)
            ended = True
        pytest.fail("it went on")
    assert ended


def test_without_a_signal_nothing_happens():
    with asked_by_signal() as is_asked:
        assert not is_asked()


def test_in_another_thread_nobody_asks():
    heard = []

    def train() -> None:
        with asked_by_signal() as is_asked:
            heard.append(is_asked())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert heard == [False]
