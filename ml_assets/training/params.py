"""A problem's params with some of them changed, as the launchpad and ``--set params.x=…`` do."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidParams

if TYPE_CHECKING:
    from ml_assets.problem import Problem


def changed_params(params: Any, given: Mapping[str, Any]) -> Any:
    """The problem's params with what was given in place of the defaults.

    Raises:
        InvalidParams: if there is no such parameter (the message names the nearest), or it has another type.
    """
    known = [field.name for field in dataclasses.fields(params)]
    chosen = {}
    for name, value in given.items():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise InvalidParams(f"There is no parameter {name!r}.{hint} Known: {', '.join(known)}.")
        chosen[name] = _as_declared(params, name, value)
    return dataclasses.replace(params, **chosen)


def check_given(problem: Problem, config: Mapping[str, Any]) -> None:
    """Whether a training of the problem can be given this: ``params``, ``seed``, ``candidate``.

    Raises:
        InvalidParams: if not; the message says what can.
    """
    candidate, params = config.get("candidate"), config.get("params") or {}
    if not problem.candidates and candidate is None:
        changed_params(problem.params, params)
    elif not problem.candidates:
        raise InvalidParams(f"{problem.name} has one training, and no candidate {candidate!r} to choose.")
    elif params:
        raise InvalidParams(
            f"{problem.name} has the candidates {', '.join(problem.candidates)}, each with parameters of its own, which a run "
            "does not change: change them there, or add a candidate. Which of them is the model is chosen by candidate=NAME."
        )
    elif candidate is not None and candidate not in problem.candidates:
        raise InvalidParams(f"{problem.name} has no candidate {candidate!r}. Known: {', '.join(problem.candidates)}.")


def _as_declared(params: Any, name: str, value: Any) -> Any:
    """The value in the type its field declares: a whole number is a float where a float is asked for, nothing else is."""
    hint = typing.get_type_hints(type(params))[name]
    wanted = typing.get_args(hint) or (hint,)
    if type(value) in wanted and (type(value) is not float or math.isfinite(value)):
        return value
    if type(value) is int and float in wanted:
        return float(value)
    names = " or ".join("null" if kind is types.NoneType else kind.__name__ for kind in wanted)
    raise InvalidParams(f"Parameter {name!r} takes {names}, not {value!r}.")
