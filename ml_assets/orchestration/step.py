"""One step of the chain: what was computed before is used again; else it is computed, checked and remembered.

*Reuse, not skip.* The version that is there is emitted again, with the same data version and the outcomes of the checks
that ran on it: what is downstream stays alive, and nothing looks changed. Nothing is loaded or computed for it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import dagster as dg

from ml_assets.assets import CheckSpec
from ml_assets.computation.chain import DataSources
from ml_assets.computation.git import identity_of
from ml_assets.computation.outside import WATERMARKS
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.resources import Meter
from ml_assets.computation.reuse import Decision, Execute, Question, Reuse, afresh
from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.io_manager import IO_MANAGER, Made, Reused
from ml_assets.orchestration.params import given_to
from ml_assets.orchestration.upstream import versions_of
from ml_assets.store import Check, Content, Handle, Store

LANDING_FOLDER = "ml_assets_landing"  # resource; apart from those that others have
SKIPPED = "skipped"
"""In the metadata of an observation: why an asset's partition was not made."""
FRESH_TAG = "ml_assets/fresh"
"""Tag of a run that computes everything, whether or not it was computed before."""

Emitted = Iterator[dg.AssetCheckResult | dg.Output[Made | Reused]]


@dataclass(frozen=True)
class Skip:
    """What an asset returns when there is nothing to make yet: it and what is downstream are not made; the run succeeds."""

    reason: str


Make = Callable[..., Made | Skip]


