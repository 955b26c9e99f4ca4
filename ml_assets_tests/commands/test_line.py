"""What becomes of a template, and which ones are refused."""

from __future__ import annotations

import pytest

from ml_assets.commands import Parameter
from ml_assets.commands.line import SHELL, Filling, faults, filled

NAME, DEPTH = Parameter("name", default="x"), Parameter("depth", "integer", 3)
FILLING = Filling(
    {"name": NAME, "depth": DEPTH}, {"name": "a b; rm -rf /", "depth": 3}, {"inputs": "/in", "outputs": "/my out"}
)


def test_a_program_gets_each_parameter_as_an_argument():
    line = ("prog", "{inputs}/x.csv", "{parameters}", "-d", "{parameter:depth}", "--again={value:depth}")
    assert filled(line, FILLING) == [
        "prog",
        "/in/x.csv",
        "--name=a b; rm -rf /",
        "--depth=3",
        "-d",
        "--depth=3",
        "--again=3",
    ]


def test_a_line_of_the_shell_has_what_is_put_in_quoted():
    assert filled("prog {parameters} > {outputs}/x", FILLING) == [
        *SHELL,
        "prog '--name=a b; rm -rf /' --depth=3 > '/my out'/x",
    ]


@pytest.mark.parametrize(
    "text", ["awk '{print $1}'", "${HOME}", "find . -exec ls {} ;", "jq '{a: 1, b}'", "echo {1..9} {a,b}"]
)
def test_other_braces_are_what_they_are(text: str):
    assert list(faults(text, ())) == []
    assert filled(text, FILLING) == [*SHELL, text]


def test_doubled_braces_are_single_ones():
    assert filled("awk '{{print}}' {inputs}", FILLING)[-1] == "awk '{print}' /in"


REFUSED = {
    "nothing": ("", "run is a line of the shell, or a tuple"),
    "a list": (["prog"], "run is a line of the shell, or a tuple"),
    "a place that there is not": ("prog {input}", "{input} in its line stands for nothing. There are inputs, outputs"),
    "a parameter that is not declared": ("prog {parameter:width}", "{parameter:width} in its line stands for nothing"),
    "several words inside of one": (("prog", "-p{parameters}"), "{parameters} is an argument of its own"),
}


@pytest.mark.parametrize(("line", "said"), REFUSED.values(), ids=REFUSED)
def test_a_line_that_makes_no_sense_is_refused(line, said: str):
    assert said in " ".join(faults(line, (NAME, DEPTH)))
