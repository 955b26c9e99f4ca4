"""A model on one page: what it answers, how well, on what it was made, and how to use it or put it back.

Everything is read from manifests and from the report of its evaluation, so that a card can be written for any model of any day.
Form after Mitchell et al., Model Cards for Model Reporting (2019).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.errors import UsageError
from ml_assets.evaluation.explanation import Explanation
from ml_assets.evaluation.judge import Evaluation, GateVerdict
from ml_assets.evaluation.metrics import written
from ml_assets.evaluation.slices import SliceScore
from ml_assets.lineage.judged import (
    EVALUATION,
    MODEL,
    REPORT,
    explained_in,
    judged_model,
    newest_evaluation,
    noun_of,
    read_as,
)
from ml_assets.lineage.markdown import code, escaped, table
from ml_assets.problem import Problem
from ml_assets.store import Manifest, Store, VersionKey

MOST_FEATURES, MOST_SLICES, MOST_INPUTS = 10, 5, 30
SPLIT = noun_that("divides")


def model_card(store: Store, key: VersionKey, problem: Problem | None = None) -> str:
    """Markdown about a model, given its version or that of one of its evaluations or reports; of several, the newest.

    Args:
        problem: for what it answers, who owns it, the metrics' units and directions; without it they are left out.
    Raises:
        UsageError: if the version is no model, evaluation or report, or was not made by ml_assets.
    """
    card = _Card.of(store, key, problem)
    return "\n\n".join(part for part in _parts(card) if part) + "\n"


@dataclass(frozen=True)
class _Card:
    """What a card is written from; without an evaluation, nothing about quality is said."""

    problem: Problem | None
    key: VersionKey
    model: Manifest
    split: Manifest | None
    judged_by: VersionKey | None
    report: Evaluation | None
    explained: Explanation

    @classmethod
    def of(cls, store: Store, key: VersionKey, problem: Problem | None) -> _Card:
        if noun_of(key) not in (MODEL, EVALUATION, REPORT):
            raise UsageError(
                f"{key} is neither a model nor an evaluation or report of one; name a model, such as "
                "flight_delays/model@2013-06."
            )
        model, evaluation = judged_model(store, key), newest_evaluation(store, key)
        if model is None:
            raise UsageError(f"{key} does not say which model it judged; it was not made by ml_assets. Name a model.")
        made = store.manifest(model)
        split = read_as(made, SPLIT)
        report = _report(store, evaluation) if evaluation else None
        explained = Explanation.from_json(explained_in(store, evaluation) if evaluation else {})
        return cls(problem, model, made, store.manifest(split) if split else None, evaluation, report, explained)


def _report(store: Store, evaluation: VersionKey) -> Evaluation:
    """What it says, read without the rows that were judged and the picture."""
    content = store.manifest(evaluation).content
    if "report" not in content.meta.get("fields", {}):
        raise UsageError(
            f"{evaluation} holds {content.codec} instead of a Judgement: it was not made by ml_assets, and says nothing that "
            "a card could be written from. Materialize the evaluation again."
        )
    return Evaluation.from_json(store.field(content, "report", of=str(evaluation)))


# ---------------------------------------------------------------- the parts, in order


def _parts(card: _Card) -> Iterator[str]:
    yield f"# {escaped(card.model.asset.rpartition('/')[0])}, model of {escaped(card.key.partition)}"
    if card.problem is not None:
        yield card.problem.description.strip().partition("\n\n")[0]  # Markdown by the owners of the code, not from data
    yield _facts(card)
    if card.report is None:
        yield "## Quality\n\nNot judged yet."
    else:
        yield from _quality(card.report, card.problem)
        yield _features(card)
    yield _made_with(card.model)
    yield _made_from(card)
    yield _use(card.key)


def _facts(card: _Card) -> str:
    split = card.split
    rows: Mapping[str, Any] = dict(split.metrics).get("rows", {}) if split else {}
    window: list[str] = list(dict(split.notes).get("window", [])) if split else []
    facts = {
        "model": code(card.key),
        "made": f"{escaped(card.model.created_at[:16])} by {escaped(card.model.by)}, run {code(card.model.run or 'none')}",
        "owners": escaped(", ".join(card.problem.owners)) if card.problem else "",
        "answers": f"{card.problem.task}: {code(card.problem.label)} per {code(card.problem.entity)}"
        if card.problem
        else "",
        "data": escaped(", ".join(window)),
        "rows": escaped(", ".join(f"{role} {count:,}" for role, count in rows.items())),
        "judged by": code(card.judged_by) if card.judged_by else "",
    }
    return table(["", ""], [(name, said) for name, said in facts.items() if said])


def _quality(report: Evaluation, problem: Problem | None) -> Iterator[str]:
    units = {metric.name: metric.unit for metric in problem.metrics} if problem else {}
    rows = []
    for name in _in_order(report, problem):
        model, dumb, unit = report.model[name], report.baseline[name], units.get(name, "1")
        spread = f"{written(model.low)} to {written(model.high)}"
        rows.append((escaped(name), written(model.value, unit), spread, written(dumb.value, unit)))
    head = table(["metric", "model", "95 % interval", "baseline"], rows)
    found = f"\n\nIntervals: {escaped(report.methods)}." if report.methods else ""
    yield f"## Quality\n\nJudged on {report.rows:,} rows that it has never seen, beside a dumb baseline.\n\n{head}{found}"
    gates = [
        (
            escaped(gate.name),
            written(gate.value, gate.unit),
            f"{gate.bound} {written(gate.limit, gate.unit)}",
            _verdict(gate),
        )
        for gate in report.gates
    ]
    yield f"### Gates\n\n{table(['metric', 'value', 'required', 'verdict'], gates)}" if gates else ""
    yield _worst_slices(report, problem)


def _in_order(report: Evaluation, problem: Problem | None) -> list[str]:
    """The metrics, as the problem orders them."""
    return [metric.name for metric in problem.metrics if metric.name in report.model] if problem else [*report.model]


def _verdict(gate: GateVerdict) -> str:
    if gate.untold:
        return f"**cannot tell**: {escaped(gate.untold)}"
    return "passed" if gate.passed else "**failed**"


def _worst_slices(report: Evaluation, problem: Problem | None) -> str:
    """Where the first metric is worst; only said where the problem tells which direction that is."""
    if problem is None:
        return ""
    metric = problem.metrics[0]

    def goodness(of: SliceScore) -> float:
        score = of.scores[metric.name] or 0.0
        return score if metric.higher_is_better else -score

    known = [of for of in report.slices if of.scores.get(metric.name) is not None]
    worst = sorted(known, key=goodness)[:MOST_SLICES]
    rows = [
        (escaped(f"{of.column} = {of.value}"), f"{of.rows:,}", written(of.scores[metric.name] or 0.0, metric.unit))
        for of in worst
    ]
    return f"### Where it is worst\n\n{table(['slice', 'rows', escaped(metric.name)], rows)}" if rows else ""


def _features(card: _Card) -> str:
    explained, drift = card.explained, dict(card.explained.drift)
    metric = next(iter(_in_order(card.report, card.problem)), "") if card.report else ""
    rows = [
        (escaped(name), f"{lost:.4f}", f"{drift[name]:.3f}" if name in drift else "")
        for name, lost in explained.importance[:MOST_FEATURES]
    ]
    head = table(["feature", f"loss of {escaped(metric)} when shuffled", "drift (PSI)"], rows)
    left_out = f"\n\n{escaped(explained.left_out)}" if explained.left_out else ""
    return f"### What it lives on\n\n{head}{left_out}" if rows or left_out else ""


def _made_with(model: Manifest) -> str:
    rows = [(escaped(name), code(value)) for name, value in model.params.items()]
    rows += [("seed", code(model.seed))] if model.seed is not None else []
    return f"## Made with\n\n{table(['parameter', 'value'], rows)}" if rows else ""


def _made_from(card: _Card) -> str:
    read = [*card.model.inputs, *(card.split.inputs if card.split else ())]
    versions = list(dict.fromkeys((each.name, each.key) for each in read))
    rows = [(escaped(name), code(key)) for name, key in versions[:MOST_INPUTS]]
    if len(versions) > MOST_INPUTS:
        rows.append(("…", f"{len(versions) - MOST_INPUTS} more: `ml-assets lineage {card.key.short}`"))
    commit = str(card.model.code.get("git_commit", ""))
    dirty = " with changes that were not committed" if card.model.code.get("git_dirty") else ""
    said = f"Code: {code(commit[:12])}{dirty}.\n\n" if commit else ""
    return f"## Made from\n\n{said}{table(['input', 'exact version'], rows)}"


def _use(key: VersionKey) -> str:
    version = key.short
    name = shlex.quote(f"{key.asset}@{key.partition}:{version}" if key.partition else version)
    return (
        "## Use it\n\n```sh\n"
        f"ml-assets show {version}       # everything that was recorded\n"
        f"ml-assets lineage {version}    # from what, back to the landed files\n"
        f"ml-assets promote {name} --why '…'    # let it serve, also again\n"
        "```\n\n```python\nfrom ml_assets import open_store\n\nstore = open_store()\n"
        f'model = store.load(store.find("{version}"))\n```'
    )