@dataclass(frozen=True)
class Step:
    """How one asset is made, once its inputs are known.

    Attributes:
        make: ``(context, **inputs) -> Made | Skip``.
    """

    recipe: Recipe
    make: Make

    def run(self, context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> Emitted:
        """Use again, or make."""
        asked, decision = self._decided(context, inputs)
        context.log.info(decision.why)
        if isinstance(decision, Reuse):
            yield from _emitted_again(decision, asked.because)
        elif isinstance(decision, Execute):
            yield from self._anew(context, inputs, asked, decision)
        else:
            _say_skipped(context, decision.why)

    def is_there(self, context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> bool:
        """Whether ``run`` would make nothing: what is there is used again, or nothing can be made yet."""
        return not isinstance(self._decided(context, inputs)[1], Execute)

    def _decided(self, context: dg.AssetExecutionContext, inputs: Mapping[str, Any]) -> tuple[Question, Decision]:
        asked = question(context, self.recipe, _handles(inputs))
        decision = asked.answer(store_of(context))
        if FRESH_TAG not in context.run.tags or _is_of(context.run, decision):
            return asked, decision
        return asked, afresh(decision)

    def _anew(
        self, context: dg.AssetExecutionContext, inputs: Mapping[str, Any], asked: Question, decision: Execute
    ) -> Emitted:
        store, meter = store_of(context), Meter()
        made = self.make(context, **inputs)
        if isinstance(made, Skip):
            context.log.info(made.reason)
            _say_skipped(context, made.reason)
            if asked.is_known:
                store.remember(asked.ingredients.key, made.reason, replace=decision.replaces)
            return
        code = self.recipe.source
        with ThreadPoolExecutor(1) as beside:  # on an object store each waits for some replies
            source = beside.submit(code.put, store)
            content = made.value if isinstance(made.value, Content) else store.put(made.value)
        answered = asked.having_read(made.traces or {}, made.ledger)
        made = replace(
            made,
            value=content,
            notes={**made.notes, WATERMARKS: asked.known_outside} if asked.outside else made.notes,
            made_of=answered.ingredients if answered.is_known else None,
            asked_by=asked.base.key,
            why="; ".join(filter(None, [decision.after(content) or answered.why(store), answered.because])),
            replaces=decision.replaces,
            source=source.result(),
            commit=identity_of(self.recipe.problem),
            params=asked.base.params,
            seed=asked.base.seed,
            resources={**meter.read(), **made.resources},
        )
        yield from self._checked(made, _output(made, content.digest))

    def _checked(self, made: Made, output: dg.Output[Made | Reused]) -> Emitted:
        checked = [check_result(check) for check in made.checks]
        looked_into = {check.name for check in made.checks}
        if made.refused:
            announced = self.recipe.asset.checks_of(self.recipe.problem)
            checked += [not_looked_into(check) for check in announced if check.name not in looked_into]
        # Dagster ties a check to the newest materialization: to this one, which must come first. A refused version
        # is none: handling the output ends the step, and what the checks found must be said before.
        if made.refused:
            yield from checked
        yield output
        yield from _of_one_version(checked)


def question(context: dg.AssetExecutionContext, recipe: Recipe, inputs: Sequence[Handle]) -> Question:
    """What a step makes, and of what."""
    store = store_of(context)
    versions = versions_of(recipe.problem, context) if recipe.asset.role == "records" else {}
    sources = DataSources(store, getattr(context.resources, LANDING_FOLDER), versions)
    return Question.of(recipe, partition_of(context), inputs, given_to(recipe, context), sources)


def partition_of(context: dg.AssetExecutionContext) -> str:
    """The key of the partition that is made. Dagster's own key of two dimensions is no plain text."""
    return str(context.partition_key)


def store_of(context: dg.AssetExecutionContext) -> Store:
    """The store that a step reads from and writes to."""
    store: Store = getattr(context.resources, IO_MANAGER).store
    return store


class _Result(dg.AssetCheckResult):
    """A check's result that Dagster ties to the materialization that was found for another one of the same version.

    It would search the event log for each, the same each time: 1.13, pinned, and held by our tests.
    """

    found: list[Any] | None = None

    def _get_target_materialization_data(self, step_context: Any, check_key: dg.AssetCheckKey) -> Any:
        found = [] if self.found is None else self.found
        if not found:
            found.append(super()._get_target_materialization_data(step_context, check_key))
        return found[0]


def _of_one_version(results: Iterable[_Result]) -> Iterator[_Result]:
    """The results of checks on what was just emitted: whose materialization is searched for once."""
    found: list[Any] = []
    for result in results:
        result.found = found
        yield result


def check_result(outcome: CheckOutcome | Check) -> _Result:
    """An outcome as Dagster's: an error stops what is downstream, a warning does not."""
    return _Result(
        check_name=outcome.name,
        passed=outcome.passed,
        severity=dg.AssetCheckSeverity.ERROR if outcome.blocking else dg.AssetCheckSeverity.WARN,
        description=outcome.description,
        metadata=dict(outcome.metadata),
    )


def not_looked_into(check: CheckSpec) -> _Result:
    """What there is to say of a check that needs what another one has just refused."""
    return _Result(
        check_name=check.name,
        passed=False,
        severity=dg.AssetCheckSeverity.WARN,
        description="Not looked into: what it needs was refused by another check.",
    )


def _say_skipped(context: dg.AssetExecutionContext, why: str) -> None:
    """In the UI, at the partition: an observation, which wakes nobody, for it has no data version."""
    observed = dg.AssetObservation(context.asset_key, partition=partition_of(context), metadata={SKIPPED: why})
    context.log_event(observed)


def _is_of(run: dg.DagsterRun, decision: Decision) -> bool:
    """Whether what is there was made by this run: of several candidates it has trained each."""
    return isinstance(decision, Reuse) and decision.manifest.run == run.run_id


def _emitted_again(found: Reuse, because: str) -> Emitted:
    why = "; ".join(filter(None, [found.why, because]))
    yield _output(Reused(found.version, found.manifest, why, found.saved_seconds), found.manifest.content.digest)
    yield from _of_one_version(map(check_result, found.manifest.checks))


def _output(value: Made | Reused, digest: str) -> dg.Output[Made | Reused]:
    """With its data version: set later, by the IO manager, Dagster would take it for the one before of a self-dependency."""
    with warnings.catch_warnings():  # a beta parameter in 1.13: pinned, and held by our tests
        warnings.simplefilter("ignore", dg.BetaWarning)
        return dg.Output(value, data_version=dg.DataVersion(digest))


def _handles(inputs: Mapping[str, Any]) -> list[Handle]:
    """All handles of a step's inputs, oldest first; what others' assets gave is none."""
    every = [one for given in inputs.values() for one in (given.values() if isinstance(given, dict) else [given])]
    return [handle for handle in every if isinstance(handle, Handle)]
