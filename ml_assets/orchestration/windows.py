"""Two recipes, judged on the last windows: of each window a model of both, found again or trained here, on the same rows.

A recipe is the code, packages, settings, parameters and seed of a model, and the code of its features and its split: all but
the data. A model is judged on the features that it was made for. What is not there is trained where this code is still that of
the recipe, as it is where only parameters differ; else the windows count for which there are models of both.

Of one recipe the question is whether newer data makes a better model: the champion itself is judged beside the model of each
window since, on rows that it has not seen. So it is where no model of its recipe can be had any more. The newest window always
takes part, or nothing is decided.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import dagster as dg

from ml_assets.assets import noun_that
from ml_assets.computation.chain import DataSources
from ml_assets.computation.ingredients import Ingredients
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Question, given_as_written
from ml_assets.errors import FeatureMismatch, IncomparableEvaluations, InvalidPrediction, UnusableSplit
from ml_assets.evaluation.comparison import Comparison, WindowScores, refuse_other_rows
from ml_assets.evaluation.metrics import written
from ml_assets.evaluation.scored_rows import paired
from ml_assets.evaluation.units import units_in
from ml_assets.evaluation.windows import compare_windows, window_scores
from ml_assets.orchestration.model import trained
from ml_assets.orchestration.remembered import remember
from ml_assets.problem import Better, FeatureTable, Metric, Problem
from ml_assets.promotion.unseen import is_seen, judging_rows, scored_by
from ml_assets.store import Handle, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd

LACKING = (
    "the others lack a split, a value of the metric, or a model of the challenger's recipe with the features of today's code. "
    "Make those partitions, then decide again with --fresh"
)
OF_A_WINDOW = " of a window"  # how what was read for a decision is called among its inputs
LOOKED_BACK = 2  # times as many windows as are asked for: the newest may lack a model of an old recipe


Train = Callable[[Question, Handle, str], VersionKey | None]
"""Makes the model that a question asks for, of a split, and why; None where it must not be used."""


@dataclass(frozen=True)
class _Pair:
    """The models of one window, and the rows that judge each: the same ones, with the features that each was made for."""

    challenger: Handle
    champion: Handle
    rows: FeatureTable
    rows_of_champion: FeatureTable


@dataclass(frozen=True)
class Duel:
    """A challenger and a champion, and where their recipes meet.

    Attributes:
        asked: what promotion asks.
        evaluation: the challenger's; what was made after it decides nothing.
    """

    problem: Problem
    sources: DataSources
    asked: Better
    evaluation: Handle
    champion: Handle
    _found: dict[VersionKey, Mapping[tuple[str, ...], VersionKey]] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def challenger(self) -> Handle:
        """The model that was judged."""
        return self.evaluation.input("model")

    @cached_property
    def differ_in_recipe(self) -> bool:
        """Whether more than the data differs; False where it is not known what one was made of."""
        one, other = (self._recipes[model.key] for model in (self.challenger, self.champion))
        return None not in (one, other) and one != other

    def fought(self, train: Train | None, say: Callable[[str], None]) -> tuple[Comparison, tuple[Handle, ...]]:
        """What the windows say, and what was read for it.

        Args:
            train: makes the models that are not there; None: those windows are left out.
            say: what people are told meanwhile.
        """
        scores, read = list[WindowScores](), list[Handle]()
        for split in self._splits():
            pair = self._pair(split, train)
            judged = self._judged(pair, say) if pair else None
            if pair and judged:
                scores.append(judged)
                read += [one for one in (split, pair.challenger, pair.champion) if one.name.endswith(OF_A_WINDOW)]
                say(_told(self.asked.metric, judged))
            if not scores or len(scores) == self.asked.windows:  # without the newest rows nothing is decided
                break
        return compare_windows(self.asked, scores[::-1], LACKING), tuple(read)

    def _splits(self) -> Iterator[Handle]:
        """The challenger's and those before it, newest first."""
        newest = self.challenger.input("split")
        yield newest
        partitions = self.problem.partitions.window(str(newest.key.partition), LOOKED_BACK * self.asked.windows)[:-1]
        heads = self._store.heads(newest.key.asset, partitions)
        yield from (
            Handle(self._store, heads[key].target, f"split{OF_A_WINDOW}")
            for key in reversed(partitions)
            if key in heads
        )

    def _pair(self, split: Handle, train: Train | None) -> _Pair | None:
        """The models of a window, and what judges each."""
        return self._of_both_recipes(split, train) if self.differ_in_recipe else self._beside_the_champion(split, train)

    def _of_both_recipes(self, split: Handle, train: Train | None) -> _Pair | None:
        """The champion itself where no model of its recipe can be had; the challenger's is not trained where there is neither."""
        champion = self._model(self.champion, split, train)
        if champion is None:
            return self._beside_the_champion(split, train)
        challenger = self._model(self.challenger, split, train)
        if challenger is None:
            return None
        rows, others = (judging_rows(model.input("split")) for model in (challenger, champion))
        return _Pair(challenger, champion, rows, others)

    def _beside_the_champion(self, split: Handle, train: Train | None) -> _Pair | None:
        """The champion itself, in the windows since of which it has not seen what judges."""
        is_since = str(split.key.partition) > str(self.champion.key.partition)
        challenger = self._model(self.challenger, split, train) if is_since else None
        if challenger is None or challenger.digest == self.champion.digest:
            return None
        rows = judging_rows(challenger.input("split"))
        is_known = is_seen(self.problem, self._known_to_champion, rows).any()
        return None if is_known else _Pair(challenger, self.champion, rows, rows)

    @cached_property
    def _known_to_champion(self) -> pd.DataFrame:
        roles: pd.DataFrame = self.champion.input("split").load()
        return roles

    def _model(self, of: Handle, split: Handle, train: Train | None) -> Handle | None:
        """The model that another's recipe makes of a split: itself, one that is there, or one that is trained now."""
        if of.input("split").digest == split.digest:
            return of
        found = self._there(of, split) or self._made(of, split, train)
        return Handle(self._store, found, f"{of.name}{OF_A_WINDOW}") if found else None

    def _there(self, of: Handle, split: Handle) -> VersionKey | None:
        """One that there was when the challenger was judged."""
        recipe = self._recipes[of.key]
        return self._by_recipe(split).get(recipe) if recipe else None

    def _by_recipe(self, split: Handle) -> Mapping[tuple[str, ...], VersionKey]:
        """The newest model that each recipe made of a window by then; looked for once."""
        if split.key not in self._found:
            keys = self._store.versions(self.challenger.key.asset, split.key.partition)
            models = [model for key in keys if self._is_usable(model := Handle(self._store, key), split)]
            models.sort(key=lambda model: model.manifest.created_at)
            self._found[split.key] = {recipe: model.key for model in models if (recipe := _recipe(model))}
        return self._found[split.key]

    def _is_usable(self, model: Handle, split: Handle) -> bool:
        is_known = not model.manifest.rejected and model.manifest.created_at <= self.evaluation.manifest.created_at
        return is_known and model.input("split").digest == split.digest

    @cached_property
    def _recipes(self) -> dict[VersionKey, tuple[str, ...] | None]:
        return {model.key: _recipe(model) for model in (self.challenger, self.champion)}

    def _made(self, of: Handle, split: Handle, train: Train | None) -> VersionKey | None:
        """Trained, or remembered from when it was; None where this code is not that of the recipe."""
        asked, recipe = self._asked(of, split), self._recipes[of.key]
        if asked.recipe.unknown or recipe is None or recipe != (asked.base.recipe, *_recipes_of_rows(split)):
            return None
        known = asked.remembered(self._store)
        if known is not None and known.version is not None and not known.damage:
            return known.version
        why = f"for the decision of {self.challenger.key.partition}: the {of.name}'s recipe on this window"
        return train(asked, split, why) if train else None

    def _asked(self, of: Handle, split: Handle) -> Question:
        """The recipe as this code has it."""
        problem = self.problem.variants.get(str(of.manifest.notes.get("candidate")), self.problem)
        given = replace(given_as_written(problem), params=dict(of.manifest.params), seed=of.manifest.seed)
        recipe = Recipe(problem, noun_that("trains"))
        return Question.of(recipe, str(split.key.partition), [split], given, self.sources)

    def _judged(self, pair: _Pair, say: Callable[[str], None]) -> WindowScores | None:
        """What a window says; None where that is nothing, the two were not judged on the same rows, or one cannot answer."""
        challenger, champion = pair.challenger, pair.champion
        partition = str(challenger.key.partition)
        try:
            new = scored_by(self.problem, challenger, pair.rows)
            old = scored_by(self.problem, champion, pair.rows_of_champion)
            refuse_other_rows(new, old, (str(challenger.key), str(champion.key)))
        except (FeatureMismatch, IncomparableEvaluations, InvalidPrediction, UnusableSplit) as unfit:
            say(f"the window of {partition} tells nothing: {unfit}")
            return None
        fitted, metric = int(challenger.manifest.notes["rows_to_fit"]), self.asked.metric
        found = window_scores(metric, *paired(new, old), units_in(new), of=partition, fitted_on=fitted)
        if not found.tells:
            say(
                f"the window of {partition} tells nothing: {metric.name} is undefined on its rows, or without some of them"
            )
        return found if found.tells else None

    @property
    def _store(self) -> Store:
        return self.sources.store


def trainer(context: dg.AssetExecutionContext) -> Train:
    """Trains in a step, and remembers the model."""

    def train(asked: Question, split: Handle, why: str) -> VersionKey | None:
        context.log.info(f"training {why}")
        made = trained(context, asked, split)
        if made.refused:
            return None
        key = remember(context, asked, replace(made, why=why), split)
        made.once_published()
        return key

    return train


def _recipe(model: Handle) -> tuple[str, ...] | None:
    """What a model was made by, besides data; None where that is not recorded."""
    made_of = Ingredients.of(model.manifest)
    return None if made_of is None else (made_of.recipe, *_recipes_of_rows(model.input("split")))


def _recipes_of_rows(split: Handle) -> tuple[str, ...]:
    """Of a split, and of the newest features that it divides; empty for what is not recorded."""
    made_of = [Ingredients.of(of.manifest) for of in (split, split.inputs(noun_that("derives"))[-1])]
    return tuple(one.recipe if one else "" for one in made_of)


def _told(metric: Metric, one: WindowScores) -> str:
    challenger, champion = written(one.challenger, metric.unit), written(one.champion, metric.unit)
    return f"window of {one.partition}: {metric.name} {challenger} vs champion's recipe {champion} on {one.rows:,} rows"
