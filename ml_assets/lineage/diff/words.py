"""The difference of two versions in words, for the command line and for the pages: sections of sentences and tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ml_assets.lineage.diff.code import CodeDiff
from ml_assets.lineage.diff.judged import MetricDiff, SliceDiff
from ml_assets.lineage.diff.predictions import AnswersDiff
from ml_assets.lineage.diff.rows import RowsDiff
from ml_assets.lineage.diff.scored_again import ScoredAgain
from ml_assets.lineage.diff.versions import Diff
from ml_assets.lineage.diff.weights import TensorDiff

EQUAL = "no better and no worse"
MOST_TENSORS = 20  # of a network that was trained again, all differ


@dataclass(frozen=True)
class Table:
    """Rows of cells under a header."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """What there is to say of one question: sentences and tables, in order."""

    title: str
    parts: tuple[str | Table, ...]


def sections(found: Diff) -> Iterator[Section]:
    """Each about which there is something to say, in the order of what people ask first."""
    yield from _section("made of", found.ingredients)
    yield from _section("circumstances, which do not decide about reuse", found.circumstances)
    yield from _section("code", _code(found.code) if found.code else ())
    yield from _section("rows", _rows(found.rows) if found.rows else ())
    for name, rows in found.tables.items():
        yield from _section(f"rows of {name}", _rows(rows))
    yield from _section("weights", _weights(found.weights))
    yield from _section("checks and notes", found.outcomes)
    yield from _section(_judged(found), [*_metrics(found.metrics), *_gain(found), *_scored_again(found.scored_again)])
    yield from _section("gates whose verdict changed", (gate.new for gate in found.gates))
    yield from _section("slices that moved most", _slices(found.slices))
    yield from _section("predictions", _answers(found.answers) if found.answers else ())
    yield from _section("not told", (f"{section}: {why}" for section, why in found.not_told.items()))


def verdict(found: Diff) -> str:
    """Whether the two hold the same, made of the same, in a sentence."""
    if found.old == found.new:
        return "the same version"
    content = "same content" if found.same_content else "other content"
    if found.ingredients:
        return f"{content}, made of other things"
    return f"{content}, made of the same things" + ("" if "code" not in found.not_told else " as far as was recorded")


def _section(title: str, said: Iterable[str | Table]) -> Iterator[Section]:
    parts = tuple(said)
    if parts:
        yield Section(title, parts)


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


def _metrics(metrics: Sequence[MetricDiff]) -> list[Table]:
    rows = [(metric.name, _estimate(metric.old), _estimate(metric.new), _direction(metric)) for metric in metrics]
    return [Table(("metric", "old", "new", ""), rows)] if rows else []


def _gain(found: Diff) -> Iterator[str]:
    if found.gain is not None:
        by = _number(abs(found.gain.gain))
        how = f"better by {by}" if found.gain.gain > 0 else f"worse by {by}" if found.gain.gain < 0 else EQUAL
        yield (
            f"on the same {found.gain.rows:,} rows {found.gain.metric} is {how}, "
            f"95 % interval of the gain [{_number(found.gain.low)}, {_number(found.gain.high)}]"
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
    return f"{_number(of.get('value'))} [{_number(of.get('low'))}, {_number(of.get('high'))}]"


def _direction(metric: MetricDiff) -> str:
    if metric.better is None:
        return ""
    way = "better" if metric.better else "worse"
    return f"{way}, intervals overlap" if metric.overlap else way


def _slices(slices: Sequence[SliceDiff]) -> list[Table]:
    rows = [
        (f"{of.column} = {of.value}", _number(of.old), _number(of.new), f"{of.rows[0]:,} -> {of.rows[1]:,}")
        for of in slices
    ]
    return [Table(("slice", f"old {slices[0].metric}", "new", "rows"), rows)] if slices else []


def _answers(answers: AnswersDiff) -> Iterator[str | Table]:
    if not answers.common:
        yield f"none of the {answers.rows[0]:,} and {answers.rows[1]:,} rows is common: nothing can be compared"
        return
    yield _flips(answers)
    yield f"{answers.changed:,} changed at all, by {answers.mean_change:.4f} on average over the common rows"
    if answers.mended is not None:
        yield f"of the flips {answers.mended:,} became right and {answers.broken:,} became wrong"
    rows = [(of.row, of.old, of.new, "" if of.label is None else f"{of.label:g}") for of in answers.examples]
    if rows:
        yield Table(("row", "old", "new", "label"), rows)


def _flips(answers: AnswersDiff) -> str:
    rows = f"{answers.common:,} common rows (of {answers.rows[0]:,} and {answers.rows[1]:,})"
    if answers.flipped is None:
        return f"compared on {rows}; the largest changes are shown"
    how = f"crossed {answers.threshold:g}" if answers.threshold is not None else "have another most probable class"
    return f"{answers.flipped:,} flipped ({how}), of {rows}"


def _number(value: Any) -> str:
    """A metric, or a dash where it is undefined; text, such as ``Infinity``, as it is."""
    if value is None:
        return "–"
    return value if isinstance(value, str) else f"{value:.4f}"
