"""Dagster's daemon in the small: evaluates a problem's sensors and conditions in this process and runs what they ask for."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from ml_assets.orchestration.keys import asset_key
from ml_assets.problem import Problem
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.world import World, why

NOUNS = IN_TIME
Requested = dict[str, list[str]]  # partition -> nouns, in the chain's order


@dataclass
class Daemon:
    """One problem's automation.

    Attributes:
        ran: what was run, in order: partition, nouns, whether it succeeded.
        faults: what went wrong in those that failed.
        makes: of what is asked for, what is made; None: all. Where the question is what is asked for, a dataset will do.
        run_keys: of the landing sensor; Dagster starts no second run for one.
    """

    world: World
    problem: Problem
    ran: list[tuple[str, tuple[str, ...], bool]] = field(default_factory=list)
    run_keys: set[str] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    makes: tuple[str, ...] | None = None
    cursor: str | None = None
    _conditions: Any = None

    def copied_to(self, folder: Path) -> Daemon:
        """One that has seen what this one has, in a copy of its world."""
        copy = Daemon(self.world.copied_to(folder, [self.problem]), self.problem)
        copy.run_keys, copy.cursor, copy._conditions = {*self.run_keys}, self.cursor, self._conditions
        return copy

    def automation_tick(self) -> Requested:
        """Evaluate the conditions once, and run what they request."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Dagster's tester uses what it calls beta
            result = dg.evaluate_automation_conditions(
                defs=self.world.definitions, instance=self.world.instance, cursor=self._conditions
            )
        self._conditions = result.cursor
        requested: Requested = {}
        for noun in NOUNS:
            for partition in result.get_requested_partitions(asset_key(self.problem, noun)):
                requested.setdefault(str(partition), []).append(noun)
        for partition, nouns in sorted(requested.items()):
            self._run(partition, nouns)
        return dict(sorted(requested.items()))

    def settle(self, ticks: int = 10) -> list[Requested]:
        """Tick until nothing is requested any more: a change is followed when it was seen twice."""
        return list(self._until_quiet(ticks))

    def landing_tick(self) -> dg.SensorResult:
        """Evaluate the landing sensor once, and do what it asks for."""
        sensor = self.world.definitions.get_repository_def().get_sensor_def(f"{self.problem.name}_landing")
        context = dg.build_sensor_context(
            instance=self.world.instance, cursor=self.cursor, definitions=self.world.definitions
        )
        result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        for event in result.asset_events:
            self.world.instance.report_runless_asset_event(event)
        for wanted in result.dynamic_partitions_requests or []:
            self.world.instance.add_dynamic_partitions(wanted.partitions_def_name, list(wanted.partition_keys))
        for request in result.run_requests or []:
            if request.run_key not in self.run_keys:
                self.run_keys.add(str(request.run_key))
                self._run(str(request.partition_key), [key.path[-1] for key in request.asset_selection or []])
        self.cursor = result.cursor
        return result

    def _until_quiet(self, ticks: int) -> Iterator[Requested]:
        quiet = 0
        for _ in range(ticks):
            requested = self.automation_tick()
            quiet = 0 if requested else quiet + 1
            if quiet == 2:
                return
            if requested:
                yield requested
        raise AssertionError(f"automation did not come to rest within {ticks} ticks: {self.ran}")

    def _run(self, partition: str, nouns: list[str]) -> None:
        made = [noun for noun in nouns if self.makes is None or noun in self.makes]
        result = self.world.run(self.problem, partition, made)
        self.faults += [why(failed) for failed in result.get_step_failure_events()]
        self.ran.append((partition, tuple(noun for noun in NOUNS if noun in nouns), result.success))
