"""Whether a step would make nothing, asked in the run's process before it leaves for another.

A model that is used again needs no process of its own, and no GPU that it would have to wait for. The answer is the step's
own (``Step.is_there``), for which its inputs are found as Dagster finds them when it executes the step.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from dagster._core.events import DagsterEvent
from dagster._core.execution.context.compute import enter_execution_context
from dagster._core.execution.context.system import StepExecutionContext


def is_there(step: StepExecutionContext) -> bool:
    """Whether it makes nothing. What goes wrong here goes wrong in the step too, which says so."""
    made_by = step.op_def.compute_fn
    asked = getattr(getattr(made_by, "decorated_fn", made_by), "is_there", None)
    if asked is None:
        return False
    try:
        with enter_execution_context(step) as context:
            return bool(asked(context, dict(_inputs(step))))
    except Exception as error:
        step.log.debug(f"It is not known here whether {step.step.key} is there: {error}")
        return False


def _inputs(step: StepExecutionContext) -> Iterator[tuple[str, Any]]:
    for given in step.step.step_inputs:
        definition = step.op_def.input_def_named(given.name)
        if not definition.dagster_type.is_nothing:
            loaded = given.source.load_input_object(step, definition)
            yield from ((given.name, value) for value in loaded if not isinstance(value, DagsterEvent))
