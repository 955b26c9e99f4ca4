"""What a change of code touches: told by what each asset is made of, before anything is trained.

This checkout is held against what a branch names. An asset is *changed* where its code, parameters, packages or settings are
others than those of the version that the branch names, and comes *after* one that is. What it reads does not count: that data
has landed since, or a champion was replaced, no change of code did; nor does the machine, its threads and GPUs. So the landing
folder is not asked, and the change alone is judged, on the data that the branch has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from textwrap import shorten
from typing import Literal

from ml_assets.assets import declared, noun_that
from ml_assets.computation.chain import chain_of, inputs_of
from ml_assets.computation.ingredients import Ingredients, Parts, differences, in_short, stored_parts
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import given_in, given_to, without_reads
from ml_assets.problem import Problem
from ml_assets.store import Handle, Manifest, Store, VersionKey

READERS = 16  # questions at the same time: on an object store each waits for some replies
LONGEST_REASON = 200
BESIDE = ("decides", "explains", "serves", "remembers", "audits", "watches")
"""Roles that nothing waits for: that the branch has none yet is no change of the code."""

State = Literal["same", "changed", "new", "after"]


@dataclass(frozen=True)
class Effect:
    """What becomes of one partition of an asset by the change.

    Attributes:
        asset: its key, ``flight_delays/model``.
        state: ``same``; ``changed`` itself; ``new``: the branch has none; ``after``: made from one of these.
        why: what changed, or after what; empty of the same.
        version, manifest: what the branch names; None where it names nothing.
    """

    asset: str
    partition: str
    state: State
    why: str = ""
    version: VersionKey | None = None
    manifest: Manifest | None = field(default=None, repr=False)

    @property
    def problem(self) -> str:
        """Whose asset it is."""
        return self.asset.partition("/")[0]

    @property
    def noun(self) -> str:
        """What it is of its problem."""
        return self.asset.partition("/")[2]

    @property
    def is_touched(self) -> bool:
        """Whether it may come out differently."""
        return self.state != "same"


Places = dict[tuple[str, str], Effect]
"""What was found, by asset and partition."""


@dataclass(frozen=True)
class Change:
    """This checkout, held against what a branch names.

    Attributes:
        problems: all that it has, feature groups too, each after those of which it shares something.
        store: on that branch.
    """

    problems: Sequence[Problem]
    store: Store

    def effects(self, targets: Mapping[str, Sequence[str]]) -> list[Effect]:
        """On every asset of these partitions of each problem, and on all that they are made from; in the order of making."""
        needed, found = self._needed(targets), Places()
        looking = replace(self, store=self.store.at_a_glance(sum(map(len, needed.values()))))
        for problem in self.problems:
            for noun in chain_of(problem):
                look = partial(looking._effect, Recipe(problem, noun), found)
                partitions = problem.partitions.in_order(needed.get(f"{problem.name}/{noun}", ()))
                with ThreadPoolExecutor(READERS) as pool:
                    found |= {(one.asset, one.partition): one for one in pool.map(look, partitions)}
        return list(found.values())

    def _needed(self, targets: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
        """Asset -> the partitions that are asked for, or that something asked for is made from."""
        known = {problem.name: problem for problem in self.problems}
        waiting = [
            (f"{name}/{noun}", key) for name, keys in targets.items() for noun in chain_of(known[name]) for key in keys
        ]
        needed: dict[str, set[str]] = {}
        while waiting:
            asset, key = waiting.pop()
            name, _, noun = asset.partition("/")
            if name in known and key not in needed.setdefault(asset, set()):
                needed[asset].add(key)
                waiting += inputs_of(known[name], noun, key)
        return needed

    def _effect(self, recipe: Recipe, found: Places, partition: str) -> Effect:
        asset, places = f"{recipe.problem.name}/{recipe.noun}", inputs_of(recipe.problem, recipe.noun, partition)
        above = [found[place] for place in places if place in found]
        after = next((f"after {_called(one, recipe.problem)}" for one in above if one.is_touched), "")
        entry = self.store.head(asset, partition)
        if entry is None:
            is_new = recipe.asset.role not in BESIDE
            state: State = "after" if after else "new" if is_new else "same"
            return Effect(asset, partition, state, after or f"{self.store.branch} has none" * is_new)
        manifest = self.store.manifest(entry.target)
        why = "" if _search_is_touched(recipe, above) else self._what_changed(recipe, manifest, above, partition)
        state = "changed" if why else "after" if after else "same"
        return Effect(asset, partition, state, why or after, entry.target, manifest)

    def _what_changed(self, recipe: Recipe, manifest: Manifest, above: Iterable[Effect], partition: str) -> str:
        inputs = [Handle(self.store, one.version, manifest=one.manifest) for one in above if one.version is not None]
        given = given_to(recipe.problem, recipe.noun, given_in(recipe.problem, {}))
        recipe, now, _ = without_reads(recipe, partition, inputs, given)
        if recipe.unknown:
            return f"cannot be recognised: {shorten(recipe.unknown, LONGEST_REASON)}"
        return what_changed(Ingredients.of(manifest), now, recipe.parts(stored_parts(self.store)))


def what_changed(before: Ingredients | None, now: Ingredients, parts: Parts) -> str:
    """The difference that a change of code makes, as a phrase; empty if it makes none."""
    if before is None:
        return "it is not recorded what it was made of"
    old, new = _of_the_code(before), _of_the_code(now)
    return "" if old.key == new.key else in_short(differences(old, new, parts)) or "it is made of something else"


def _called(effect: Effect, problem: Problem) -> str:
    """``features@2024-03``; of another problem's asset also whose it is."""
    return f"{effect.noun if effect.problem == problem.name else effect.asset}@{effect.partition}"


def _of_the_code(ingredients: Ingredients) -> Ingredients:
    """Without what it reads, and what machine it was made on."""
    return replace(ingredients, reads={}, threads=None, device=None)


def _search_is_touched(recipe: Recipe, above: Iterable[Effect]) -> bool:
    """Whether only a new search will tell by which parameters, or which candidate, it is made."""
    giving = {read.key(recipe.problem) for read in recipe.asset.inputs if read.gives_params}
    return any(one.is_touched and one.asset in giving for one in above)


def judged_partitions(problem: Problem, store: Store) -> list[str]:
    """Those of which the branch has an evaluation, so that outcomes were known; in order."""
    keys = [key for key in store.named(f"{problem.name}/{noun_that('judges')}") if key is not None]
    return problem.partitions.in_order(key for key in keys if problem.partitions.has(key))


def is_about_models(effect: Effect) -> bool:
    """Whether what it touches can change what is decided about a model."""
    return declared(effect.noun).role in ("trains", "judges", "decides") and effect.is_touched
