"""`ml-assets diff`: what differs between two versions, and what that changed."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.show import command, number, progress, say, say_json, table
from ml_assets.lineage.diff import Diff, diff
from ml_assets.lineage.diff.code import CodeDiff
from ml_assets.lineage.diff.judged import MetricDiff, SliceDiff
from ml_assets.lineage.diff.predictions import THRESHOLD, AnswersDiff
from ml_assets.lineage.diff.rows import RowsDiff
from ml_assets.lineage.diff.scored_again import ScoredAgain
from ml_assets.lineage.diff.weights import TensorDiff
from ml_assets.lineage.reference import resolve
from ml_assets.settings import Settings

EXAMPLES = """  ml-assets diff flight_delays/model@2013-05 flight_delays/model@2013-06
  ml-assets diff 9c22ab 07deff                        two versions of one partition: see ml-assets history
  ml-assets diff flight_delays/champion flight_delays/model@2013-06 --json
"""
EQUAL = "no better and no worse"
MOST_TENSORS = 20  # of a network that was trained again, all differ


def add_to(verbs: Any) -> None:
    """Add `diff`."""
    parser = command(verbs, "diff", "what differs between two versions of an asset", compare, EXAMPLES)
    parser.add_argument("old", help="a reference, such as flight_delays/model@2013-05")
    parser.add_argument("new", help="another one, of the same asset")
    parser.add_argument(
        "--threshold",
        type=_probability,
        default=THRESHOLD,
        help="a probability from here on is a yes (default: %(default)s)",
    )


def compare(options: argparse.Namespace, settings: Settings) -> int:
    """The verdict first, then each section about which there is something to say."""
    store = ml_assets.open_store(settings)
    old, new = resolve(store, options.old), resolve(store, options.new)
    name = old.asset.partition("/")[0]
    problem = next((problem for problem in problems.PROBLEMS if problem.name == name), None)
    found = diff(store, old, new, problem, threshold=options.threshold, telling=progress)
    if options.json:
        say_json(found.to_json())
    else:
        for line in lines(found):
            say(line)
    return 0


def lines(found: Diff) -> Iterator[str]:
    """The whole answer, for people."""
    yield f"{found.old} -> {found.new}"
    yield _verdict(found)
    yield from _section("made of", found.ingredients)
    yield from _section("circumstances, which do not decide about reuse", found.circumstances)
    yield from _section("code", _code(found.code) if found.code else ())
    yield from _section("rows", _rows(found.rows) if found.rows else ())
    yield from _section("weights", _weights(found.weights))
    yield from _section("checks and notes", found.outcomes)
    yield from _section(_judged(found), [*_metrics(found.metrics), *_gain(found), *_scored_again(found.scored_again)])
    yield from _section("gates whose verdict changed", (gate.new for gate in found.gates))
    yield from _section("slices that moved most", _slices(found.slices))
    yield from _section("predictions", _answers(found.answers) if found.answers else ())
    yield from _section("not told", (f"{section}: {why}" for section, why in found.not_told.items()))


def _verdict(found: Diff) -> str:
    if found.old == found.new:
        return "the same version"
    content = "same content" if found.same_content else "other content"
    if found.ingredients:
        return f"{content}, made of other things"
    return f"{content}, made of the same things" + ("" if "code" not in found.not_told else " as far as was recorded")


def _section(title: str, said: Iterable[str]) -> Iterator[str]:
    body = list(said)
    if body:
        yield from ("", title, *(f"  {line}".rstrip() for line in body))


def _code(code: CodeDiff) -> Iterator[str]:
    yield from (f"{name} removed" for name in code.removed)
    yield from (f"{name} added" for name in code.added)
    for part in code.changed:
        yield f"{part.name} changed"
        yield from (f"  {line}" for line in part.lines)


# ---------------------------------------------------------------- rows


def _rows(rows: RowsDiff) -> Iterator[str]:
    yield f"{rows.rows[0]:,} -> {rows.rows[1]:,}"
    if not rows.key:
        yield "which row is which is not known: the problem, which names the column, is not here"
    else:
        by = ", ".join(rows.key)
        yield f"by {by}: {rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} of {rows.common:,} common changed"
    yield from _some("added", rows.examples_added, rows.added)
    yield from _some("removed", rows.examples_removed, rows.removed)
    yield from _oddities(rows)
    yield from (f"column {name} added" for name in rows.columns_added)
    yield from (f"column {name} removed" for name in rows.columns_removed)
    yield from (f"column {change}" for change in rows.retyped)
    for column in rows.columns:
        cells = "; ".join(f"{cell.row}: {cell.old} -> {cell.new}" for cell in column.examples)
        yield f"column {column.name} changed in {column.rows:,} rows: {cells}{_more(column.rows, column.examples)}"
    if rows.alike:
        yield "every value is equal: the same table in other bytes"


def _oddities(rows: RowsDiff) -> Iterator[str]:
    if any(rows.repeated):
        yield (
            f"{rows.repeated[0]:,} -> {rows.repeated[1]:,} rows repeat the key of an earlier one; "
            "the n-th of a key was compared with its n-th"
        )
    if any(rows.missing):
        yield f"{rows.missing[0]:,} -> {rows.missing[1]:,} rows have no key and were compared with nothing"
    if rows.rows_in_another_order:
        yield "the common rows are in another order"
    if rows.columns_in_another_order:
        yield "the common columns are in another order"


def _some(what: str, examples: Sequence[str], of: int) -> Iterator[str]:
    if examples:
        yield f"{what}: {'; '.join(examples)}{_more(of, examples)}"


def _more(of: int, examples: Sequence[Any]) -> str:
    return f"; and {of - len(examples):,} more" if of > len(examples) else ""


# ---------------------------------------------------------------- weights


def _weights(tensors: Sequence[TensorDiff]) -> Iterator[str]:
    yield from (f"{tensor.name} {tensor.how or _numbers(tensor)}" for tensor in tensors[:MOST_TENSORS])
    if len(tensors) > MOST_TENSORS:
        yield f"and {len(tensors) - MOST_TENSORS} more"


def _numbers(tensor: TensorDiff) -> str:
    by = "" if tensor.largest is None else f", by {tensor.largest:.3g} at most"
    return f"differs in {tensor.numbers:,} number{'s' * (tensor.numbers > 1)}{by}"


# ---------------------------------------------------------------- quality


def _judged(found: Diff) -> str:
    """The title of the metrics: numbers from other rows can differ by the rows alone."""
    by = f" by {found.judged_by[0]} and {found.judged_by[1]}" if found.judged_by else ""
    rows = found.answers and {*found.answers.rows, found.answers.common}
    return f"metrics{by}" + (", on other rows" if found.scored_again or (rows and len(rows) > 1) else "")


def _metrics(metrics: Sequence[MetricDiff]) -> list[str]:
    rows = [(metric.name, _estimate(metric.old), _estimate(metric.new), _direction(metric)) for metric in metrics]
    return table(rows, ("metric", "old", "new", "")).splitlines()


def _gain(found: Diff) -> Iterator[str]:
    if found.gain is not None:
        by = number(abs(found.gain.gain))
        how = f"better by {by}" if found.gain.gain > 0 else f"worse by {by}" if found.gain.gain < 0 else EQUAL
        yield (
            f"on the same {found.gain.rows:,} rows {found.gain.metric} is {how}, "
            f"95 % interval of the gain [{number(found.gain.low)}, {number(found.gain.high)}]"
        )


def _scored_again(again: ScoredAgain | None) -> Iterator[str]:
    """A verdict on rows that both can be judged on, or why there is none."""
    if again is None:
        return
    yield "the numbers above come from other rows and do not tell which model is better"
    yield from again.sentences


def _estimate(of: Any) -> str:
    if of is None:
        return "not computed"
    return f"{number(of.get('value'))} [{number(of.get('low'))}, {number(of.get('high'))}]"


def _direction(metric: MetricDiff) -> str:
    if metric.better is None:
        return ""
    way = "better" if metric.better else "worse"
    return f"{way}, intervals overlap" if metric.overlap else way


def _slices(slices: Sequence[SliceDiff]) -> list[str]:
    rows = [
        (f"{of.column} = {of.value}", number(of.old), number(of.new), f"{of.rows[0]:,} -> {of.rows[1]:,}")
        for of in slices
    ]
    return table(rows, ("slice", f"old {slices[0].metric}", "new", "rows")).splitlines() if slices else []


def _answers(answers: AnswersDiff) -> Iterator[str]:
    if not answers.common:
        yield f"none of the {answers.rows[0]:,} and {answers.rows[1]:,} rows is common: nothing can be compared"
        return
    yield _flips(answers)
    yield f"{answers.changed:,} changed at all, by {answers.mean_change:.4f} on average over the common rows"
    if answers.mended is not None:
        yield f"of the flips {answers.mended:,} became right and {answers.broken:,} became wrong"
    header = ("row", "old", "new", "label")
    rows = [(of.row, of.old, of.new, "" if of.label is None else f"{of.label:g}") for of in answers.examples]
    yield from table(rows, header).splitlines()


def _flips(answers: AnswersDiff) -> str:
    rows = f"{answers.common:,} common rows (of {answers.rows[0]:,} and {answers.rows[1]:,})"
    if answers.flipped is None:
        return f"compared on {rows}; the largest changes are shown"
    how = f"crossed {answers.threshold:g}" if answers.threshold is not None else "have another most probable class"
    return f"{answers.flipped:,} flipped ({how}), of {rows}"


def _probability(text: str) -> float:
    try:
        threshold = float(text)
    except ValueError:
        threshold = -1.0
    if not 0 < threshold < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no probability: give a number between 0 and 1, such as 0.5")
    return threshold
