from __future__ import annotations

import logging

import pytest

from ml_assets.store import Patience
from ml_assets.store.backends.patience import GaveUp, duration, times
from ml_assets_tests.doubles.hourglass import Hourglass


class Blip(Exception):
    pass


class Server:
    """Fails so often, then answers."""

    def __init__(self, failures: int, error: type[Exception] = Blip) -> None:
        self.failures, self.error, self.asked = failures, error, 0

    def __call__(self) -> str:
        self.asked += 1
        if self.asked <= self.failures:
            raise self.error("not now")
        return "answer"


def ask(glass: Hourglass, server: Server, *, known: bool = True, **patience: float) -> str:
    return glass.patience(**patience).ask("read k", server, lambda error: isinstance(error, Blip), known=known)


@pytest.mark.parametrize("failures", [0, 1, 3, 20])
def test_what_passes_is_waited_for(failures: int) -> None:
    glass, server = Hourglass(), Server(failures)
    assert ask(glass, server) == "answer"
    assert server.asked == failures + 1
    assert len(glass.slept) == failures


def test_pauses_double_up_to_the_longest() -> None:
    ask(glass := Hourglass(), Server(12))
    assert glass.slept == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 15.0, 15.0, 15.0, 15.0, 15.0]


@pytest.mark.parametrize(("chance", "first"), [(0.0, 0.2), (1.0, 0.1), (0.5, 0.15)])
def test_a_pause_is_shortened_at_random_by_up_to_a_half(chance: float, first: float) -> None:
    ask(glass := Hourglass(), Server(1), chance=chance)
    assert glass.slept == [pytest.approx(first)]


@pytest.mark.parametrize(
    ("known", "seconds", "limit"),
    [(True, 300, 300), (False, 300, 30), (False, 20, 20)],
    ids=["has answered", "never answered", "in a hurry"],
)
def test_it_ends_within_the_stated_time_and_says_how_long_was_tried(known: bool, seconds: float, limit: float) -> None:
    glass, server = Hourglass(), Server(10_000)
    with pytest.raises(GaveUp) as gave_up:
        ask(glass, server, known=known, seconds=seconds)
    assert limit - 15 <= glass.now <= limit
    assert (gave_up.value.attempts, gave_up.value.seconds) == (server.asked, glass.now)
    assert isinstance(gave_up.value.__cause__, Blip)


def test_what_does_not_pass_is_an_error_at_once() -> None:
    glass = Hourglass()
    with pytest.raises(KeyError):
        ask(glass, Server(1, KeyError))
    assert glass.slept == []


def test_no_patience_is_one_try() -> None:
    glass, server = Hourglass(), Server(1)
    with pytest.raises(GaveUp, match="1 try"):
        ask(glass, server, seconds=0)
    assert server.asked == 1


def test_waiting_is_said_after_some_seconds_and_not_too_often(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        ask(Hourglass(), Server(4))
    assert caplog.text == ""
    with caplog.at_level(logging.WARNING):
        ask(Hourglass(), Server(12))
    said = [record.message for record in caplog.records]
    assert said[0] == "Cannot read k for 6.2 s now; it is tried for 5 min."
    assert len(said) == 2


def test_who_cannot_wait_waits_less_and_never_longer() -> None:
    assert (Patience().at_most(20).seconds, Patience(5).at_most(20).seconds) == (20, 5)


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.26, "0.3 s"), (9.94, "9.9 s"), (41.4, "41 s"), (300, "5 min"), (303, "5 min 3 s")]
)
def test_durations_are_said_as_people_do(seconds: float, said: str) -> None:
    assert duration(seconds) == said
    assert (times(1), times(27)) == ("1 try", "27 tries")
