"""SIGTERM: a question to a training that looks, an interruption for any other."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from ml_assets.training.stopping import asked_by_sigterm


class Interruption(BaseException):
    """What the handler before raises, as Dagster's does."""


def interrupt(number: int, frame: object) -> None:
    raise Interruption


@pytest.fixture(autouse=True)
def _as_dagster_has_it() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, interrupt)
    yield
    signal.signal(signal.SIGTERM, before)


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_training_that_looks_is_asked_and_ends_by_itself():
    class Ended(Exception):
        pass

    with pytest.raises(Ended), asked_by_sigterm() as is_asked:
        assert not is_asked()
        terminate()
        assert is_asked()
        raise Ended
    assert signal.getsignal(signal.SIGTERM) is interrupt


def test_a_training_that_never_looks_is_interrupted():
    with pytest.raises(Interruption), asked_by_sigterm():
        terminate()
        pytest.fail("it went on")
    assert signal.getsignal(signal.SIGTERM) is interrupt


def test_who_is_asked_twice_is_interrupted():
    with pytest.raises(Interruption), asked_by_sigterm() as is_asked:
        is_asked()
        terminate()
        terminate()
        pytest.fail("it went on")


def test_a_training_that_came_to_its_end_meanwhile_leaves_the_question_to_whoever_is_outside():
    ended = False
    with pytest.raises(Interruption):
        with asked_by_sigterm() as is_asked:
            is_asked()
            terminate()
            ended = True
        pytest.fail("it went on")
    assert ended


def test_without_a_signal_nothing_happens():
    with asked_by_sigterm() as is_asked:
        assert not is_asked()
    assert signal.getsignal(signal.SIGTERM) is interrupt


def test_in_another_thread_nobody_asks():
    heard = []

    def train() -> None:
        with asked_by_sigterm() as is_asked:
            heard.append(is_asked())

    thread = threading.Thread(target=train)
    thread.start()
    thread.join()
    assert heard == [False]
