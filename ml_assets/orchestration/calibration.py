"""How often a problem's rule of promotion errs, measured with models of its own that differ in nothing but their seed.

Every window that has a split is one in which all seeds train a model. What is there is not trained again; the others are trained
by runs like any other, on a branch of the store that nobody reads, and what they made is found by what it was made of.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.computation.chain import DataSources
from ml_assets.computation.git import identity_of
from ml_assets.computation.recipe import Recipe
from ml_assets.computation.reuse import Question, given_as_written
from ml_assets.errors import FeatureMismatch, InvalidPrediction, UnusableSplit
from ml_assets.evaluation.calibration import Calibration, Share, Window, calibrate
from ml_assets.evaluation.plain import to_plain
from ml_assets.evaluation.scored_rows import paired
from ml_assets.evaluation.units import units_in
from ml_assets.orchestration.keys import op_name
from ml_assets.problem import Better, Problem
from ml_assets.promotion.unseen import judging_rows, scored_by
from ml_assets.store import Handle, Input, LandingFolder, Manifest, Store, VersionKey

CALIBRATION = "calibration"
"""The name of what is kept, beside the problem's assets."""
BRANCH = "calibration"
"""The branch of the store on which models are trained that nobody will use."""


@dataclass(frozen=True)
class Trained:
    """The model of a seed and a window, or that there is none yet."""

    split: Handle
    seed: int
    model: VersionKey | None


@dataclass(frozen=True)
class Measuring:
    """A problem, and the seeds by which its rule is measured.

    Attributes:
        seeds: two at least.
        partitions: the windows that are looked at, by the partition that each ends with; empty: all that have a split.
    """

    problem: Problem
    store: Store
    landing: LandingFolder
    seeds: Sequence[int]
    partitions: Sequence[str] = ()

    def splits(self) -> list[Handle]:
        """Of every window that has one, oldest first."""
        asset = f"{self.problem.name}/{noun_that('divides')}"
        wanted = self.partitions or [key for key in self.store.named(asset) if key is not None]
        heads = self.store.heads(asset, wanted)
        return [Handle(self.store, heads[key].target, "split") for key in self.problem.partitions.in_order(heads)]  # type: ignore[arg-type]  # each has a key

    def models(self) -> list[Trained]:
        """What there is of every window and seed."""
        sources = DataSources(self.store, self.landing)
        return [
            Trained(split, seed, self._found(split, seed, sources)) for split in self.splits() for seed in self.seeds
        ]

    def _found(self, split: Handle, seed: int, sources: DataSources) -> VersionKey | None:
        given = replace(given_as_written(self.trained), seed=seed)
        recipe = Recipe(self.trained, noun_that("trains"))
        known = Question.of(recipe, str(split.key.partition), [split], given, sources).remembered(self.store)
        return known.version if known is not None and not known.damage else None

    def run_config(self, seed: int) -> dict[str, Any]:
        """What a run is told that trains a model of a seed."""
        candidate = {"candidate": next(iter(self.problem.variants))} if self.problem.variants else {}
        op = op_name(self.problem, noun_that("trains"))
        return {"ops": {op: {"config": {"seed": seed, **candidate}}}}

    @property
    def trained(self) -> Problem:
        """The problem with one training: of several candidates the first."""
        return next(iter(self.problem.variants.values()), self.problem)

    def measured(self, models: Sequence[Trained]) -> tuple[Calibration, list[Handle]]:
        """What the rule makes of them, and what was read; each window has all seeds, or is left out.

        Raises:
            UnusableSplit: if there are fewer windows than the rule looks at.
        """
        windows, read = dict[str, Window](), list[Handle]()
        for split in {one.split.key: one.split for one in models}.values():
            of_window = [one for one in models if one.split.key == split.key]
            handles = [Handle(self.store, one.model, "model") for one in of_window if one.model is not None]
            window = self._window(split, handles) if len(handles) == len(of_window) else None
            if window is not None:
                windows[window.partition] = window
                read += [split, *handles]
        lines = list(self._lines(windows))
        if not any(len(line) >= self.problem.promote_when.windows for line in lines):
            raise UnusableSplit(
                f"{self.problem.name}: of {len(windows)} windows all seeds have a model, and the rule looks at "
                f"{self.problem.promote_when.windows}. Make more partitions first: ml-assets run {self.problem.name}"
            )
        if not any(_differ(window) for line in lines for window in line):
            raise UnusableSplit(
                f"{self.problem.name}: models of all seeds give the same answers, so chance has no part in this training, and a "
                "rule never takes one for better than itself. There is nothing to measure; a change of code or parameters is "
                "judged all the same."
            )
        return calibrate(self.problem.promote_when, lines), read

    def _window(self, split: Handle, models: Sequence[Handle]) -> Window | None:
        test = judging_rows(split)
        try:
            scored = [scored_by(self.problem, model, test) for model in models]
        except (FeatureMismatch, InvalidPrediction, UnusableSplit):
            return None
        pairs = [paired(scored[0], one) for one in scored]
        answers = {f"seed {seed}": answer for seed, (_, _, answer) in zip(self.seeds, pairs, strict=True)}
        fitted_on = int(models[0].manifest.notes["rows_to_fit"])
        return Window(str(split.key.partition), pairs[0][0], units_in(scored[0]), fitted_on, answers)

    def _lines(self, windows: Mapping[str, Window]) -> Iterator[list[Window]]:
        line_of, of_line = self.problem.partitions.line, dict[str | None, list[Window]]()
        for partition, window in windows.items():
            of_line.setdefault(line_of(partition), []).append(window)
        yield from of_line.values()

    def keep(self, found: Calibration, read: Sequence[Handle], *, why: str) -> VersionKey:
        """Store what was measured, where decisions find it."""
        asset = f"{self.problem.name}/{CALIBRATION}"
        manifest = Manifest(
            asset,
            None,
            self.store.put(told(self.problem.promote_when, found)),
            inputs=tuple(Input(of.name, of.key, of.digest) for of in read),
            code=identity_of(self.problem),
            notes={"why": why},
            branch=self.store.branch,
            by=self.store.user,
            created_at=datetime.now(UTC).isoformat(timespec="microseconds"),
        )
        return self.store.publish(manifest, why=why)[0]


