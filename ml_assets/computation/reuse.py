"""Whether a computation is done or its result used again, and why: a decision with its reasons, carried out elsewhere.

Nothing is loaded for it. What is remembered is used only while it is whole; a damaged result is computed again, and said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ml_assets.assets import declared
from ml_assets.computation.chain import DataSources, reads_of, search_among
from ml_assets.computation.environment import devices, threads
from ml_assets.computation.ingredients import Ingredients, differences, in_short, stored_parts
from ml_assets.computation.landed import landed_now, landed_then
from ml_assets.computation.outside import asked_files, outside_now
from ml_assets.computation.recipe import Recipe
from ml_assets.compute import Devices
from ml_assets.errors import InvalidParams, StoreError
from ml_assets.problem import Problem
from ml_assets.settings import on_cluster
from ml_assets.store import Content, Handle, Manifest, RefEntry, Remembered, Store, Trace, VersionKey
from ml_assets.training.params import changed_params

LANDED = "landed "
REUSED = "reused "
"""How the sentence begins that says why a result was used again."""
FAILED = "failed"
"""Note of a version of which a part failed that may go well another time: part -> why."""
UNTOLD = "only computing tells which landed files it reads, if any"


@dataclass(frozen=True)
class Reuse:
    """The result is there: this version."""

    version: VersionKey
    manifest: Manifest
    why: str

    @property
    def saved_seconds(self) -> float:
        """What it took to compute, by the clock."""
        return seconds_of(self.manifest)


@dataclass(frozen=True)
class Nothing:
    """The result is there: nothing can be made yet."""

    why: str


@dataclass(frozen=True)
class Execute:
    """The result is not there, or not whole, or not wanted.

    Attributes:
        instead_of: a result that is there, and doubted.
        is_damaged: what is remembered is not whole.
    """

    why: str
    instead_of: Reuse | Nothing | None = None
    is_damaged: bool = False

    @property
    def replaces(self) -> bool:
        """Whether what is remembered is to be forgotten."""
        return self.is_damaged or self.instead_of is not None

    def after(self, content: Content) -> str:
        """Why it was computed, once it is; empty if that was because something changed."""
        if not isinstance(self.instead_of, Reuse):
            return self.why if self.replaces else ""
        version, before = self.instead_of.version, self.instead_of.manifest.content
        if content.digest == before.digest:
            return f"computed afresh, as asked: the same as {version.short}"
        return (
            f"computed afresh, as asked: not the same as {version.short}, which was made of the same. It does not repeat "
            "itself: look for chance without a seed, the clock, data from outside the landing folder, other threads"
        )


Decision = Reuse | Nothing | Execute


def afresh(decision: Decision) -> Execute:
    """The same, for somebody who doubts what is there."""
    match decision:
        case Reuse():
            return Execute(f"computed afresh, as asked, although {decision.version.short} is there", decision)
        case Nothing():
            return Execute(f"computed afresh, as asked, although there was nothing: {decision.why}", decision)
    return decision


@dataclass(frozen=True)
class Question:
    """One partition of an asset, and how it would be computed now.

    Attributes:
        base: the ingredients but for what is read outside of the store: landed files, databases, other people's assets.
        because: where the parameters of a training come from, as people are told; empty where nothing was searched for.
        outside: of databases and assets, what changes when they do; None where only reading tells.
        landed: of landed files, the digests now; None: it is not known yet which ones it will read.
    """

    recipe: Recipe
    base: Ingredients
    landed: Mapping[str, str] | None
    because: str = ""
    outside: Mapping[str, str | None] = field(default_factory=dict)
    _named: list[RefEntry | None] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(
        cls, recipe: Recipe, partition: str, inputs: Sequence[Handle], given: Given, sources: DataSources
    ) -> Question:
        """What it is made of, with these versions of its inputs."""
        recipe, base, because = without_reads(recipe, partition, inputs, given)
        base = base.reading(reads_of(recipe.problem, recipe.noun, partition, inputs, sources))
        trace = sources.store.trace(base.key) if _reads_files(recipe) else {}
        landed = landed_now(trace, sources.landing) if trace is not None else None
        is_outside = recipe.asset.role == "records"
        outside = outside_now(recipe.problem, partition, sources.versions) if is_outside else {}
        return cls(recipe, base, landed, because, outside)

    @property
    def ingredients(self) -> Ingredients:
        """All that are known."""
        return self.base.reading({**self.base.reads, **self.known_outside, **(self.landed or {})})

    @property
    def known_outside(self) -> dict[str, str]:
        """What is known of databases and other people's assets without reading them."""
        return {name: told for name, told in self.outside.items() if told is not None}

    @property
    def is_known(self) -> bool:
        """Whether all ingredients are known, so that the result can be recognised again."""
        return self.landed is not None and None not in self.outside.values() and not self.recipe.unknown

    def having_read(self, traces: Mapping[str, Trace], ledger: Mapping[str, str]) -> Question:
        """The same, once it is known which landed files were read, and what the ledger of champions said then."""
        base = self.base.reading({**self.base.reads, **ledger})
        return replace(self, base=base, landed=landed_then(traces) if _reads_files(self.recipe) else self.landed)

    def remembered(self, store: Store) -> Remembered | None:
        """What the store remembers of it."""
        return store.recall(self.ingredients.key) if self.is_known else None

    def answer(self, store: Store) -> Decision:
        """Reuse, nothing or compute."""
        remembered = self.remembered(store)
        if remembered is not None and remembered.skipped:
            return Nothing(remembered.skipped)
        if remembered is not None and remembered.version and remembered.manifest and not remembered.damage:
            return Reuse(remembered.version, remembered.manifest, _reused(remembered.version, remembered.manifest))
        return Execute(self.why(store, remembered), is_damaged=remembered is not None)

    def why(self, store: Store, remembered: Remembered | None = None) -> str:
        """Why it is computed: what is wrong with the result, or what changed since the version that the branch names."""
        if self.recipe.unknown:
            return f"computed, not remembered: {self.recipe.unknown}"
        if untold := [name for name, told in self.outside.items() if told is None]:
            return f"read again: only reading tells whether {', '.join(untold)} is what it was"
        if remembered is not None and remembered.version is not None:
            return f"computed: {remembered.version.short} was the same, but {remembered.damage}"
        return f"computed: {self._changes(store)}"

    def _changes(self, store: Store) -> str:
        entry = self._named_before(store)
        if entry is None:
            return "the first of this partition"
        try:
            manifest = store.manifest(entry.target)
        except StoreError as error:  # no reason not to compute
            return f"{entry.target.short} cannot be read ({type(error).__name__})"
        before = Ingredients.of(manifest)
        if before is None:
            return f"{entry.target.short} does not say what it was made of"
        if self.landed is None:
            before = before.reading({k: v for k, v in before.reads.items() if not k.startswith(LANDED)})
        changed = in_short(differences(before, self.ingredients, self.recipe.parts(stored_parts(store))))
        if not changed and (failed := manifest.notes.get(FAILED)):
            return f"{', '.join(failed)} failed in {entry.target.short}, and is tried again"
        return changed or ("nothing changed" if self.landed or not _reads_files(self.recipe) else UNTOLD)

    def _named_before(self, store: Store) -> RefEntry | None:
        """What the branch named when this was first asked: before it is computed, and once it is, the same is meant."""
        if not self._named:
            self._named.append(store.head(self.base.asset, self.base.partition))
        return self._named[0]


