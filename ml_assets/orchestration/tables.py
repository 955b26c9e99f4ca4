"""Tables that Dagster shows inline: of an evaluation, and of the columns of what was made."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import dagster as dg

from ml_assets.drift.profile import ColumnProfile, in_words, profile
from ml_assets.evaluation.checks.outcome import short
from ml_assets.evaluation.explanation import Explanation
from ml_assets.evaluation.judge import Evaluation, GateVerdict
from ml_assets.evaluation.slices import SliceScore
from ml_assets.figures.svg import blocks
from ml_assets.promotion.remembered import REGRESSIONS

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

MAX_ROWS = 200  # of a table in an event: what is shown is stored in Dagster's database
MAX_SLICES = 60
MAX_SLICE_CELLS = 450  # of some 50 bytes: each slice has every metric
MAX_FEATURES = 20
MAX_FAILURES = 50
MAX_COLUMNS = 200
PROFILED_COLUMNS = 100
PROFILED_ROWS = 50_000  # 0.3 s for a hundred columns
LONGEST_RULE = 100
LONGEST_NOTE = 60

Cell = str | int | float | bool | None


def table(rows: Iterable[Mapping[str, Cell]], most: int = MAX_ROWS) -> dg.MetadataValue:
    """Rows as a table; those beyond ``most`` are left out."""
    return dg.MetadataValue.table([dg.TableRecord(dict(row)) for row in list(rows)[:most]])


def evaluation_tables(report: Evaluation) -> dict[str, Any]:
    """Gates with their verdicts, and slices. What is empty is not there."""
    rows = {
        "gates": [_gate_row(gate) for gate in report.gates],
        "slices": [_slice_row(score) for score in report.slices[: _most_slices(report)]],
    }
    return {name: table(of) for name, of in rows.items() if of}


def explanation_tables(explained: Explanation) -> dict[str, Any]:
    """The features that matter most with their drift, and which were left out of them. What is empty is not there."""
    drift = dict(explained.drift)
    rows = [
        {"importance": round(lost, 4), "psi": _rounded(drift.get(name)), "feature": name}
        for name, lost in explained.importance[:MAX_FEATURES]
    ]
    left_out = {"features_left_out": dg.MetadataValue.text(explained.left_out)} if explained.left_out else {}
    return ({"top_features": table(rows)} if rows else {}) | left_out


def failure_table(rows: pd.DataFrame) -> dict[str, Any]:
    """Failures, the largest first. What is empty is not there."""
    shown = [
        {str(name): _cell(value) for name, value in row.items()} for row in rows.head(MAX_FAILURES).to_dict("records")
    ]
    return {"failures": table(shown)} if shown else {}


def regression_tables(decision: Mapping[str, Any]) -> dict[str, Any]:
    """Of a decision, the rows that went wrong and must not, for each set of such rows. What is empty is not there."""
    verdicts = decision.get(REGRESSIONS, {}).get("verdicts", [])
    return {f"wrong_{of['rows']}": table(of["wrong"], most=MAX_FAILURES) for of in verdicts if of["wrong"]}


def _most_slices(report: Evaluation) -> int:
    metrics = max((len(score.scores) for score in report.slices), default=0)
    return min(MAX_SLICES, MAX_SLICE_CELLS // (3 + metrics))


def _gate_row(gate: GateVerdict) -> dict[str, Cell]:
    return {
        "metric": short(gate.name, LONGEST_NOTE),
        "verdict": _verdict(gate),  # early: the UI cuts wide tables off on the right
        "value": _rounded(gate.value),
        "limit": None if math.isnan(gate.limit) else f"{gate.bound} {_rounded(gate.limit)}",
    }


def _verdict(gate: GateVerdict) -> str:
    if gate.untold:
        return "cannot tell"
    return "passed" if gate.passed else "FAILED"


def _slice_row(score: SliceScore) -> dict[str, Cell]:
    metrics = {name: _rounded(number) for name, number in score.scores.items()}
    name, note = (short(text, LONGEST_NOTE) for text in (f"{score.column} = {score.value}", score.reason))
    return {"slice": name, "rows": score.rows, **metrics, "note": note}


def _cell(value: Any) -> Cell:
    if isinstance(value, float):
        return _rounded(value)
    return value if isinstance(value, str | int) else str(value)


def _rounded(number: float | None) -> Cell:
    """Four decimals; nothing where it is undefined, and ``inf`` as text: JSON has none."""
    if number is None or math.isnan(number):
        return None
    return str(number) if math.isinf(number) else round(number, 4)


def column_schema(frame: pd.DataFrame, schema: pa.DataFrameSchema | None = None) -> dict[str, Any]:
    """The columns of a table with their types and, of those in ``schema``, what must hold of them; the first 200 of many."""
    known = schema.columns if schema is not None else {}
    columns = [_column(str(name), str(dtype), known.get(name)) for name, dtype in frame.dtypes.items()]
    return {"dagster/column_schema": dg.TableSchema(columns=columns[:MAX_COLUMNS])}


def column_profiles(frame: pd.DataFrame) -> dict[str, Any]:
    """What each column holds, a row each; of many rows, what as many as are looked at hold, evenly spaced.

    The page of the version has the same of all rows, with drift: there it is made when somebody looks.
    """
    step = max(1, -(-len(frame) // PROFILED_ROWS))
    rows = [_profile_row(of) for of in profile(frame.iloc[::step, :PROFILED_COLUMNS])]
    name = "profile" if step == 1 else f"profile of {-(-len(frame) // step):,} rows"
    return {name: table(rows)} if rows else {}


def _profile_row(of: ColumnProfile) -> dict[str, Cell]:
    return {
        "column": short(of.name, LONGEST_NOTE),
        "type": of.dtype,
        "missing": of.missing,
        "distinct": of.distinct,
        "spread": blocks(of.histogram),
        "values": short(in_words(of), LONGEST_RULE),
    }


def _column(name: str, dtype: str, of: pa.Column | None) -> dg.TableColumn:
    if of is None:
        return dg.TableColumn(name, dtype)
    rules = [short(check.error or check.name, LONGEST_RULE) for check in of.checks]
    constraints = dg.TableColumnConstraints(nullable=of.nullable, unique=bool(of.unique), other=rules)
    return dg.TableColumn(name, dtype, description=of.description or of.title, constraints=constraints)
