"""The memory of the alerts, with a clock and a destination that do as they are told."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ml_assets.alerts.alert import Alert
from ml_assets.alerts.outbox import (
    FULL,
    LONGEST_PAUSE,
    LONGEST_WISH,
    MAX_SUBJECTS,
    SENDING_SECONDS,
    Happening,
    NotSent,
    Outbox,
)
from ml_assets.alerts.position import SETTLED_SECONDS
from ml_assets.errors import UsageError

NOW = 1_000_000.0
LONG_AGO = NOW - SETTLED_SECONDS - 1


def failed(number: int, subject: str = "a [1]", text: str = "Boom.", at: float = NOW) -> Happening:
    return Happening(number, at, alerts=(Alert(subject, "failure", f"{subject} failed", text),))


def made(number: int, subject: str = "a [1]", at: float = NOW) -> Happening:
    return Happening(number, at, made=subject)


def decided(number: int, text: str, subject: str = "c [1]") -> Happening:
    return Happening(number, NOW, subject, (Alert(subject, "decision", f"{subject} was not promoted", text),))


def told(*happenings: Happening, outbox: Outbox | None = None) -> list[str]:
    after = (outbox or Outbox(0)).after(happenings, NOW)
    return [f"{alert.subject}: {alert.text}" for alert in after.waiting]


def test_a_finding_is_told_once_while_it_persists():
    assert told(failed(1), failed(2), failed(3)) == ["a [1]: Boom."]


def test_another_finding_another_partition_and_another_asset_are_told():
    happenings = (
        failed(1),
        failed(2, text="Bang."),
        failed(3, "a [2]"),
        failed(4, "b [1]"),
        failed(5),
        failed(6, text="Bang."),
    )
    assert told(*happenings) == ["a [1]: Boom.", "a [1]: Bang.", "a [2]: Boom.", "b [1]: Boom."]


def test_what_fails_again_after_it_was_made_is_told_again():
    assert told(failed(1), made(2), failed(3), made(4, "a [2]"), failed(5)) == ["a [1]: Boom."] * 2


def test_deciding_the_same_again_is_told_once_and_another_decision_again():
    same = decided(1, "No gain."), decided(2, "No gain."), decided(3, "Worse."), decided(4, "No gain.")
    assert told(*same) == ["c [1]: No gain.", "c [1]: Worse.", "c [1]: No gain."]


def test_a_promotion_ends_a_refused_one():
    assert told(decided(1, "No gain."), made(2, "c [1]"), decided(3, "No gain.")) == ["c [1]: No gain."] * 2


def test_what_was_told_is_known_after_a_restart():
    before = Outbox(0).after([failed(1)], NOW)
    assert told(failed(2), outbox=Outbox.from_cursor(before.to_cursor())) == ["a [1]: Boom."]


def test_the_memory_survives_being_written_and_read():
    outbox = Outbox(3, failures=2, not_before=NOW + 7).after([failed(5), made(7), decided(9, "„&“\n")], NOW)
    assert Outbox.from_cursor(outbox.to_cursor()) == outbox


def test_of_a_memory_that_is_full_the_oldest_subjects_are_forgotten():
    happenings = [failed(n, f"a [{n}]") for n in range(MAX_SUBJECTS + 1)]
    outbox = Outbox(0).after(happenings, NOW)
    assert len(outbox.known) == MAX_SUBJECTS
    assert "a [0]" not in outbox.known
    assert len(outbox.to_cursor()) < 300 * MAX_SUBJECTS


def test_the_position_follows_what_is_settled_and_the_rest_is_remembered_as_seen():
    outbox = Outbox(0).after([made(3, at=LONG_AGO), made(5, at=LONG_AGO), made(8), made(9)], NOW)
    assert (outbox.position, sorted(outbox.seen)) == (5, [8, 9])
    later = outbox.after([], NOW + SETTLED_SECONDS + 1)
    assert (later.position, dict(later.seen)) == (9, {})


def test_the_position_never_passes_what_was_left_unread_nor_a_number_that_may_come_late():
    outbox = Outbox(0, seen={12: LONG_AGO}).after([made(10, at=LONG_AGO)], NOW, unread=11)
    assert (outbox.position, sorted(outbox.seen)) == (10, [12])
    assert Outbox(0).after([made(10), made(12, at=LONG_AGO)], NOW).position == 0


class Chat:
    """Takes alerts; refuses the first ones as told. Each attempt takes a second."""

    def __init__(self, *troubles: NotSent | None) -> None:
        self.troubles: Iterator[NotSent | None] = iter(troubles)
        self.taken: list[str] = []
        self.now = NOW

    def send(self, alert: Alert) -> NotSent | None:
        self.now += 1
        trouble = next(self.troubles, None)
        if trouble is None:
            self.taken.append(alert.subject)
        return trouble

    def clock(self) -> float:
        return self.now


DOWN = NotSent("it is down")


def waiting(count: int) -> Outbox:
    return Outbox(0).after([failed(n, f"a [{n}]") for n in range(1, count + 1)], NOW)


def test_alerts_are_sent_in_order_and_each_once():
    chat = Chat()
    left, trouble = waiting(3).sent(chat.send, chat.clock)
    assert (chat.taken, left.waiting, trouble) == (["a [1]", "a [2]", "a [3]"], (), None)
    assert left.sent(chat.send, chat.clock) == (left, None)
    assert len(chat.taken) == 3


def test_one_that_cannot_be_sent_keeps_its_place():
    chat = Chat(None, DOWN, DOWN)
    outbox, trouble = waiting(3).sent(chat.send, chat.clock)
    assert (chat.taken, trouble) == (["a [1]"], DOWN)
    for _ in range(3):
        chat.now += LONGEST_PAUSE
        outbox, _ = Outbox.from_cursor(outbox.to_cursor()).sent(chat.send, chat.clock)
    assert chat.taken == ["a [1]", "a [2]", "a [3]"]
    assert (outbox.waiting, outbox.failures, outbox.not_before) == ((), 0, 0)


def test_pauses_grow_to_a_limit_and_nothing_is_tried_meanwhile():
    chat = Chat(*[DOWN] * 8)
    outbox, pauses = waiting(1), []
    for _ in range(8):
        outbox, _ = outbox.sent(chat.send, chat.clock)
        pauses.append(outbox.not_before - chat.now)
        assert outbox.sent(chat.send, chat.clock) == (outbox, None), "it is too early"
        chat.now = outbox.not_before
    assert pauses == [5, 10, 20, 40, 60, 60, 60, 60]
    assert outbox.sent(chat.send, chat.clock)[0].waiting == ()


@pytest.mark.parametrize(("wish", "pause"), [(30, 30), (1, 5), (1e9, LONGEST_WISH)])
def test_the_other_side_may_ask_for_a_longer_pause_within_reason(wish, pause):
    chat = Chat(NotSent("too many", wish))
    outbox, _ = waiting(1).sent(chat.send, chat.clock)
    assert outbox.not_before - chat.now == pause


def test_one_look_sends_for_a_limited_time():
    chat = Chat()
    left, _ = waiting(SENDING_SECONDS + 5).sent(chat.send, chat.clock)
    assert len(chat.taken) == SENDING_SECONDS
    assert len(left.waiting) == 5


def test_an_outbox_is_full_before_it_is_large():
    assert not waiting(FULL - 1).full
    assert waiting(FULL).full


@pytest.mark.parametrize("cursor", ["", "12", "{}", '{"position": 1}', "[]", "null"])
def test_a_cursor_of_somebody_else_is_refused_with_what_to_do(cursor):
    with pytest.raises(UsageError, match=r"is not one that it wrote.*Reset it on the sensor's page"):
        Outbox.from_cursor(cursor)
