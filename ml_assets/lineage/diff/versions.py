"""What differs between two versions of an asset: what they were made of, what came out, and how good it is.

Each section is read by itself, so that bytes that were lost cost the answer to one question and not to all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

from ml_assets.assets import noun_that
from ml_assets.errors import CorruptBlob, MissingBlob, UnknownVersion, UnreadableContent, UsageError
from ml_assets.evaluation.comparison import Comparison
from ml_assets.evaluation.plain import to_plain
from ml_assets.lineage.diff.circumstances import commit_differences, environment_differences, outcome_differences
from ml_assets.lineage.diff.code import CodeDiff, code_diff
from ml_assets.lineage.diff.ingredients import ingredient_differences
from ml_assets.lineage.diff.judged import (
    GateDiff,
    MetricDiff,
    SliceDiff,
    gain,
    gates_diff,
    metrics_diff,
    on_same_rows,
    slices_diff,
)
from ml_assets.lineage.diff.predictions import THRESHOLD, AnswersDiff, answers_diff
from ml_assets.lineage.diff.rows import RowsDiff, rows_diff
from ml_assets.lineage.diff.scored_again import ScoredAgain, scored_again
from ml_assets.lineage.diff.side import Side
from ml_assets.lineage.diff.weights import TensorDiff, weights_diff
from ml_assets.lineage.judged import EVALUATION, MODEL
from ml_assets.problem import Problem
from ml_assets.store import Store, VersionKey

LOST = (CorruptBlob, MissingBlob, UnknownVersion, UnreadableContent)
Section = TypeVar("Section")


@dataclass(frozen=True)
class Diff:
    """What differs between two versions. A section without differences is empty or None.

    Attributes:
        old, new: the versions.
        same_content: their values are equal, byte for byte.
        ingredients: one sentence for each thing they were made of that differs.
        circumstances: the same for the commit, the machine and the packages: what does not decide about reuse.
        code: the parts of the code that differ.
        outcomes: one sentence for each check, note or plain number that differs.
        rows: of datasets, features, splits, predictions and evaluations.
        tables: of several tables under one name each, such as what was recorded of sources, those whose rows differ.
        weights: of models made of tensors, those that differ.
        judged_by: the evaluations that the following compare: the versions themselves, or of models the newest of each.
        gain: by how much the new one is better in the metric that decides, if both were judged on the same rows.
        scored_again: the same on rows that neither was fitted on, if they were judged on others.
        answers: of predictions, or of the rows that the evaluations judged.
        not_told: section -> why nothing can be said about it.
    """

    old: VersionKey
    new: VersionKey
    same_content: bool
    ingredients: tuple[str, ...] = ()
    circumstances: tuple[str, ...] = ()
    code: CodeDiff | None = None
    outcomes: tuple[str, ...] = ()
    rows: RowsDiff | None = None
    tables: Mapping[str, RowsDiff] = field(default_factory=dict)
    weights: tuple[TensorDiff, ...] = ()
    judged_by: tuple[VersionKey, VersionKey] | None = None
    metrics: tuple[MetricDiff, ...] = ()
    gain: Comparison | None = None
    scored_again: ScoredAgain | None = None
    slices: tuple[SliceDiff, ...] = ()
    gates: tuple[GateDiff, ...] = ()
    answers: AnswersDiff | None = None
    not_told: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        again = to_plain(asdict(self.scored_again)) if self.scored_again else None
        return {**asdict(self), "gain": self.gain.to_json() if self.gain else None, "scored_again": again}


def diff(
    store: Store,
    old: VersionKey,
    new: VersionKey,
    problem: Problem | None = None,
    *,
    threshold: float = THRESHOLD,
    telling: Callable[[str], None] = lambda _: None,
) -> Diff:
    """What differs between two versions of one asset, of the same partition or of two.

    Args:
        problem: says what identifies a row and which way a metric is better; without it less is told.
        threshold: from which probability on a prediction of two classes is a yes.
        telling: is told before both models are scored on rows that neither was fitted on; that can take a while.
    Raises:
        UsageError: if they are versions of different assets.
        UnknownVersion, CorruptBlob: if there is no such version, or its manifest was changed.
    """
    _refuse_other_asset(old, new)
    if old == new:
        return Diff(old, new, same_content=True)
    before, after, names, told = Side(store, old), Side(store, new), _names(problem), _Told()
    code = told.unless_lost("code", _code, before, after)
    judged = told.unless_lost("metrics", _evaluations, before, after)
    ingredients = ingredient_differences(before.manifest, after.manifest, code)
    around = told.unless_lost("environment", _environment, before, after) or ()
    return Diff(
        old,
        new,
        same_content=before.manifest.content == after.manifest.content,
        ingredients=ingredients,
        circumstances=(
            *commit_differences(before.manifest, after.manifest),
            *(said for said in around if said not in ingredients),
        ),
        code=code_diff(code[before.code_version], code[after.code_version]) if code else None,
        outcomes=outcome_differences(before.manifest, after.manifest),
        rows=told.unless_lost("rows", _rows, before, after, names),
        tables=told.unless_lost("rows", _tables, before, after, names) or {},
        weights=told.unless_lost("weights", _weights, before, after) or (),
        **_quality(*judged, problem, told, telling) if judged else {},
        answers=told.unless_lost("predictions", _answers, judged or (before, after), names, problem, threshold),
        not_told=told.not_told,
    )


class _Told:
    """Collects why a section cannot be told."""

    def __init__(self) -> None:
        self.not_told: dict[str, str] = {}

    def unless_lost(self, section: str, tell: Callable[..., Section], *about: Any) -> Section | None:
        """The section; None, and remembered why, if what it is told from is not there or not readable."""
        try:
            return tell(*about)
        except LOST as error:
            self.not_told[section] = str(error)
            return None


def _refuse_other_asset(old: VersionKey, new: VersionKey) -> None:
    if old.asset != new.asset:
        raise UsageError(
            f"{old} and {new} are of different assets, so nothing of one corresponds to anything of the other. "
            f"Name two versions of one asset; there are: ml-assets history {old.asset}"
        )


def _names(problem: Problem | None) -> list[list[str]]:
    """What identifies a row: the problem's entity and event time, which splits and evaluations call by these names."""
    entity, time = (problem.entity, problem.event_time) if problem else (None, None)
    return [[name for name in names if name] for names in ((entity, "entity"), (time, "event_time"))]


