"""Can a model be judged fairly and at all on this split?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from ml_assets.evaluation.checks.outcome import CheckOutcome, short
from ml_assets.problem import Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ROLES = ("train", "validation", "test")  # in the order of time


def split_disjoint(assignment: pd.DataFrame, *, ordered_in_time: bool) -> CheckOutcome:
    """No row has two roles and, with ``ordered_in_time``, training ends before validation begins, validation before the test.

    Args:
        assignment: columns ``entity``, ``role`` and, if ordered in time, ``event_time``. A row is its entity at its event time;
            without order in time an entity as a whole must keep to one role. Other roles than train, validation and test take
            no part.
    """
    used = assignment[assignment["role"].isin(ROLES)]
    row = ["entity", "event_time"] if ordered_in_time else ["entity"]
    pairs = used[[*row, "role"]].drop_duplicates()
    shared = pairs[pairs.duplicated(row)]
    rows = {role: int((used["role"] == role).sum()) for role in ROLES}
    faults = []
    if len(shared):
        faults.append(f"{len(shared):,} rows have two roles, such as {row[0]} {shared['entity'].iloc[0]}")
    if ordered_in_time:
        faults += _overlaps(used)
    if faults:
        said = f"{'; '.join(faults)}. A model would be judged on what it was trained on: mend the split."
        return CheckOutcome("disjoint", False, True, said, {"rows": rows, "shared": len(shared)})
    counts = ", ".join(f"{n:,} {role}" for role, n in rows.items())
    said = f"No row has two roles: {counts}{', in the order of time' if ordered_in_time else ''}."
    return CheckOutcome("disjoint", True, True, said, {"rows": rows, "shared": 0})


def no_row_twice(assignment: pd.DataFrame, again: np.ndarray, rows: Mapping[str, int], *, newest: bool) -> CheckOutcome:
    """No row, an entity at its time, occurs twice in the window; or the newest of each counts.

    Args:
        assignment: see ``split_disjoint``; all rows of the window, oldest partition first.
        again: which of them (n,) a later partition has as well.
        rows: partition key -> how many of them.
        newest: whether the problem says that the newest counts.
    """
    n = int(again.sum())
    if not n or newest:
        said = f"The newest of {n:,} rows that landed again counts." if n else "No row of the window occurs twice."
        return CheckOutcome("once", True, True, said, {"again": n})
    import numpy as np

    first = assignment[again].iloc[0]
    same = (assignment["entity"] == first["entity"]) & (assignment["event_time"] == first["event_time"])
    where = np.repeat(list(rows), list(rows.values()))[same.to_numpy()]
    said = (
        f"{n:,} rows landed again with a later partition, such as {short(first['entity'])} at {first['event_time']} in "
        f"{' and '.join(where)}: each would count as often as it landed, with the labels of each time. Land every row once, "
        'or let the newest count: duplicates="newest".'
    )
    return CheckOutcome("once", False, True, said, {"again": n})


def _overlaps(used: pd.DataFrame) -> list[str]:
    times = {role: used.loc[used["role"] == role, "event_time"] for role in ROLES}
    present = [(role, of.min(), of.max()) for role, of in times.items() if len(of)]
    return [
        f"{earlier} ends {last}, not before {later} begins {first}"
        for (earlier, _, last), (later, first, _) in pairwise(present)
        if last >= first
    ]


def both_classes_present(labels: Mapping[str, np.ndarray], task: Task) -> CheckOutcome:
    """Each role has what it needs: labelled rows; for ``binary`` both labels; for ``multiclass`` none that training lacks.

    Args:
        labels: by role, shape (n,); NaN where unknown.
    """
    import numpy as np

    known = {role: np.unique(label[~np.isnan(label)]) for role, label in labels.items()}
    faults = [fault for role in known if (fault := _fault(role, known, task))]
    metadata = {role: {"rows": len(labels[role]), "labels": _counts(labels[role], task)} for role in labels}
    if faults:
        said = f"{'; '.join(faults)}. Lengthen the window or that part of the split."
        return CheckOutcome("classes", False, True, said, metadata)
    return CheckOutcome("classes", True, True, f"{', '.join(labels)} each have the labels they need.", metadata)


def groups_apart(group: pd.Series, role: pd.Series, *, whole: bool) -> CheckOutcome:
    """How many groups both fit and judge: none may, where the split keeps them whole.

    Args:
        group: of each row of the window; missing values are no group.
        role: of the same rows.
    """
    fit, judge = ({*group[role == part].dropna()} for part in (ROLES[0], ROLES[-1]))
    both = len(fit & judge)
    said = f"{both:,} of the {len(judge):,} groups that judge were trained on as well."
    if both and whole:
        said += " A model would be judged on groups that it knows: mend the split."
    elif both:
        said += " How well a new group is answered cannot be told: to know, let the split keep whole_groups."
    metadata = {"fit": len(fit), "judge": len(judge), "both": both}
    return CheckOutcome("groups", not (both and whole), True, said, metadata)


def window_complete(present: Sequence[str], wanted: int) -> CheckOutcome:
    """The window has as many partitions as the problem asks for. Does not block: the first ones of a problem cannot.

    Args:
        present: keys of the partitions that the window has, oldest first.
    """
    said = f"The window has {len(present)} of {wanted} partitions: {', '.join(present)}."
    if len(present) < wanted:
        said += " Before the first there is no data: its model is fitted on less."
    metadata = {"partitions": len(present), "wanted": wanted}
    return CheckOutcome("window_complete", len(present) == wanted, False, said, metadata)


def _fault(role: str, known: Mapping[str, np.ndarray], task: Task) -> str:
    seen = known[role]
    if not len(seen):
        return f"{role} has no labelled row"
    if task == "binary" and len(seen) < 2:
        return f"{role} has no row with label {1 - seen[0]:g}"
    unknown = sorted(set(seen.tolist()) - set(known.get("train", seen).tolist()))
    if task == "multiclass" and unknown:
        return f"{role} has labels that training lacks: {', '.join(f'{k:g}' for k in unknown)}"
    return ""


def _counts(label: np.ndarray, task: Task) -> dict[str, int]:
    import numpy as np

    known = label[~np.isnan(label)]
    if task == "regression":
        return {"known": len(known)}
    return {f"{k:g}": int(n) for k, n in zip(*np.unique(known, return_counts=True), strict=True)}
