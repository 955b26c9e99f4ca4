"""A search as its steps see it: each works out by itself what is tried, from what the store remembers of earlier rounds.

Nothing passes between the steps but their order. A trial's result is found by the trial's computation key, like any other
computation: that is why a search that is made again, longer, after a crash or by a colleague trains only what is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import dagster as dg

from ml_assets.assets.study import TRIAL
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Question, seconds_of
from ml_assets.errors import SearchFailed
from ml_assets.orchestration.step import question, store_of
from ml_assets.problem import Problem, Tuning
from ml_assets.store import Handle, Manifest, Store, VersionKey
from ml_assets.training.params import changed_params
from ml_assets.training.tuning.pruning import Curve, bar, curve_of
from ml_assets.training.tuning.suggestions import rounds, suggest
from ml_assets.training.tuning.trial import Result, Trial

READERS = 8  # results that are read at the same time: on S3 each waits for its replies


@dataclass(frozen=True)
class Attempt:
    """A trial that is to be made, or was.

    Attributes:
        params: what is searched.
        bar: see ``Trial``.
        asked: what it is made of.
    """

    number: int
    params: Mapping[str, Any]
    bar: Curve
    asked: Question

    @property
    def key(self) -> str:
        """The computation key."""
        return self.asked.base.key

    def known(self, store: Store) -> tuple[Trial, VersionKey] | None:
        """What the store remembers of it; None if nothing, or nothing that is whole."""
        found = store.recall(self.key)
        if found is None or found.version is None or found.manifest is None or found.damage:
            return None
        result = Result.of_json(store.get(found.manifest.content, of=str(found.version)))
        return Trial(self.number, self.params, self.bar, result, seconds_of(found.manifest)), found.version


@dataclass(frozen=True)
class Search:
    """The search of one partition.

    Attributes:
        base: what every trial of it is made of, with the parameters as written.
        run: where code cannot be recognised again, results are this run's alone.
    """

    problem: Problem
    tuning: Tuning
    store: Store
    base: Question
    run: str

    @classmethod
    def of(cls, problem: Problem, tuning: Tuning, context: dg.AssetExecutionContext, split: Handle) -> Search:
        """As a step of the partition's study sees it."""
        base = question(context, Recipe(problem, TRIAL.name), [split])
        return cls(problem, tuning, store_of(context), base, context.run.root_run_id or context.run.run_id)

    def attempts(self, n: int) -> list[Attempt]:
        """The trials of round ``n``, from 0.

        Raises:
            SearchFailed: if the result of an earlier one is lost.
        """
        return self._attempts(rounds(self.tuning)[n], [trial for trial, _ in self.trials(n)])

    def recorded(self, manifest: Manifest) -> Attempt:
        """The trial that a manifest records, to be made by itself: what the rounds before it came to does not matter."""
        settings = manifest.code["computation"]["settings"]
        params = {name: manifest.params[name] for name in self.tuning.space}
        limit = curve_of(settings.get("bar", ()))
        return Attempt(manifest.notes["trial"], params, limit, self._asked(params, limit))

    def trials(self, n_rounds: int | None = None) -> list[tuple[Trial, VersionKey]]:
        """The trials of the first rounds, or of all, in order, and the version that records each.

        Raises:
            SearchFailed: if the result of one is lost.
        """
        found: list[tuple[Trial, VersionKey]] = []
        for numbers in rounds(self.tuning)[:n_rounds]:
            found += self._found(self._attempts(numbers, [trial for trial, _ in found]))
        return found

    def _attempts(self, numbers: range, earlier: Sequence[Trial]) -> list[Attempt]:
        written = {name: getattr(self.problem.params, name) for name in self.tuning.space}
        tries = suggest(
            self.tuning,
            written,
            earlier,
            len(numbers),
            seed=self.problem.seed,
            higher_is_better=self.problem.metrics[0].higher_is_better,
        )
        limit = bar([trial.result.curve for trial in earlier]) if self.tuning.prune_on else ()
        return [Attempt(n, params, limit, self._asked(params, limit)) for n, params in zip(numbers, tries, strict=True)]

    def _asked(self, params: Mapping[str, Any], limit: Curve) -> Question:
        base = self.base.base
        pruning = {"prune_on": self.tuning.prune_on, "bar": [list(point) for point in limit]}
        settings = {
            **base.settings,
            **(pruning if self.tuning.prune_on else {}),
            **({"run": self.run} if self.base.recipe.unknown else {}),
        }
        whole = asdict(changed_params(self.problem.params, params))
        return replace(self.base, base=replace(base, params=whole, settings=settings))

    def _found(self, attempts: Sequence[Attempt]) -> list[tuple[Trial, VersionKey]]:
        with ThreadPoolExecutor(READERS) as pool:
            known = list(pool.map(lambda attempt: attempt.known(self.store), attempts))
        lost = [attempt.number for attempt, one in zip(attempts, known, strict=True) if one is None]
        if lost:
            raise SearchFailed(
                f"{self.base.base.asset} [{self.base.base.partition}]: the result of trial {lost[0]} is not there. It was "
                "damaged, or code was edited while the search ran. Start it again: what is whole is used again."
            )
        return [one for one in known if one is not None]


def described(params: Mapping[str, Any]) -> str:
    """``c 0.31, depth 4``."""
    shown = {name: f"{value:.4g}" if isinstance(value, float) else str(value) for name, value in params.items()}
    return ", ".join(f"{name} {value}" for name, value in sorted(shown.items()))
