"""Parameters are declared, typed, and checked; how they are passed is what Valohai's own library makes of them."""

from __future__ import annotations

from typing import Any

import pytest
from valohai_yaml.objs import Parameter as Theirs

from ml_assets.commands import Command, Parameter
from ml_assets.errors import InvalidParams, InvalidProblem

DEPTH = Parameter("depth", "integer", 3, min=1, max=9)
REFUSED = {
    "text for a number": (DEPTH, "3", "'depth' is '3', which is no integer"),
    "a fraction": (DEPTH, 2.5, "which is no integer"),
    "a truth for a number": (DEPTH, True, "which is no integer"),
    "too little": (DEPTH, 0, "'depth' is 0, below its min 1"),
    "too much": (DEPTH, 10, "'depth' is 10, above its max 9"),
    "no number": (Parameter("rate", "float"), float("nan"), "which is no float"),
    "no choice": (Parameter("link", choices=("logit", "probit")), "log", "none of its choices 'logit', 'probit'"),
    "nothing": (Parameter("rate", "float"), None, "'rate' has no value. Give one, or a default."),
    "one for several": (Parameter("layer", "integer", multiple="repeat"), 3, "takes several values; 3 is no list"),
    "a number for a flag": (Parameter("fast", "flag", False), 1, "which is no flag"),
    "NUL": (Parameter("name"), "a\0b", "no program can be given the character NUL"),
}


@pytest.mark.parametrize(("parameter", "value", "said"), REFUSED.values(), ids=REFUSED)
def test_a_value_is_refused(parameter: Parameter, value: Any, said: str):
    with pytest.raises(InvalidParams) as refused:
        parameter.checked(value)
    assert said in str(refused.value)


def test_whole_numbers_are_floats_and_an_optional_one_may_be_nothing():
    assert Parameter("rate", "float").checked(2) == 2
    assert Parameter("rate", "float", optional=True).checked(None) is None
    assert Parameter("layer", "integer", multiple="repeat").checked([3, 4]) == (3, 4)


FAULTS = {
    "another type": (Parameter("depth", "int", 3), "has the type 'int'; there are string, integer, float, flag"),  # type: ignore[arg-type]
    "a default out of its limits": (Parameter("depth", "integer", 0, min=1), "the default of 'depth' is 0, below its min 1"),
    "a default of another type": (Parameter("depth", "integer", "3"), "the default of 'depth' is '3', which is no integer"),
    "limits of text": (Parameter("name", max=3), "min or max, which are of numbers, and the type string"),
    "limits that leave nothing": (Parameter("depth", "integer", min=5, max=1), "min 5 above max 1"),
    "a choice of another type": (Parameter("depth", "integer", choices=("a",)), "the choice 'a', which is no integer"),
    "several flags": (Parameter("fast", "flag", multiple="repeat"), "not of flags"),
    "a way of passing": (Parameter("depth", "integer", 3, pass_as="--{depth}"), "pass_as '--{depth}' cannot be filled in"),
}  # fmt: skip


@pytest.mark.parametrize(("parameter", "said"), FAULTS.values(), ids=FAULTS)
def test_a_declaration_that_makes_no_sense_is_refused(parameter: Parameter, said: str):
    with pytest.raises(InvalidProblem) as refused:
        Command("true", parameters=(parameter,))
    assert said in str(refused.value)


PASSED: dict[str, tuple[dict[str, Any], Any]] = {
    "an integer": ({"type": "integer"}, 3),
    "a float": ({"type": "float"}, 1e-05),
    "text with spaces": ({"type": "string"}, "a b 'c'"),
    "a flag that is true": ({"type": "flag"}, True),
    "a flag that is false": ({"type": "flag"}, False),
    "as two words": ({"type": "integer", "pass_as": "-d {value}"}, 3),
    "by their short name": ({"type": "integer", "pass_as": "--{name}:{v}"}, 3),
    "each by itself": ({"type": "integer", "multiple": "repeat"}, (3, 4)),
    "together": ({"type": "string", "multiple": "separate", "multiple_separator": "/"}, ("a", "b")),
    "none of several": ({"type": "string", "multiple": "separate"}, ()),
    "nothing": ({"type": "float", "optional": True}, None),
}


@pytest.mark.parametrize(("declared", "value"), PASSED.values(), ids=PASSED)
def test_it_is_passed_as_valohai_passes_it(declared: dict[str, Any], value: Any):
    theirs = Theirs(name="depth", **declared)
    ours = {("separator" if name == "multiple_separator" else name): of for name, of in declared.items()}
    parameter = Parameter("depth", **ours)

    plain = list(value) if isinstance(value, tuple) else value
    assert parameter.arguments(parameter.checked(value)) == (theirs.format_cli(plain) or [])
