"""A problem tried out: its chain for one partition on a sample of rows, or one asset on stored inputs. Nothing is kept.

What runs is what a run would run: the same steps, by Dagster, in this process, where a debugger works. They read what the branch
names and write to a store in memory that lies over the branch's; the Dagster instance is one for the moment.

    landing, sampled ──▶ dataset … predictions      the chain; of earlier partitions what it is made from
    what the branch names ──▶ one asset             alone; with ``rows`` its tables are sampled first

An exception of the user's code is raised as it is, its traceback from her first line on. What a check refuses ends it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from shlex import quote
from typing import Any
from uuid import uuid4

import dagster as dg

import ml_assets
from ml_assets.artifacts import trust_all
from ml_assets.assets import noun_that
from ml_assets.computation.chain import chain_of, groups_read, inputs_of
from ml_assets.computation.ingredients import Ingredients
from ml_assets.computation.recipe import Recipe
from ml_assets.errors import NotLanded, UnusableSplit, UsageError
from ml_assets.lineage.workbench import Workbench
from ml_assets.orchestration import assets_of
from ml_assets.orchestration.io_manager import DEFAULT_IO_MANAGER, IO_MANAGER, StoreIOManager
from ml_assets.orchestration.keys import asset_key, asset_name, op_name
from ml_assets.orchestration.launch import QUIET, Progress, Step
from ml_assets.orchestration.messages import UsersTraceback
from ml_assets.orchestration.step import LANDING_FOLDER
from ml_assets.orchestration.tried import DATASET, EVALUATION, FEATURES, MODEL, SPLIT, Tried
from ml_assets.orchestration.upstream import foreign_specs, shared_specs
from ml_assets.problem import Compute, Dynamic, Problem, files_of, shared_files_of
from ml_assets.problems import PROBLEMS, in_order_of_sharing, problem_named
from ml_assets.settings import Settings
from ml_assets.store import Backend, LandingFolder, Overlay, Store, VersionKey, open_backend
from ml_assets.training.params import check_given
from ml_assets.training.sample import OF_A_SAMPLE, on_sample, sample_of

ROWS = 2_000  # of a chain, of each dataset: enough for a number, few enough for seconds
LATER = (noun_that("audits"), noun_that("watches"))
SAMPLED = (DATASET, FEATURES, SPLIT, MODEL, noun_that("serves"))
"""The assets that can be made of a sample: they are made from tables, or from what is."""
Report = Callable[[Step], None]


def try_out(
    problem: Problem,
    partition: str,
    rows: int | None = None,
    *,
    asset: str | None = None,
    params: Mapping[str, Any] | None = None,
    seed: int | None = None,
    candidate: str | None = None,
    settings: Settings | None = None,
    report: Report = lambda step: None,
) -> Tried:
    """Compute the chain of a problem for a partition, or one asset alone, as a run would, and keep nothing.

    Args:
        problem: as it is in memory: in a notebook the reloaded one.
        rows: of each dataset, the same ones each time; of a chain 2,000 unless said, of an asset all.
        asset: made alone, from what the branch names; None: the chain, from landed files.
        params, seed: for the training, where they are not the problem's own.
        candidate: which of several becomes the model; None: the best.
        report: hears of each step as it ends.
    Raises:
        NotLanded: if files are missing; the message says which, and how they land.
        UsageError: if there is no such partition or asset, or no sample can be made for it.
        UnknownVersion: if an input of an asset alone was never made.
        UnusableSplit: if a part of the split has no row.
        MlAssetsError: whatever else a step raises.
    """
    settings = settings or Settings.from_environment()
    rows = ROWS if rows is None and asset is None else rows
    _refuse_unknown(problem, partition, asset, rows)
    tried = _Trying(
        _as_tried(problem, asset, rows),
        settings,
        _config(problem, params=params, seed=seed, candidate=candidate),
        rows,
        report,
    )
    trust_all([problem])
    with UsersTraceback(), _said_of_samples(rows):
        if asset is None:
            tried.chain(partition)
        else:
            tried.alone(asset, partition)
    return tried.outcome(problem, partition, asset)


@dataclass(frozen=True)
class _Trying:
    """One tryout under way."""

    problem: Problem
    settings: Settings
    config: Mapping[str, Any]
    rows: int | None
    report: Report
    steps: list[Step] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)
    own: Backend = field(default_factory=partial(open_backend, "memory://"))

    @property
    def landing(self) -> LandingFolder:
        return ml_assets.open_landing(self.settings)

    @property
    def stored(self) -> Store:
        """The branch's store; no copies of what is read of it are kept either."""
        return ml_assets.open_store(self.settings).without_copies()

    @property
    def store(self) -> Workbench:
        """In memory, over the branch's: it begins with what the branch names."""
        over = Overlay(self.stored.backend, self.own, shares_refs=True)
        return Workbench(over, branch=self.settings.branch, user=self.settings.user, problems=[self.problem])

    def chain(self, partition: str) -> None:
        """All assets of the partition, and what they are made from of those before it."""
        wanted: dict[str, set[str]] = {}
        for noun in chain_of(self.problem):
            if noun in LATER:  # what came of earlier decisions and models says nothing of what is tried out
                continue
            _add(self.problem, (noun, partition), wanted)
        datasets = [key for key, nouns in wanted.items() if DATASET in nouns]
        groups = groups_read(self.problem, datasets, in_order_of_sharing(PROBLEMS))
        if not all(self._group(problem_named(group), keys) for group, keys in groups.items()):
            return
        _refuse_unlanded(self.problem, self.landing, datasets)
        self.make(self.problem, {key: nouns - self._kept(self.problem, key) for key, nouns in wanted.items()})

    def _group(self, group: Problem, partitions: Sequence[str]) -> bool:
        """What a feature group has of these partitions, whole: as the branch names it, else made here.

        Returns:
            whether nothing was refused.
        """
        unmade = [key for key in partitions if self.stored.head(f"{group.name}/{DATASET}", key) is None]
        _refuse_unlanded(group, self.landing, unmade)
        of_all = group if self.rows is None else on_sample(group, sys.maxsize)
        return self.make(of_all, {key: {*chain_of(group)} - self._kept(group, key) for key in unmade})

    def _kept(self, problem: Problem, partition: str) -> set[str]:
        """What was kept of databases and other people's assets is not read anew, where the same was asked."""
        record = noun_that("records")
        entry = self.stored.head(f"{problem.name}/{record}", partition)
        made_of = Ingredients.of(self.stored.manifest(entry.target)) if entry else None
        recipe = Recipe(problem, record)
        if made_of is None or {**made_of.settings, **recipe.settings} != made_of.settings:
            return set()
        return {record}

    def alone(self, asset: str, partition: str) -> None:
        """The asset, from what the branch names. A model is judged, too; of a sample, its split is made first."""
        nouns = [MODEL, EVALUATION] if asset == MODEL else [asset]
        if self.rows is not None:
            nouns = [SPLIT, *nouns] if asset == MODEL else nouns
            for noun, key in _own_inputs(self.problem, nouns[0], partition):
                self._publish_sample(f"{self.problem.name}/{noun}", key, self.rows)
        self.make(self.problem, {partition: {*nouns}})

    def _publish_sample(self, name: str, partition: str, rows: int) -> None:
        """Name a sample of what the branch names; nothing where it names nothing, which the step refuses itself."""
        store = self.store
        if (entry := store.head(name, partition)) is None:
            return
        manifest, sample = store.manifest(entry.target), sample_of(store.load(entry.target), self.problem.entity, rows)
        said = {**manifest.notes, "rows": len(sample)}
        store.publish(replace(manifest, content=store.put(sample), notes=said, run=None), why=f"a sample of {rows:,}")

    def make(self, problem: Problem, wanted: Mapping[str, set[str]]) -> bool:
        """These assets of these partitions, in order, until something is refused; whether nothing was."""
        manager = StoreIOManager(self.store)
        resources = {IO_MANAGER: manager, DEFAULT_IO_MANAGER: manager, LANDING_FOLDER: self.landing}
        outside = [*foreign_specs([problem]), *shared_specs([problem])]
        definitions = dg.Definitions([*assets_of(problem), *outside], resources=resources)
        with dg.DagsterInstance.ephemeral() as instance, suppress(dg.Failure):  # a refusal, which its step has told
            if isinstance(problem.partitions, Dynamic):
                instance.add_dynamic_partitions(problem.name, [*wanted])
            for key in problem.partitions.in_order(wanted):
                self._run(problem, definitions, instance, key, wanted[key])
            return True
        return False

    def _run(
        self,
        problem: Problem,
        definitions: dg.Definitions,
        instance: dg.DagsterInstance,
        partition: str,
        nouns: set[str],
    ) -> None:
        run, progress = str(uuid4()), Progress(partition, self._tell)
        instance.add_event_listener(run, partial(_see, progress))
        trains = op_name(problem, MODEL)
        ops = {trains: {"config": self.config}} if MODEL in nouns and self.config else {}
        definitions.resolve_implicit_global_asset_job_def().execute_in_process(
            run_id=run,
            instance=instance,
            partition_key=partition,
            asset_selection=[asset_key(problem, noun) for noun in nouns],
            run_config={"ops": ops, "loggers": QUIET},
        )
        self.skipped.update({asset_name(key): why for key, why in progress.why_skipped.items()})

    def _tell(self, step: Step) -> None:
        told = replace(step, why=self._why(step))
        self.steps.append(told)
        self.report(told)

    def _why(self, step: Step) -> str:
        """Of what failed by an exception, that says it itself; of a sample, that it is other rows is known."""
        if step.passed:
            return step.why if self.rows is None else ""
        return "refused: nothing is made from it" if step.findings else ""

    def _made(self, versions: Sequence[VersionKey]) -> VersionKey | None:
        """Of versions that were made of one asset the one that a ref names: each candidate has a model; else the first."""
        heads = [self.store.head(key.asset, key.partition) for key in versions[:1]]
        named = [entry.target for entry in heads if entry is not None and entry.target in versions]
        return next(iter([*named, *versions]), None)

    def outcome(self, problem: Problem, partition: str, asset: str | None) -> Tried:
        """What came of it."""
        own = Store(self.own)
        names = {noun: f"{problem.name}/{noun}" for noun in chain_of(problem)}
        made = {noun: key for noun, name in names.items() if (key := self._made(own.versions(name, partition)))}
        heads = {noun: self.stored.head(name, partition) for noun, name in names.items()}
        before = {noun: entry.target for noun, entry in heads.items() if entry is not None}
        left_out = tuple(_left_out(problem, asset, self.rows))
        steps = tuple(self.steps)
        return Tried(problem, partition, asset, self.rows, steps, self.skipped, made, before, self.store, left_out)


