"""Is what landed what it should be? Checked before anything is made from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.classes import Classes, in_words
from ml_assets.evaluation.checks.outcome import LONGEST_RULE, CheckOutcome, examples, short
from ml_assets.problem import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pandera.pandas as pa

MISSING, UNKNOWN = "column_in_dataframe", "column_in_schema"  # pandera's names of the rules that these columns break
ROW = "the row"
FAULTS_SHOWN = 5
FAULTS_KEPT = 50  # as numbers; of a table with other columns altogether, each column is one
MOST_GROWTH = 20  # times the rows of the partition before: a file landed twice over, or all history in one partition


def schema_valid(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> CheckOutcome:
    """Columns, types, ranges and missing values are those of the schema; all faults are found, not only the first."""
    import pandera.errors

    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as broken:
        faults = _faults(broken.failure_cases)
        metadata = {"rows": len(frame), "faults": faults[:FAULTS_KEPT], "faults_in_all": len(faults)}
        return CheckOutcome("schema", False, True, _faults_in_words(faults), metadata)
    return CheckOutcome("schema", True, True, f"All {len(frame):,} rows fit the schema.", {"rows": len(frame)})


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
    return f"{'; '.join(shown)}. Land a mended file, or mend the problem's schema or dataset function."


def _fault_in_words(column: str, rule: str, rows: int, examples: list[str]) -> str:
    if rule in (MISSING, UNKNOWN):
        return f"column {column!r} is {'missing' if rule == MISSING else 'not in the schema'}"
    who = column if column == ROW else f"column {column!r}"
    where = f" in {rows:,} row{'s' * (rows != 1)}" if rows else ""
    seen = f", for example {', '.join(examples)}" if examples else ""
    return f"{who} breaks {rule}{where}{seen}"


def volume(frame: pd.DataFrame, minimum_rows: int, previous_rows: int | None = None) -> CheckOutcome:
    """Not fewer rows than ``minimum_rows``, nor more than MOST_GROWTH times those of the partition before, if any."""
    rows = len(frame)
    metadata = {"rows": rows, "minimum_rows": minimum_rows, "previous_rows": previous_rows}
    if rows < minimum_rows:
        said = (
            f"{rows:,} rows landed, at least {minimum_rows:,} are expected. Land the whole file, or lower minimum_rows."
        )
    elif previous_rows and rows > MOST_GROWTH * previous_rows:
        said = (
            f"{rows:,} rows landed, more than {MOST_GROWTH} times the {previous_rows:,} of the partition before. "
            "Look whether the file holds other partitions too, or was appended to itself."
        )
    else:
        return CheckOutcome("volume", True, True, f"{rows:,} rows landed.", metadata)
    return CheckOutcome("volume", False, True, said, metadata)


def unique_entities(frame: pd.DataFrame, entity: str) -> CheckOutcome:
    """The column ``entity`` names each row: no value is missing, none occurs twice."""
    missing, repeated = int(frame[entity].isna().sum()), frame[entity].duplicated(keep=False) & frame[entity].notna()
    metadata = {"entity": entity, "missing": missing, "repeated_rows": int(repeated.sum())}
    if not missing and not repeated.any():
        return CheckOutcome("unique", True, True, f"Each of the {len(frame):,} rows has its own {entity!r}.", metadata)
    faults = [f"{missing:,} rows have no {entity!r}"] if missing else []
    if repeated.any():
        such = ", ".join(examples(frame.loc[repeated, entity].drop_duplicates()))
        faults.append(f"{int(repeated.sum()):,} rows share their {entity!r} with another, such as {such}")
    said = f"{'; '.join(faults)}. Remove the duplicates in the dataset function, or name another entity."
    return CheckOutcome("unique", False, True, said, metadata)


def labels_valid(task: Task, label: pd.Series | np.ndarray, classes: Classes | None = None) -> CheckOutcome:
    """Known labels are of the kind that the task needs. They may be missing, even all of them: outcomes land later.

    Args:
        classes: of a multiclass problem, those that it names; None: a column is made for each class from 0 to the highest.
    """
    import pandas as pd

    values = pd.to_numeric(pd.Series(label), errors="coerce").astype(float)
    present = pd.notna(pd.Series(label))
    known = pd.Series(label)[present]
    wrong = known[~_fits(task, values[present], classes)]
    kind = _KIND[task] if classes is None else f"one of the problem's classes {in_words(classes)}"
    metadata = {"rows": len(values), "known": len(known), "wrong": len(wrong)}
    if len(wrong):
        such = ", ".join(examples(wrong.drop_duplicates()))
        said = f"{len(wrong):,} of {len(known):,} labels are not {kind}, such as {such}. {_advice(task, classes)}"
        return CheckOutcome("labels", False, True, said, metadata)
    said = f"{len(known):,} of {len(values):,} labels are known, and none is anything but {kind}."
    return CheckOutcome("labels", True, True, said, metadata)


def labels_known(label: pd.Series | np.ndarray) -> CheckOutcome:
    """Some label is known. Does not block: rows without one can be scored, but a broken join looks the same."""
    import pandas as pd

    rows, known = len(label), int(pd.notna(pd.Series(label)).sum())
    metadata = {"rows": rows, "known": known}
    if known:
        return CheckOutcome("labelled", True, False, f"{known:,} of {rows:,} labels are known.", metadata)
    said = (
        f"None of {rows:,} rows has a label: they are scored, but train and judge nothing. "
        "If their outcomes should be known by now, look how the dataset function joins them."
    )
    return CheckOutcome("labelled", False, False, said, metadata)


MOST_UNNAMED = 10_000
"""Labels below this may be classes that the problem does not name; each would have a column, so larger ones must be named."""
_KIND = {
    "binary": "0 or 1",
    "multiclass": f"whole numbers from 0, below {MOST_UNNAMED:,}",
    "regression": "finite numbers",
}


def _advice(task: Task, classes: Classes | None) -> str:
    if task != "multiclass":
        return "Mend the dataset function."
    return f"Mend the dataset function, or {'name' if classes is None else 'add'} them in the problem's classes."


def _fits(task: Task, values: pd.Series[float], classes: Classes | None) -> pd.Series[bool]:
    """Which values are labels of the task; what could not be read as a number is NaN here and is none."""
    finite = values.abs() < float("inf")
    if task == "binary":
        return values.isin([0, 1])
    if classes is not None:
        return values.isin(classes)
    if task == "multiclass":
        return finite & (values >= 0) & (values % 1 == 0) & (values < MOST_UNNAMED)
    return finite
