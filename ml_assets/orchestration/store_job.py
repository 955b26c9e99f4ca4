"""A job that looks at the store, or tends it: one step in the process of its run, which makes no asset of a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import dagster as dg

from ml_assets.orchestration.io_manager import IO_MANAGER, StoreIOManager
from ml_assets.orchestration.keys import asset_key
from ml_assets.problem import Problem

Work = Callable[[Any, StoreIOManager], Iterator[dg.AssetMaterialization]]
"""What the step does, given its context and what knows the store; what it yields is an event of the run."""


def found_over_http(problem: Problem, noun: str, description: str) -> dg.AssetSpec:
    """Where people see what a job found of a problem's answers over HTTP."""
    return dg.AssetSpec(asset_key(problem, noun), group_name=problem.name, description=description, kinds={"http"})


def store_job(name: str, description: str, work: Work) -> dg.JobDefinition:
    """The job, under this name."""

    def step(at: Any, inputs: Mapping[str, Any]) -> Iterator[dg.AssetMaterialization | dg.Output[None]]:
        yield from work(at, getattr(at.resources, IO_MANAGER))
        yield dg.Output(None)

    outs = {"result": dg.Out(dg.Nothing)}
    op = dg.OpDefinition(step, f"{name}__step", outs=outs, required_resource_keys={IO_MANAGER})

    @dg.job(name=name, executor_def=dg.in_process_executor, description=description)
    def job() -> None:
        op()

    return job