def _see(progress: Progress, entry: dg.EventLogEntry) -> None:
    if entry.dagster_event is not None:
        progress.see(entry.dagster_event)


def _as_tried(problem: Problem, asset: str | None, rows: int | None) -> Problem:
    """The problem with a sample, one process, no second attempt and, of a chain, no search."""
    tried = problem
    if not problem.is_group:
        tuning = problem.tuning if asset else None
        candidates = {name: replace(one, compute=_one_process(one.compute)) for name, one in problem.candidates.items()}
        tried = replace(problem, compute=_one_process(problem.compute), tuning=tuning, candidates=candidates)
    return tried if rows is None else on_sample(tried, rows)


def _one_process(compute: Compute | None) -> Compute | None:
    return replace(compute, gpus=min(1, compute.gpus), nodes=1, retries=0) if compute else None


def _left_out(problem: Problem, asset: str | None, rows: int | None) -> Iterator[str]:
    if rows is not None:
        checks = f"{', '.join(OF_A_SAMPLE[:-1])} and {OF_A_SAMPLE[-1]}"
        yield f"Of a sample {checks} inform and block nothing, and features that look at other rows see those of the sample."
    if problem.tuning is not None and asset is None:
        yield "The search for parameters was left out: the model has those that the problem names."
    if problem.compute is not None and problem.compute.gpus * problem.compute.nodes > 1:
        yield "The model was trained by one process, not by those that its compute asks for."


