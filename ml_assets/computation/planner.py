"""The plan: which partitions of which assets would be used again, and which computed, why, before anything runs.

Decided as the steps themselves decide, by the same questions, without Dagster and without loading a value. What depends on
something that is computed first can only be decided then: it is *open*, and used again if its inputs come out the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

from ml_assets.assets import declared, noun_that
from ml_assets.computation.chain import DataSources, chain_of, inputs_of
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import (
    Decision,
    Given,
    Nothing,
    Question,
    Reuse,
    given_to,
    seconds_of,
)
from ml_assets.problem import Problem
from ml_assets.store import Handle, LandingFolder, Manifest, Store, VersionKey

READERS = 16  # questions at the same time: on an object store each waits for some replies

State = Literal["current", "reuse", "nothing", "compute", "open", "missing"]


@dataclass(frozen=True)
class Planned:
    """What would become of one partition of an asset.

    Attributes:
        asset: its key, ``flight_delays/model``.
        state: ``current``: the branch names the result already; ``reuse``: the result is there, and the branch will name it;
            ``nothing``: nothing can be made yet; ``compute``; ``open``: an input is computed first;
            ``missing``: an input was never made.
        version, manifest: the result, where it is there.
    """

    asset: str
    partition: str
    state: State
    why: str
    version: VersionKey | None = None
    manifest: Manifest | None = field(default=None, repr=False)

    @property
    def noun(self) -> str:
        """What it is of its problem."""
        return self.asset.partition("/")[2]

    @property
    def takes_a_step(self) -> bool:
        """Whether there is anything to do."""
        return self.state in ("reuse", "compute", "open", "missing")

    @property
    def is_unmade(self) -> bool:
        """Whether its result is not known before it is made."""
        return self.state in ("compute", "open")

    @property
    def saved_seconds(self) -> float:
        """What was not computed again took this long, by the clock."""
        return seconds_of(self.manifest) if self.manifest else 0.0


Places = dict[tuple[str, str], Planned]
"""What was decided, by asset and partition."""


@dataclass(frozen=True)
class Planner:
    """Makes plans for one problem.

    Attributes:
        given: what the run will give to trainings.
        is_fresh: everything is computed, whether or not it was before.
    """

    problem: Problem
    store: Store
    landing: LandingFolder
    given: Given
    is_fresh: bool = False

    def plan(self, nouns: Iterable[str], partitions: Sequence[str], before: Iterable[Planned] = ()) -> list[Planned]:
        """The plan for some assets over some partitions, in the order in which they would run.

        Args:
            before: what was planned of other problems, whose assets this one shares.
        """
        wanted, sources = frozenset(nouns), DataSources(self.store, self.landing)
        chosen = [noun for noun in chain_of(self.problem) if noun in wanted]
        decided: Places = {(one.asset, one.partition): one for one in before}
        for noun in chosen:
            decide = partial(self._decide, Recipe(self.problem, noun), decided, sources)
            with ThreadPoolExecutor(READERS) as pool:
                found = list(pool.map(decide, partitions))
            decided |= {(one.asset, one.partition): one for one in found}
            decided |= self._undecided(noun, decided)
            decided |= self._held_to(noun, decided)
        return [decided[self._asset(noun), partition] for partition in partitions for noun in chosen]

    def _decide(self, recipe: Recipe, decided: Places, sources: DataSources, partition: str) -> Planned:
        noun, inputs = recipe.noun, []
        if self.is_fresh:
            return Planned(self._asset(noun), partition, "compute", "computed afresh, as asked")
        for place in inputs_of(self.problem, noun, partition):
            above = decided.get(place) or self._as_it_is(*place)
            if above.version is None:
                return self._without(above, noun, partition)
            inputs.append(Handle(self.store, above.version, manifest=above.manifest))
        given = given_to(self.problem, noun, self.given)
        question = Question.of(recipe, partition, inputs, given, sources)
        return self._planned(noun, partition, question.answer(self.store))

    def _planned(self, noun: str, partition: str, decision: Decision) -> Planned:
        if not isinstance(decision, Reuse):
            return Planned(
                self._asset(noun), partition, "nothing" if isinstance(decision, Nothing) else "compute", decision.why
            )
        asset = self._asset(noun)
        entry = self.store.head(asset, partition)
        state: State = "current" if entry is not None and entry.target == decision.version else "reuse"
        return Planned(asset, partition, state, decision.why, decision.version, decision.manifest)

    def _as_it_is(self, asset: str, partition: str) -> Planned:
        """An input that is not in the plan: what the branch names."""
        entry = self.store.head(asset, partition)
        if entry is None:
            return Planned(asset, partition, "missing", "")
        return Planned(asset, partition, "current", entry.why, entry.target)

    def _without(self, above: Planned, noun: str, partition: str) -> Planned:
        """What is made from something that is not there yet."""
        asset, name = self._asset(noun), f"{above.asset}@{above.partition}"
        if above.state == "nothing":
            return Planned(asset, partition, "nothing", above.why)
        if above.state == "missing":
            return Planned(asset, partition, "missing", f"{name} was never made: make it first")
        gives_params = any(read.asset == above.noun and read.gives_params for read in declared(noun).inputs)
        follow = ", and gives its params" if gives_params else ""
        return Planned(asset, partition, "open", f"after {name}, which is computed first{follow}")

    def _undecided(self, noun: str, decided: Places) -> Places:
        """Champions follow each other, and predict: what depends on one that is decided first is open."""
        if not declared(noun).reads_ledger:
            return {}
        champion = self._asset(noun_that("decides"))
        unmade = sorted(p for (other, p), one in decided.items() if other == champion and one.is_unmade)
        return self._open(noun, unmade, decided, "after the champion of {}")

    def _open(self, noun: str, unmade: Sequence[str], decided: Places, why: str) -> Places:
        """Those of an asset that depend on one of these, which are not made yet."""
        return {
            place: replace(one, state="open", why=why.format(first), version=None, manifest=None)
            for place, one in decided.items()
            if place[0] == self._asset(noun)
            and one.version is not None
            and (first := self._first(noun, one.partition, unmade))
        }

    def _held_to(self, noun: str, decided: Places) -> Places:
        """Champions are held to the failures of earlier partitions: what depends on some that are found first is open."""
        if declared(noun).role != "remembers":
            return {}
        unmade = sorted(p for (other, p), one in decided.items() if other == self._asset(noun) and one.is_unmade)
        champions = self._open(noun_that("decides"), unmade, decided, "after the failures of {}")
        return {**champions, **self._undecided(noun_that("serves"), {**decided, **champions})}

    def _first(self, noun: str, partition: str, unmade: Sequence[str]) -> str | None:
        """Of the champions that are not decided yet, the first that this depends on; by itself, each partition has its own."""
        partitions = self.problem.partitions
        if not partitions.in_time:
            return partition if declared(noun).role == "serves" and partition in unmade else None
        of_line = (first for first in unmade if partitions.line(first) == partitions.line(partition))
        return next((first for first in of_line if first < partition), None)

    def _asset(self, noun: str) -> str:
        return f"{self.problem.name}/{noun}"
