"""A parameter of a step of Valohai's as one of ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ml_assets.commands.parameter import Parameter, Type

if TYPE_CHECKING:
    from valohai_yaml.objs import Parameter as Theirs

NOTHING = " "  # words that are none


def parameter_of(one: Theirs) -> Parameter:
    """The same, ours. A flag whose default is true is passed, as one that is given is; their own library leaves it out."""
    is_flag = one.type == "flag"
    says_both = is_flag and bool(one.pass_true_as or one.pass_false_as)
    true_as = (one.pass_true_as or NOTHING) if says_both else one.pass_as
    return Parameter(
        name=one.name,
        type=cast("Type", one.type),
        default=_default(one, is_flag),
        min=cast("float | None", one.min),
        max=cast("float | None", one.max),
        choices=() if is_flag or not one.choices else tuple(one.choices),
        optional=bool(one.optional) or one.default is None,
        multiple=one.multiple.value if one.multiple else "",
        separator=one.multiple_separator,
        pass_as=true_as or "",
        pass_false_as=one.pass_false_as or "",
    )


def _default(one: Theirs, is_flag: bool) -> Any:
    if one.multiple:
        return tuple(one.default) if one.default else None
    return False if is_flag and one.default is None else one.default