def _config(problem: Problem, **given: Any) -> dict[str, Any]:
    chosen = {name: value for name, value in given.items() if value is not None}
    check_given(problem, chosen)
    return chosen


def _refuse_unknown(problem: Problem, partition: str, asset: str | None, rows: int | None) -> None:
    if asset is not None and asset not in chain_of(problem):
        raise UsageError(f"{problem.name} has no asset {asset!r}. It has {', '.join(chain_of(problem))}.")
    if not isinstance(problem.partitions, Dynamic):
        problem.partitions.between(problem.partitions.keys(), partition, partition)
    if rows is not None and rows < 1:
        raise UsageError(f"A sample has at least one row, not {rows}.")
    if rows is not None and asset not in (None, *SAMPLED):
        raise UsageError(
            f"{problem.name}/{asset} is not made from tables, so its inputs cannot be sampled. Leave out the rows, or try the "
            "whole chain on a sample."
        )


def _add(problem: Problem, place: tuple[str, str], wanted: dict[str, set[str]]) -> None:
    """A place, and all that it is made from."""
    noun, partition = place
    if noun not in wanted.setdefault(partition, set()):
        wanted[partition].add(noun)
        for above in _own_inputs(problem, noun, partition):
            _add(problem, above, wanted)


def _own_inputs(problem: Problem, noun: str, partition: str) -> Iterator[tuple[str, str]]:
    """What is made from what, of the problem's own; what others make is read whole, as the branch names it."""
    for asset, key in inputs_of(problem, noun, partition):
        owner, _, above = asset.partition("/")
        if owner == problem.name:
            yield above, key


def _refuse_unlanded(problem: Problem, landing: LandingFolder, partitions: Sequence[str]) -> None:
    """Say at once which files are missing, of all partitions, before any is computed."""
    names = dict.fromkeys([*(name for key in partitions for name in files_of(problem, key)), *shared_files_of(problem)])
    if not (missing := [name for name in names if landing.entry(name) is None]):
        return
    first, *_, last = [*problem.partitions.in_order(partitions)] * 2
    span = f"--partition {quote(first)}" if first == last else f"--partitions {quote(f'{first}..{last}')}"
    how = "Put them there." if problem.sample_files is None else f"Land them: ml-assets land {problem.name} {span}"
    raise NotLanded(f"In {landing.backend.url} there is no {', '.join(sorted(missing))}: its window needs it. {how}")


@contextmanager
def _said_of_samples(rows: int | None) -> Iterator[None]:
    try:
        yield
    except UnusableSplit as error:
        if rows is None:
            raise
        raise UnusableSplit(
            f"{error} This is a sample of {rows:,} rows of each dataset: it may be too small."
        ) from None
