"""A command line: a template, and what is put in its places. Pure.

    {inputs} {outputs} {checkpoints}    folders
    {seed} {partition} {start} {end}    where there are such
    {parameters}                        all parameters, each as its ``pass_as`` says
    {parameter:NAME}                    one of them, likewise
    {value:NAME}                        its value alone

A line of the shell has what is put in quoted. In a program's arguments ``{parameters}`` and ``{parameter:NAME}`` stand alone,
and become as many arguments as they take. ``{{word}}`` is ``{word}``; other braces are what they are: ``{print $1}``,
``${HOME}``, ``{1..9}``.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from ml_assets.commands.parameter import Parameter, Value

Line = str | tuple[str, ...]
PLACES = ("inputs", "outputs", "checkpoints", "seed", "partition", "start", "end")
SHELL = ("bash", "-euo", "pipefail", "-c")
"""A program of a pipeline that fails makes all of it fail, as a variable does that is not set."""
_NAME = r"(?:parameter|value):[^{}\s][^{}]*|[A-Za-z_][\w-]*"
_PLACE = re.compile(rf"\{{\{{({_NAME})\}}\}}|(?<!\$)\{{({_NAME})\}}")
_OF_PARAMETERS = re.compile(r"parameters|parameter:.+")


@dataclass(frozen=True)
class Filling:
    """What is put in.

    Attributes:
        places: name -> text, of ``PLACES`` those that there are.
        values: parameter -> value.
    """

    parameters: Mapping[str, Parameter]
    values: Mapping[str, Value]
    places: Mapping[str, str]

    def words(self, place: str) -> list[str]:
        """What a place stands for, as words."""
        if place == "parameters":
            return [word for name in self.parameters for word in self.words(f"parameter:{name}")]
        kind, _, name = place.partition(":")
        if kind == "parameter":
            return self.parameters[name].arguments(self.values[name])
        return [self.parameters[name].text(self.values[name]) if kind == "value" else self.places.get(place, "")]


def filled(line: Line, filling: Filling) -> list[str]:
    """The program and its arguments."""
    if isinstance(line, str):
        return [*SHELL, _replaced(line, lambda place: shlex.join(filling.words(place)))]
    return [word for one in line for word in _argument(one, filling)]


def faults(line: Line, parameters: Sequence[Parameter]) -> Iterator[str]:
    """What makes no sense in a line, each as a sentence."""
    if not line or (not isinstance(line, str) and not (isinstance(line, tuple) and all(map(_is_text, line)))):
        yield "run is a line of the shell, or a tuple of a program and its arguments: ('Rscript', 'fit.R')."
        return
    names = {one.name for one in parameters}
    for text in [line] if isinstance(line, str) else line:
        for place in places(text):
            kind, _, name = place.partition(":")
            if place not in (*PLACES, "parameters") and (kind not in ("parameter", "value") or name not in names):
                known = ", ".join([*PLACES, "parameters", *(f"parameter:{name}" for name in sorted(names))])
                yield f"{{{place}}} in its line stands for nothing. There are {known}. As it is: {{{{{place}}}}}."
            elif _OF_PARAMETERS.fullmatch(place) and not isinstance(line, str) and text != f"{{{place}}}":
                yield f"{{{place}}} is an argument of its own, and stands inside of {text!r}. Write {{value:…}} there."


def places(text: str) -> list[str]:
    """The names of the places in a text."""
    return [match[2] for match in _PLACE.finditer(text) if match[2]]


def _argument(text: str, filling: Filling) -> list[str]:
    if (match := _PLACE.fullmatch(text)) and match[2] and _OF_PARAMETERS.fullmatch(match[2]):
        return filling.words(match[2])
    return [_replaced(text, lambda place: "".join(filling.words(place)))]


def _replaced(text: str, put: Callable[[str], str]) -> str:
    return _PLACE.sub(lambda match: put(match[2]) if match[2] else f"{{{match[1]}}}", text)


def _is_text(word: object) -> bool:
    return isinstance(word, str) and "\0" not in word
