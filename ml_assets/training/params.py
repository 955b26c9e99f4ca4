"""A problem's params with some of them changed, as the launchpad and ``--set params.x=…`` do."""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping
from typing import Any

from ml_assets.errors import InvalidParams


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