# ---------------------------------------------------------------- what they were made of


def _code(old: Side, new: Side) -> dict[str, Mapping[str, str]]:
    """Code version -> its parts, of both; empty where they are one.

    Raises:
        UnknownVersion: if a version does not say by what code it was made.
    """
    older = [str(side.key) for side in (old, new) if not side.code_version]
    if older:
        made = "were made before code was" if len(older) > 1 else "was made before code was"
        raise UnknownVersion(f"{' and '.join(older)} {made} recorded with each version. Compare the commits instead.")
    if old.code_version == new.code_version:
        return {}
    return {side.code_version: side.store.code(side.code_version) for side in (old, new)}


def _environment(old: Side, new: Side) -> tuple[str, ...]:
    if old.manifest.environment == new.manifest.environment:
        return ()
    return environment_differences(old.environment, new.environment)


# ---------------------------------------------------------------- what came out


def _rows(old: Side, new: Side, names: list[list[str]]) -> RowsDiff | None:
    if old.manifest.content == new.manifest.content or not (old.has_rows and new.has_rows):
        return None
    found = rows_diff(old.rows, new.rows, names)
    return None if found.alike and old.has_answers else found  # then it is the answers that differ


def _tables(old: Side, new: Side, names: list[list[str]]) -> dict[str, RowsDiff]:
    if old.manifest.content == new.manifest.content or not (old.has_tables and new.has_tables):
        return {}
    both = {name: rows_diff(table, new.value[name], names) for name, table in old.value.items() if name in new.value}
    return {name: found for name, found in both.items() if not found.alike}


def _weights(old: Side, new: Side) -> tuple[TensorDiff, ...]:
    same = old.manifest.content == new.manifest.content
    return () if same else weights_diff(old.weights, new.weights)


def _evaluations(old: Side, new: Side) -> tuple[Side, Side] | None:
    """The versions themselves, or of models the newest evaluations; None where nothing is judged.

    Raises:
        UnknownVersion: if a model was not judged yet.
    """
    if old.noun not in (MODEL, EVALUATION):
        return None
    here, there = old.evaluation, new.evaluation
    if here is None or there is None:
        unjudged = [side.key for side in (old, new) if side.evaluation is None]
        run = f"ml-assets run {old.key.asset.rpartition('/')[0]}/{EVALUATION} --partition {unjudged[0].partition}"
        raise UnknownVersion(f"Nobody has judged {' or '.join(map(str, unjudged))} yet. Judge what is published: {run}")
    return here, there


def _quality(
    old: Side, new: Side, problem: Problem | None, told: _Told, telling: Callable[[str], None]
) -> dict[str, Any]:
    """The sections about two evaluations, for ``Diff``."""
    reports = told.unless_lost("slices and gates", lambda: (old.report, new.report))
    same_rows = on_same_rows(old.answers, new.answers) if reports else _split_of(old) == _split_of(new) != ""
    metrics = metrics_diff(old.manifest, new.manifest, problem.metrics if problem else (), same_rows=same_rows)
    first = next((metric.name for metric in metrics if metric.old and metric.new), None)
    again = None
    if problem and metrics and reports and not same_rows:
        again = told.unless_lost("which is better", scored_again, problem, old, new, telling)
    return {
        "judged_by": (old.key, new.key),
        "metrics": metrics,
        "gain": gain(problem.promote_when, old.answers, new.answers)
        if reports and same_rows and metrics and problem
        else None,
        "scored_again": again,
        "slices": slices_diff(*reports, first) if reports and first else (),
        "gates": gates_diff(*reports) if reports else (),
    }


def _split_of(evaluation: Side) -> str:
    """The digest of the split that says which rows judged; empty where that is not recorded."""
    return next((read.digest for read in evaluation.manifest.inputs if read.name == noun_that("divides")), "")


def _answers(
    sides: tuple[Side, Side], names: list[list[str]], problem: Problem | None, threshold: float
) -> AnswersDiff | None:
    old, new = sides
    if not old.has_answers:
        return None
    return answers_diff(old.answers, new.answers, names, problem.task if problem else None, threshold)
