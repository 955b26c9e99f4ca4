"""Which lines are metrics, and what is kept of the others."""

from __future__ import annotations

import pytest

from ml_assets.commands.said import LAST_LINES, LONGEST_LOG, MOST_NAMES, Said, numbers_in

LINES = {
    "a curve": ('{"step": 3, "loss": 0.5}', {"step": 3.0, "loss": 0.5}),
    "no step": ('{"loss": 1}', {"loss": 1.0}),
    "spaces around it": ('  {"loss": 1}  ', {"loss": 1.0}),
    "text beside numbers": ('{"loss": 1, "stage": "warm"}', {"loss": 1.0}),
    "truths": ('{"done": true}', {}),
    "no number": ('{"loss": NaN}', {"loss": pytest.approx(float("nan"), nan_ok=True)}),
    "a number beyond all": (f'{{"loss": 1{"0" * 400}}}', {}),
    "half a step": ('{"step": 0.5, "loss": 1}', None),
    "a step back in time": ('{"step": -1, "loss": 1}', None),
    "a step of text": ('{"step": "3", "loss": 1}', None),
    "cut short": ('{"loss": 1', None),
    "a list": ("[1]", None),
    "words": ("loss 1", None),
    "too deep": ("{" + '"a":{' * 100_000, None),
    "nothing": ("", None),
}


@pytest.mark.parametrize(("line", "found"), LINES.values(), ids=LINES)
def test_numbers_are_found(line: str, found):
    assert numbers_in(line) == found


@pytest.fixture
def said():
    heard = Said([].append, lambda step, numbers: heard.curve.append((step, numbers)))
    heard.curve = []
    return heard


def lines(said: Said) -> list[str]:
    return said.log.__self__


def test_metrics_without_a_step_are_of_the_last_one(said):
    for line in (b'{"loss": 3}\n', b'{"step": 5, "loss": 2}\n', b'{"loss": 1}\n'):
        said.hear("stdout", line)
    assert said.curve == [(0, {"loss": 3.0}), (5, {"loss": 2.0}), (5, {"loss": 1.0})]
    assert lines(said) == []


def test_a_program_that_counts_in_the_names_of_its_metrics_is_heard_for_a_while(said):
    for n in range(1_000):
        said.hear("stdout", f'{{"loss_{n}": 1, "loss": 2, "self": 3}}\n'.encode())
    assert len({name for _, numbers in said.curve for name in numbers}) == MOST_NAMES
    assert said.curve[-1] == (0, {"loss": 2.0})


def test_standard_error_is_never_metrics(said):
    said.hear("stderr", b'{"loss": 3}\n')
    assert (said.curve, lines(said)) == ([], ['{"loss": 3}'])


def test_what_is_no_utf_8_is_shown(said):
    said.hear("stdout", b"caf\xe9 \xc3\xa9\r\n")
    assert lines(said) == ["caf\\xe9 é"]


def test_the_last_words_are_those_of_standard_error_if_there_are_any(said):
    said.hear("stdout", b"all is well\n")
    assert said.last_words == "all is well"
    for n in range(100):
        said.hear("stderr", f"{n}\n".encode())
    assert said.last_words.split() == [str(n) for n in range(100 - LAST_LINES, 100)]


def test_of_very_much_the_beginning_is_passed_on_and_metrics_count_to_the_end(said):
    line = b"x" * 60_000 + b"\n"
    for _ in range(LONGEST_LOG // 60_000 + 5):
        said.hear("stdout", line)
    said.hear("stdout", b'{"loss": 1}\n')
    assert sum(map(len, lines(said))) < LONGEST_LOG + 100
    assert lines(said)[-1].startswith("… it says more than is shown")
    assert said.curve == [(0, {"loss": 1.0})]
