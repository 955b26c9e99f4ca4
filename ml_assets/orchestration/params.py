"""A problem's params as Dagster's config: what the launchpad offers."""

from __future__ import annotations

import dataclasses
import types
import typing
from typing import Any

import dagster as dg

from ml_assets.computation.reuse import Given, given
from ml_assets.errors import InvalidProblem
from ml_assets.problem import Problem
from ml_assets.training.params import changed_params

_TYPES: dict[type, Any] = {bool: dg.Bool, int: dg.Int, float: dg.Float, str: dg.String}


def params_schema(params: Any) -> dg.Field:
    """One optional field per field of the dataclass, with its default.

    Raises:
        InvalidProblem: if a field is not a bool, int, float, str, or one of these or None.
    """
    hints = typing.get_type_hints(type(params))
    fields = {
        field.name: dg.Field(
            _config_type(type(params), field.name, hints[field.name]), default_value=getattr(params, field.name)
        )
        for field in dataclasses.fields(params)
    }
    return dg.Field(fields, description=type(params).__doc__)


def given_to(problem: Problem, context: dg.AssetExecutionContext) -> Given:
    """The parameters and the seed that the launchpad or a command gave a training, and how many threads it has.

    Raises:
        InvalidParams: if the problem has no such parameters.
    """
    config = context.op_execution_context.op_config
    params = changed_params(problem.params, config["params"])
    return given(problem, params, config["seed"])


def _config_type(owner: type, name: str, hint: Any) -> Any:
    options = [o for o in typing.get_args(hint) if o is not types.NoneType] if _is_optional(hint) else [hint]
    if len(options) != 1 or options[0] not in _TYPES:
        raise InvalidProblem(
            f"{owner.__name__}.{name} is {hint}; a parameter is a bool, int, float or str, or one of these or None, "
            "so that the launchpad can show it and the manifest record it."
        )
    plain = _TYPES[options[0]]
    return dg.Noneable(plain) if _is_optional(hint) else plain


def _is_optional(hint: Any) -> bool:
    return types.NoneType in typing.get_args(hint)
