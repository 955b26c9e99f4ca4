"""What makes no sense in a ``valohai.yaml`` that Valohai's own parser takes, each as a sentence. Pure.

The parser looks at the form alone: each step, parameter and edge by itself. Of several that have one name it keeps the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.commands.valohai.parameters import parameter_of

if TYPE_CHECKING:
    from valohai_yaml.objs import Config, Pipeline, Step

NAMED = ("parameters", "inputs", "environment-variables", "nodes", "endpoints")
KINDS = {
    "step": "step",
    "task": "task",
    "endpoint": "endpoint",
    "pipeline": "pipeline",
    "blueprint": "pipeline",
    "deployment": "deployment",
}
SOURCES = ("input", "parameter", "output", "file", "metadata")
TARGETS = ("input", "parameter", "file")
_OF_A_PARAMETER = re.compile(r"\{parameter(?:-value)?:([^{}]+)\}")


def faults(config: Config, data: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Those of a whole file.

    Args:
        data: the same as YAML has it.
    """
    yield from _names(list(data))
    for step in config.steps.values():
        yield from _of_step(step)
    for task in config.tasks.values():
        yield from _of_task(config, task)
    for pipeline in config.pipelines.values():
        yield from _of_pipeline(config, pipeline)


def _names(data: list[Mapping[str, Any]]) -> Iterator[str]:
    """Two things of one name, of which one would be lost."""
    items = [(kind, item[key]) for item in data for key, kind in KINDS.items() if key in item]
    yield from (f"two {kind}s are called {name!r}." for kind, name in _twice((k, i.get("name")) for k, i in items))
    for kind, item in items:
        for many in NAMED:
            inside = [one for one in item.get(many) or () if isinstance(one, Mapping)]
            for _, name in _twice((many, one.get("name")) for one in inside):
                yield f"{kind} {item.get('name')!r} has two {many} called {name!r}."


def _of_step(step: Step) -> Iterator[str]:
    where = f"step {step.name!r}"
    for one in step.parameters.values():
        yield from (f"{where}: {fault}" for fault in parameter_of(one).faults())
    for line in [step.command] if isinstance(step.command, str) else step.command:
        for name in _OF_A_PARAMETER.findall(line):
            if name not in step.parameters:
                yield f"{where}: its command names the parameter {name!r}, which it does not declare."


def _of_task(config: Config, task: Any) -> Iterator[str]:
    step = config.steps.get(task.step)
    if step is None:
        yield f"task {task.name!r} is of the step {task.step!r}, which there is not."
        return
    varied = [one.name for one in task.parameters] + [name for one in task.parameter_sets for name in one]
    for name in dict.fromkeys(varied):
        if name not in step.parameters:
            yield f"task {task.name!r} varies the parameter {name!r}, which step {step.name!r} does not declare."


# ---------------------------------------------------------------- pipelines


def _of_pipeline(config: Config, pipeline: Pipeline) -> Iterator[str]:
    where = f"pipeline {pipeline.name!r}"
    found = [fault for node in pipeline.nodes for fault in _of_node(config, node)]
    steps = {node.name: _step_of(config, node) for node in pipeline.nodes}
    for edge in pipeline.edges:
        found += _of_edge(edge, steps)
    for one in pipeline.parameters:
        found += [fault for target in one.targets for fault in _of_target(one.name, target, steps)]
    yield from (f"{where}: {fault}" for fault in found)
    if circle := _circle({(edge.source_node, edge.target_node) for edge in pipeline.edges}):
        yield f"{where}: its nodes wait for each other in a circle: {' -> '.join(circle)}."


def _of_node(config: Config, node: Any) -> Iterator[str]:
    if getattr(node, "commit", None):  # of another version of the file
        return
    for kind, known in (("step", config.steps), ("task", config.tasks), ("deployment", config.deployments)):
        name = getattr(node, kind, None)
        if name is not None and name not in known:
            yield f"node {node.name!r} is of the {kind} {name!r}, which there is not."
    step, override = _step_of(config, node), getattr(node, "override", None)
    if step is not None and override is not None:
        for kind in ("inputs", "parameters"):
            for name in getattr(override, kind) or ():
                if name not in getattr(step, kind):
                    yield f"node {node.name!r} overrides {kind} {name!r}, which step {step.name!r} does not declare."


def _step_of(config: Config, node: Any) -> Step | None:
    """The step that a node runs; None where that is not in this file."""
    if getattr(node, "commit", None):
        return None
    task = config.tasks.get(getattr(node, "task", None) or "")
    return config.steps.get((task.step if task else getattr(node, "step", None)) or "")


def _of_edge(edge: Any, steps: Mapping[str, Step | None]) -> Iterator[str]:
    ends = (
        ("from", edge.source, edge.source_node, edge.source_type, edge.source_key, SOURCES),
        ("to", edge.target, edge.target_node, edge.target_type, edge.target_key, TARGETS),
    )
    for way, end, node, kind, key, kinds in ends:
        plain = kind.removesuffix("s") if kind != "metadata" else kind
        if node not in steps:
            yield f"an edge leads {way} {end}; there is no node {node!r}."
        elif plain not in kinds:
            yield f"an edge leads {way} {end}; {kind!r} is none of {', '.join(kinds)}."
        elif not _has(steps[node], plain, key):
            yield f"an edge leads {way} {end}; node {node!r} has no {plain} {key!r}."


def _of_target(name: str, target: str, steps: Mapping[str, Step | None]) -> Iterator[str]:
    parts = target.split(".", 2)
    if len(parts) != 3 or not parts[1].startswith("parameter"):
        yield f"its parameter {name!r} is for {target!r}, which is no NODE.parameters.NAME."
    elif parts[0] not in steps:
        yield f"its parameter {name!r} is for {target!r}; there is no node {parts[0]!r}."
    elif not _has(steps[parts[0]], "parameter", parts[2]):
        yield f"its parameter {name!r} is for {target!r}; node {parts[0]!r} has no parameter {parts[2]!r}."


def _has(step: Step | None, kind: str, key: str) -> bool:
    """Whether a step declares it; of one that is elsewhere, and of what comes out of a step, nothing is known."""
    known = {"input": getattr(step, "inputs", None), "parameter": getattr(step, "parameters", None)}.get(kind)
    return known is None or key in known


def _circle(edges: Iterable[tuple[str, str]]) -> list[str]:
    """The nodes of a circle, its first one again at the end; empty if there is none."""
    after: dict[str, list[str]] = {}
    for source, target in sorted(edges):
        after.setdefault(source, []).append(target)
    done: set[str] = set()

    def follow(node: str, path: list[str]) -> list[str]:
        if node in path:
            return [*path[path.index(node) :], node]
        if node in done:
            return []
        found = next(filter(None, (follow(further, [*path, node]) for further in after.get(node, ()))), [])
        done.add(node)
        return found

    return next(filter(None, (follow(node, []) for node in after)), [])


def _twice(named: Iterable[tuple[str, Any]]) -> list[tuple[str, Any]]:
    every = list(named)
    return [one for one in dict.fromkeys(every) if every.count(one) > 1]