@dataclass(frozen=True)
class Given:
    """What a run gives a computation: a training has parameters, a seed, threads, and GPUs where it asks for them.

    Attributes:
        chosen: the parameters that somebody chose for this run: no search changes them.
        candidate: the candidate that somebody chose for this run, whichever is best; empty: nobody did.
    """

    params: dict[str, Any] | None = None
    seed: int | None = None
    threads: int | None = None
    device: str | None = None
    chosen: frozenset[str] = frozenset()
    candidate: str = ""

    def following(self, best: Mapping[str, Any]) -> Given:
        """The same with the best parameters of a search, but for those that were chosen."""
        found = {name: value for name, value in best.items() if name not in self.chosen}
        return replace(self, params={**(self.params or {}), **found})


def given(problem: Problem, params: Any, seed: int, chosen: Iterable[str] = ()) -> Given:
    """What a run gives a training with these parameters here, of which some were chosen for it."""
    counted = threads(problem.compute, on_cluster=on_cluster()) if problem.threads_change_bits else None
    on = devices(problem.compute)
    return Given(asdict(params), seed, counted, None if on == Devices() else str(on), frozenset(chosen))


def given_in(problem: Problem, config: Mapping[str, Any]) -> Given:
    """What a run with this configuration gives a training: ``params``, ``candidate``, ``seed``; what it leaves out is as written.

    Raises:
        InvalidParams: if the problem has no such parameters.
    """
    chosen = config.get("params", {})
    gives = given(problem, changed_params(problem.params, chosen), config.get("seed", problem.seed), chosen)
    return replace(gives, candidate=config.get("candidate", ""))


