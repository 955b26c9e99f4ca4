"""A step of Valohai's as a command of ours. Pure.

What says where and how large a machine is (``environment``, ``resources``), and what is for people, is ``Compute``'s and the
problem's here, and left out. What would change what the program sees, and is not carried out here, is refused.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.commands.command import Command
from ml_assets.commands.line import places
from ml_assets.commands.roles import INPUTS
from ml_assets.commands.valohai.parameters import parameter_of
from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    from valohai_yaml.objs import Step

LENIENT = "set +u"  # their shell does not mind variables that are not set
_BRACES = re.compile(r"(?<!\$)\{([^{}]+)\}")


def command_of(step: Step, *, where: str, inputs: Mapping[str, str], in_image: bool, **fields: Any) -> Command:
    """The command.

    Args:
        where: how errors call the step.
        fields: further ones of ``Command``.
    Raises:
        InvalidProblem: if something in the step is not carried out here.
    """
    if found := list(_not_carried_out(step, inputs, fields["reads"])):
        raise InvalidProblem(f"{where}: {found[0]}")
    lines = [step.command] if isinstance(step.command, str) else step.command
    variables = step.environment_variables.values()
    return Command(
        "\n".join([LENIENT, *(_line(line, step) for line in lines)]),
        parameters=tuple(map(parameter_of, step.parameters.values())),
        inputs=inputs,
        environment=tuple(one.name for one in variables if one.default is None and not one.optional),
        variables={one.name: str(one.default) for one in variables if one.default is not None},
        image=step.image if in_image else "",
        time_limit_seconds=step.time_limit.total_seconds() if step.time_limit else 0.0,
        silence_limit_seconds=step.no_output_timeout.total_seconds() if step.no_output_timeout else 0.0,
        **fields,
    )


def _not_carried_out(step: Step, inputs: Mapping[str, str], reads: tuple[str, ...]) -> Iterator[str]:
    if step.mounts:
        yield "its mounts are not there here. Name files that it reads among the sources of the problem."
    if step.stop_condition:
        yield "its stop-condition is not looked at here. Let the program end by itself."
    for name in inputs.values():
        if name not in step.inputs:
            yield f"it has no input {name!r}. It has {', '.join(step.inputs) or 'none'}."
    given = {*inputs.values(), *reads, *(name for names in INPUTS.values() for name in names)}
    for one in step.inputs.values():
        if one.name not in given and not one.optional:
            yield f"nobody gives its input {one.name!r}. Say which of ours it is: inputs={{'train': {one.name!r}}}."


def _line(line: str, step: Step) -> str:
    """A line with our names of places; what is no place of theirs is what it is."""
    return _BRACES.sub(lambda match: _place(match[1], step), line)


def _place(place: str, step: Step) -> str:
    kind, _, name = place.partition(":")
    if place in ("parameters", "params"):
        return "{parameters}"
    if place == "source-path" and step.source_path is not None:
        return shlex.quote(step.source_path)
    if name and kind in ("parameter", "parameter-value"):
        return f"{{{'value' if kind == 'parameter-value' else kind}:{name}}}"
    as_it_is = f"{{{place}}}"
    return f"{{{as_it_is}}}" if places(as_it_is) else as_it_is
