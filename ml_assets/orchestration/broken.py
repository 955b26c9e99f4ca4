"""A broken problem in the UI: one item that has failed, with the error, where its chain of assets would be.

Its assets are gone from the graph until it is mended; their versions, champion and history stay in the store as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

import dagster as dg
from dagster import AutomationCondition as When

from ml_assets.orchestration.automation import TICK_SECONDS, running_on
from ml_assets.orchestration.keys import key_named
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem, attempt
from ml_assets.store import digest

T = TypeVar("T")
NOUN = "definition"  # "broken_one/definition failed"


def apart(problems: Iterable[Problem], define: Callable[[Problem], T]) -> tuple[list[T], list[BrokenProblem]]:
    """What ``define`` makes of each problem, and the problems of which it can make nothing: Dagster has rules of its own."""
    made = [attempt(problem.name, partial(define, problem)) for problem in problems]
    return [one for one in made if not isinstance(one, BrokenProblem)], [
        one for one in made if isinstance(one, BrokenProblem)
    ]


def broken_asset(broken: BrokenProblem) -> dg.AssetsDefinition:
    """The item that stands for a broken problem. It fails once for each error that it has, without being asked to.

    Requested when it is first seen and when the error changes, by ``broken_sensor``: so it is red, and the alert of a
    failed run tells of it. Materializing it by hand fails in the same way.
    """
    group = identifier(broken.name)

    @dg.asset(
        key=key_named(f"{group}/{NOUN}"),
        group_name=group,
        description=in_markdown(broken),
        kinds={"broken"},
        code_version=digest(f"{broken.summary}\n{broken.traceback}".encode())[:12],
        automation_condition=(When.initial_evaluation() | When.code_version_changed()).with_label("the error is new"),
    )
    def definition() -> None:
        raise dg.Failure(
            f"The problem {broken.name} cannot be used: {broken.summary}\nMend it and reload the definitions; what it made "
            f"before is untouched, and the other problems work.\n\n{broken.traceback}",
            metadata={"error": dg.MetadataValue.md(in_markdown(broken))},
            allow_retries=False,
        )

    return definition


def broken_sensor(broken: Sequence[BrokenProblem], branch: str) -> dg.AutomationConditionSensorDefinition:
    """The sensor that has the items fail; running by default as those of the other problems do."""
    return dg.AutomationConditionSensorDefinition(
        "broken_problems",
        target=dg.AssetSelection.assets(*(key_named(f"{identifier(one.name)}/{NOUN}") for one in broken)),
        minimum_interval_seconds=TICK_SECONDS,
        default_status=running_on(branch),
        emit_backfills=False,
        description="Shows problems that cannot be loaded as failed.",
    )


def in_markdown(broken: BrokenProblem) -> str:
    """The error as people read it in the UI; nothing in it can end the block that it stands in."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", broken.traceback)), default=0))
    said = broken.summary.replace("`", "'")
    return f"This problem cannot be used until it is mended: `{said}`\n\n{fence}\n{broken.traceback.rstrip()}\n{fence}"


def identifier(name: str) -> str:
    """The name of a module as a name in Dagster, which takes only letters, digits and ``_``; others become their number."""
    return re.sub(r"[^A-Za-z0-9_]", lambda found: f"_{ord(found[0]):x}_", name)