def given_as_written(problem: Problem) -> Given:
    """What every run gives a search: what the problem says; of several candidates the parameters of each."""
    gives = given(problem, problem.params, problem.seed)
    each = {name: asdict(variant.params) for name, variant in problem.variants.items()}
    return replace(gives, params=each) if each else gives


def given_to(problem: Problem, noun: str, chosen: Given) -> Given:
    """What a run gives an asset: a search what is written, a training what was chosen, the others nothing."""
    asset = declared(noun)
    if asset.params == "written":
        return given_as_written(problem)
    return chosen if asset.params else Given()


def without_reads(
    recipe: Recipe, partition: str, inputs: Sequence[Handle], given: Given
) -> tuple[Recipe, Ingredients, str]:
    """How it would be computed now: by which recipe, of what but for what it reads, and where its parameters come from."""
    search, because = search_among(recipe.problem, recipe.noun, inputs), ""
    if search is not None:
        recipe, given, because = _found(recipe, given, search)
    told: dict[str, Any] = {
        "params": given.params,
        "seed": given.seed,
        "threads": given.threads,
        "device": given.device,
    }
    return recipe, recipe.ingredients(partition, {}, **told), because


def _found(recipe: Recipe, given: Given, search: Handle) -> tuple[Recipe, Given, str]:
    """How a training is done after a search: what it is computed by, what it is given, and where that comes from.

    Raises:
        InvalidParams: if the best of the candidates is none of the problem's any more, or the one that was chosen never was.
    """
    problem, name = recipe.problem, f"{search.key.asset.partition('/')[2]} {search.key.short}"
    if not problem.candidates:
        return recipe, given.following(search.field("best")), f"params follow {name}"
    candidate = given.candidate or search.field("best")
    if candidate not in problem.variants:
        raise InvalidParams(
            f"{problem.name} has no candidate {candidate!r}; it has {', '.join(problem.variants)}. If it was renamed, "
            f"materialize {search.key.asset} of {search.key.partition} first."
        )
    variant = problem.variants[candidate]
    why = f"{candidate}, as chosen" if given.candidate else f"{candidate} is the best of {name}"
    return Recipe(variant, recipe.noun), replace(given_as_written(variant), seed=given.seed), why


def _reads_files(recipe: Recipe) -> bool:
    """Whether it reads landed files, of which only reading tells which."""
    role = recipe.asset.role
    return role == "lands" or (role == "records" and bool(asked_files(recipe.problem)))


def _reused(version: VersionKey, manifest: Manifest) -> str:
    took = seconds_of(manifest)
    run = f" by run {manifest.run[:8]}" if manifest.run else ""
    return f"{REUSED}{version.short}, made{run} on {manifest.branch} by {manifest.by}, saved {duration(took)}"


def seconds_of(manifest: Manifest) -> float:
    """What a version took to compute, by the clock; 0 where that is not recorded."""
    return float(manifest.resources.get("wall_seconds", 0.0))


def duration(seconds: float) -> str:
    """``0.3 s``, ``42 s``, ``3 min``, ``1.5 h``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
