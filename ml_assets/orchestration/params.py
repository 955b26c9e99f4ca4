"""A problem's params as Dagster's config: what the launchpad offers."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Iterable
from typing import Any

import dagster as dg

from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Given, given_as_written, given_in
from ml_assets.errors import InvalidProblem
from ml_assets.problem import Problem

FROM_CANDIDATES = "The best of the candidates, unless one is given here."
FROM_STUDY = "The best of the study, unless it is given here."
_TYPES: dict[type, Any] = {bool: dg.Bool, int: dg.Int, float: dg.Float, str: dg.String}


def params_schema(params: Any, searched: Iterable[str] = ()) -> dg.Field:
    """One optional field per field of the dataclass, with its default.

    Args:
        searched: those that have none, because a search gives them.
    Raises:
        InvalidProblem: if a field is not a bool, int, float, str, or one of these or None.
    """
    hints, from_study = typing.get_type_hints(type(params)), frozenset(searched)
    fields = {}
    for field in dataclasses.fields(params):
        kind = _config_type(type(params), field.name, hints[field.name])
        if field.name in from_study:
            fields[field.name] = dg.Field(kind, is_required=False, description=FROM_STUDY)
        else:
            fields[field.name] = dg.Field(kind, default_value=getattr(params, field.name))
    return dg.Field(fields, description=type(params).__doc__)


def config_schema(problem: Problem) -> dict[str, dg.Field]:
    """What the launchpad offers for a training: parameters, or a candidate; and the seed."""
    seed = dg.Field(int, default_value=problem.seed, description="Seed of all chance in the training.")
    if not problem.candidates:
        return {"params": params_schema(problem.params, problem.tuning.space if problem.tuning else ()), "seed": seed}
    names = dg.Enum(f"{problem.name}__candidate", [dg.EnumValue(name) for name in problem.candidates])
    return {"candidate": dg.Field(names, is_required=False, description=FROM_CANDIDATES), "seed": seed}


def given_to(recipe: Recipe, context: dg.AssetExecutionContext) -> Given:
    """What a run gives an asset: a training the parameters and the seed of the launchpad, a search what is written.

    Raises:
        InvalidParams: if the problem has no such parameters.
    """
    problem = recipe.problem
    if recipe.asset.params == "written":
        return given_as_written(problem)
    if recipe.asset.params is None:
        return Given()
    return given_in(problem, context.op_execution_context.op_config)


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
