"""Do the rows that landed fit the problem's schema, and what did the schema make of them?

A schema of pandera's may repair: convert types, fill in defaults, run parsers, drop rows that are not valid, leave columns
out. What it returns is what is valid, so that is what is stored, and what was done to the rows is said and counted.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.checks.outcome import LONGEST_RULE, CheckOutcome, examples, short
from ml_assets.evaluation.checks.repairs import Repairs, repairs
from ml_assets.problem import Problem

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

MISSING, UNKNOWN = "column_in_dataframe", "column_in_schema"  # pandera's names of the rules that these columns break
ROW = "the row"
COLUMNS_SHOWN = 20
FAULTS_SHOWN = 5
MEND = "Land a mended file, or mend the problem's schema or dataset function."
FAULTS_KEPT = 50  # as numbers; of a table with other columns altogether, each column is one


@dataclass(frozen=True)
class Validated:
    """What a schema makes of rows that landed.

    Attributes:
        data: the rows as it returns them, which are stored; as they landed where it refuses them as a whole.
        outcome: the check ``schema``.
        repairs: what it did to them.
    """

    data: pd.DataFrame
    outcome: CheckOutcome
    repairs: Repairs


def schema_of(problem: Problem) -> pa.DataFrameSchema:
    """The problem's schema, also where it is a ``DataFrameModel`` or a function that returns one.

    Raises:
        InvalidProblem: if it is anything else.
    """
    import pandera.pandas as pa

    given: Any = problem.schema
    is_called = not isinstance(given, type | pa.DataFrameSchema)
    schema = given() if is_called else given
    if isinstance(schema, type) and issubclass(schema, pa.DataFrameModel):
        return schema.to_schema()
    if not is_called or not isinstance(schema, pa.DataFrameSchema):
        raise InvalidProblem(
            f"Problem {problem.name!r}: schema {'returned' if is_called else 'is'} {short(schema)}. Let it be a function that "
            "returns a DataFrameSchema or DataFrameModel of pandera.pandas, or a DataFrameModel."
        )
    return schema


def validated(landed: pd.DataFrame, schema: pa.DataFrameSchema, entity: str, minimum_rows: int = 0) -> Validated:
    """Columns, types, ranges and missing values are those of the schema; all faults are found, not only the first.

    Args:
        landed: each row with a label of its own in the index, by which pandera drops rows.
        entity: the column that identifies a row.
        minimum_rows: so many must be left, if they landed.
    """
    import pandera.errors

    try:
        stored = schema.validate(landed, lazy=True)
    except pandera.errors.SchemaErrors as broken:
        return _refused(landed, _faults(broken.failure_cases))
    if stored.equals(landed):
        return _passed(landed, Repairs(len(landed), len(landed)))
    faults: list[dict[str, Any]] = []
    if len(stored) < len(landed):
        faults = _faults_of_dropped(landed, schema)
        stored = schema.coerce_dtype(stored)  # pandera leaves the type that a value which it dropped had kept
    if len(stored) < minimum_rows <= len(landed):
        said = f"The schema leaves {len(stored):,} of {len(landed):,} rows, at least {minimum_rows:,} are expected"
        return _refused(landed, faults, said)
    return _passed(stored, repairs(landed, stored, entity), faults)


def _refused(landed: pd.DataFrame, faults: list[dict[str, Any]], said: str = "") -> Validated:
    words = ": ".join(filter(None, [said, _faults_in_words(faults)]))
    metadata = {"rows": len(landed), "faults": faults[:FAULTS_KEPT], "faults_in_all": len(faults)}
    outcome = CheckOutcome("schema", False, True, f"{words}.{_there(landed, faults)} {MEND}", metadata)
    return Validated(landed, outcome, Repairs(len(landed), len(landed)))


def _there(landed: pd.DataFrame, faults: list[dict[str, Any]]) -> str:
    """Which columns there are, where one is missing: it may be called otherwise."""
    if not any(fault["rule"] == MISSING for fault in faults):
        return ""
    names = list(map(str, landed.columns))
    return f" There are {', '.join(names[:COLUMNS_SHOWN])}{'…' * (len(names) > COLUMNS_SHOWN)}."


def _passed(stored: pd.DataFrame, done: Repairs, faults: list[dict[str, Any]] | None = None) -> Validated:
    rows = f"{done.stored:,} of {done.landed:,}" if done.refused else f"All {done.landed:,}"
    dropped = f" It dropped {done.refused:,}" if done.refused else ""
    why = f": {_faults_in_words(faults)}." if faults else "." * bool(dropped)
    words = " ".join([f"{rows} rows fit the schema.{dropped}{why}", *done.sentences])
    return Validated(stored, CheckOutcome("schema", True, True, words, {"rows": len(stored), **done.notes}), done)


def _faults_of_dropped(landed: pd.DataFrame, schema: pa.DataFrameSchema) -> list[dict[str, Any]]:
    """Why rows are dropped, as a schema that drops none says it; nothing where its parsers do."""
    import pandera.errors

    strict = deepcopy(schema)
    for part in (strict, *strict.columns.values()):
        part.drop_invalid_rows = False
    try:
        strict.validate(landed, lazy=True)
    except pandera.errors.SchemaErrors as broken:
        return _faults(broken.failure_cases)
    return []


def _faults(cases: pd.DataFrame) -> list[dict[str, Any]]:
    """pandera's failure cases, one line per value, as one entry per column and rule, in pandera's order."""
    return [
        {
            "column": str(column),
            "rule": short(rule, LONGEST_RULE),
            "rows": int(of["index"].nunique()),
            "examples": [] if column == ROW else examples(of["failure_case"].drop_duplicates()),
        }
        for (column, rule), of in cases.assign(about=_about(cases)).groupby(["about", "check"], sort=False)
    ]


def _about(cases: pd.DataFrame) -> pd.Series:
    """The column of each case; of a check over several columns pandera names each in turn: that is about the row."""
    of_row = (cases["schema_context"] == "DataFrameSchema") & cases["check_number"].notna()
    column = cases["column"].astype(object).mask(of_row, ROW)
    return column.mask(cases["check"].isin([MISSING, UNKNOWN]), cases["failure_case"]).fillna(ROW)


def _faults_in_words(faults: list[dict[str, Any]]) -> str:
    shown = [_fault_in_words(**fault) for fault in faults[:FAULTS_SHOWN]]
    if len(faults) > FAULTS_SHOWN:
        shown.append(f"{len(faults) - FAULTS_SHOWN} more faults")
    return "; ".join(shown)


def _fault_in_words(column: str, rule: str, rows: int, examples: list[str]) -> str:
    if rule in (MISSING, UNKNOWN):
        return f"column {column!r} is {'missing' if rule == MISSING else 'not in the schema'}"
    who = column if column == ROW else f"column {column!r}"
    where = f" in {rows:,} row{'s' * (rows != 1)}" if rows else ""
    seen = f", for example {', '.join(examples)}" if examples else ""
    return f"{who} breaks {rule}{where}{seen}"