def _differ(window: Window) -> bool:
    import numpy as np

    first, *others = window.answers.values()
    return not all(np.array_equal(first, other) for other in others)


def told(rule: Better, found: Calibration) -> dict[str, Any]:
    """A calibration as plain JSON, with the rule that was measured."""
    plain: dict[str, Any] = to_plain({"rule": rule_of(rule), **asdict(found), "smallest_found": found.smallest_found})
    return plain


def rule_of(rule: Better) -> dict[str, Any]:
    """What two rules must have in common for the one to say how often the other errs."""
    return {"metric": rule.metric.name, "by": rule.by, "confidence": rule.confidence, "windows": rule.windows}


def sentence(found: Calibration) -> str:
    """``promotes 2.2 % (4 of 180) of challengers that are no better, as measured with 5 seeds over 10 windows``."""
    return (
        f"promotes {found.false_alarms} of challengers that are no better, as measured with {found.recipes} seeds over "
        f"{found.windows} windows"
    )


def false_alarms(store: Store, problem: Problem) -> tuple[str, tuple[Handle, ...]]:
    """What was last measured of the problem's rule, as a sentence after a decision, and where; empty where it was not."""
    entry = store.head(f"{problem.name}/{CALIBRATION}", None)
    if entry is None:
        return "", ()
    kept = Handle(store, entry.target, CALIBRATION)
    value = kept.load()
    if value["rule"] != rule_of(problem.promote_when):
        return "", ()
    share = Share(**value["false_alarms"])
    low, high = (100 * end for end in share.interval)
    measured = f"measured with {value['recipes']} seeds over {value['windows']} windows; 95 % interval {low:.1f} to {high:.1f} %"
    said = f" This rule promotes {share} of challengers that are no better ({measured})."
    return said, (kept,)
