"""Does a challenger get rows wrong that must not go wrong? Verdicts with the rows, beside those of gates on metrics.

A failure is *open* until a champion answers it right; since then it is *mended*, and a challenger that is surely wrong on it
again is refused. Between right and surely wrong nothing changes, so that an answer near the border does not go to and fro.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem
from ml_assets.evaluation.answered import answered
from ml_assets.evaluation.failures import ENTITY, ERROR, FAILURE, PARTITION, ROWS, problem_keys
from ml_assets.problem import FAILURES, GOLDEN, FeatureTable, Files, NoRegression, Problem
from ml_assets.promotion.named_rows import Told, looked_up, told_of
from ml_assets.promotion.remembered import MENDED, REGRESSIONS, Remembered
from ml_assets.promotion.unseen import judging_rows
from ml_assets.store import Handle
from ml_assets.training.model import TrainedModel

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NAMED = 3  # rows in a sentence
KEPT = 50  # rows in a decision


@dataclass(frozen=True)
class RowsVerdict:
    """Whether a challenger keeps to a ``NoRegression``.

    Attributes:
        rows: ``golden`` or ``failures``.
        judged: how many rows were asked.
        wrong: those that count against it, of many the first ones: what names them, and what went wrong.
    """

    rows: str
    judged: int
    passed: bool
    sentence: str
    wrong: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "rows": self.rows,
            "judged": self.judged,
            "passed": self.passed,
            "sentence": self.sentence,
            "wrong": [*self.wrong],
        }


@dataclass(frozen=True)
class Regressions:
    """The verdicts on a challenger, and which failures are mended.

    Attributes:
        mended: failure -> version of the model that mended it, before this decision.
        by_challenger: version of the challenger, and the failures that it answers right: mended once it serves.
    """

    verdicts: tuple[RowsVerdict, ...] = ()
    mended: Mapping[str, str] = field(default_factory=dict)
    by_challenger: tuple[str, frozenset[str]] = ("", frozenset())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the challenger is refused; empty if nothing speaks against it."""
        return tuple(verdict.sentence for verdict in self.verdicts if not verdict.passed)

    def to_json(self, *, promoted: bool) -> dict[str, Any]:
        """What a decision says of them; nothing where a problem does not ask."""
        if not self.verdicts:
            return {}
        version, right = self.by_challenger
        mended = {**(dict.fromkeys(right, version) if promoted else {}), **self.mended}
        by = {one: sorted(name for name in mended if mended[name] == one) for one in sorted({*mended.values()})}
        return {REGRESSIONS: {"verdicts": [one.to_json() for one in self.verdicts], MENDED: by}}


def regressions_of(
    problem: Problem, known: Remembered, evaluation: Handle, challenger: Handle, champion: Handle | None
) -> Regressions:
    """Hold a challenger to what is remembered."""
    golden, failures = problem.held_to(GOLDEN), problem.held_to(FAILURES)
    if golden is None and failures is None:
        return Regressions()
    model: TrainedModel = challenger.load()
    of_golden = [] if golden is None else [_golden_verdict(problem, golden, known, evaluation, model)]
    if failures is None:
        return Regressions(tuple(of_golden))
    rows = looked_up(problem, known_rows := known.failure_rows(), known.features)
    now = rows.asked(problem, failures, model)
    served = rows.asked(problem, failures, champion.load()) if champion is not None else Told()
    still = {name for of in known_rows.values() for name in of[FAILURE]}
    mended = {name: by for name, by in known.mended.items() if name in still}
    mended |= dict.fromkeys(served.right - {*mended}, champion.key.version) if champion is not None else {}
    verdict = failures_verdict(problem.name, failures, rows.told, now, mended)
    return Regressions((*of_golden, verdict), mended, (challenger.key.version, now.right))


# ---------------------------------------------------------------- verdicts


def golden_verdict(
    asked: NoRegression, judged: int, wrong: Sequence[Mapping[str, Any]], lacking: Sequence[str] = ()
) -> RowsVerdict:
    """Of the golden rows, those that were judged and those that cannot be."""
    most = asked.at_most or 0
    said = f"golden: {len(wrong):,} of {judged:,} rows answered wrongly, at most {most:,} may be"
    named = f": {_some([_row_named(row) for row in wrong])}" if wrong else ""
    cannot = f" {len(lacking):,} cannot be asked: {_some(lacking)}." if lacking else ""
    return RowsVerdict(
        GOLDEN, judged, len(wrong) <= most and not lacking, f"{said}{named}.{cannot}", tuple(wrong[:KEPT])
    )


def failures_verdict(
    problem: str, asked: NoRegression, rows: Mapping[str, Mapping[str, Any]], now: Told, mended: Mapping[str, str]
) -> RowsVerdict:
    """Of the failures that were mended none may go wrong again; of the others at most as many as the problem says.

    Args:
        rows: failure -> what is told of it, largest first.
        now: what became of them, of the challenger.
    """
    broken = [{**rows[name], "mended_by": mended[name]} for name in rows if name in mended and name in now.surely_wrong]
    open_ = [rows[name] for name in rows if name not in mended and name in now.surely_wrong]
    silent = [name for name in now.unasked if name in mended]
    too_many = asked.at_most is not None and len(open_) > asked.at_most
    limit = "" if asked.at_most is None else f", at most {asked.at_most:,} may be"
    are_open = sum(name not in mended for name in rows)
    said = [f"failures: {len(broken):,} of {len(mended):,} that were mended {_go(broken)} wrong again{_list(broken)}."]
    said += [
        f"{len(open_):,} of {are_open:,} open ones are answered surely wrongly{limit}{_list(open_) if too_many else ''}."
    ]
    said += (
        [f"{len(silent):,} that were mended cannot be asked: {_some([*dict.fromkeys(now.unasked.values())])}."]
        if silent
        else []
    )
    passed = not broken and not silent and not too_many
    hint = [] if passed else [f"What no longer matters: ml-assets failures {problem} --retire FAILURE --why '…'."]
    return RowsVerdict(FAILURES, len(now.judged), passed, " ".join([*said, *hint]), tuple([*broken, *open_][:KEPT]))


def _go(rows: Sequence[Any]) -> str:
    return "goes" if len(rows) == 1 else "go"


def _list(rows: Sequence[Mapping[str, Any]]) -> str:
    return f": {_some([_row_named(row) for row in rows])}" if rows else ""


def _row_named(row: Mapping[str, Any]) -> str:
    """``2013-05:3f9a1c22 (UA1545, label 1, 1,000 rows alike, mended by 9c22ab)``."""
    told = [
        str(row[ENTITY]),
        f"label {row['label']:g}",
        *([f"{row[ROWS]:,} rows alike"] if row.get(ROWS, 1) > 1 else []),
        *([f"mended by {row['mended_by'][:12]}"] if "mended_by" in row else []),
    ]
    return f"{row[FAILURE]} ({', '.join(told)})" if FAILURE in row else f"{told[0]} ({', '.join(told[1:])})"


def _some(names: Sequence[str]) -> str:
    more = f"; and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more


# ---------------------------------------------------------------- golden rows


def _golden_verdict(
    problem: Problem, asked: NoRegression, known: Remembered, evaluation: Handle, model: TrainedModel
) -> RowsVerdict:
    if problem.golden is not None and not isinstance(problem.golden, Files):
        return _of_judging_rows(problem, problem.golden, asked, evaluation)
    if known.golden is None:
        file = known.file[0] if known.file else ""
        return golden_verdict(asked, 0, [], [f"{file} has not landed"])
    rows = looked_up(problem, {key: _with_names(of) for key, of in known.golden_rows().items()}, known.features)
    told = rows.asked(problem, asked, model)
    wrong = [
        {k: v for k, v in rows.told[name].items() if k != FAILURE}
        for name in rows.told
        if name in told.judged - told.right
    ]
    lacking = [f"{name}, which has no features with an outcome" for name in rows.lacking]
    return golden_verdict(
        asked, len(told.judged), wrong, [*lacking, *(f"{n}: {why}" for n, why in told.unasked.items())]
    )


def _with_names(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{FAILURE: rows[ENTITY].astype(str) + " of " + rows[PARTITION]})


def _of_judging_rows(
    problem: Problem, chooses: Callable[[pd.DataFrame], Any], asked: NoRegression, evaluation: Handle
) -> RowsVerdict:
    """Of the labelled rows that judge, those that the problem's function chooses."""
    import numpy as np

    test, scored = judging_rows(evaluation.input("split")), evaluation.field("scored")
    known = test.rows(~np.isnan(test.label))
    mask = _chosen(problem, chooses, known)
    found = answered(scored, problem.task, asked)
    at = np.flatnonzero(mask & ~found.right)
    keys = problem_keys(problem)
    rows = known.keys[list(keys.values())].set_axis(list(keys), axis=1).assign(label=known.label)
    rows = rows.assign(**{ERROR: found.error}).iloc[at]
    return golden_verdict(asked, int(mask.sum()), [told_of(row) for row in rows.to_dict(orient="records")])


def _chosen(problem: Problem, chooses: Callable[[pd.DataFrame], Any], rows: FeatureTable) -> np.ndarray:
    import numpy as np

    shown = rows.keys.join(rows.features[[name for name in rows.features if name not in rows.keys]])
    mask = np.asarray(chooses(shown))
    if mask.shape != (len(rows),) or mask.dtype != bool:
        raise InvalidProblem(
            f"Problem {problem.name!r}: golden returned {mask.dtype} {mask.shape} for {len(rows):,} rows. Return for each row "
            "whether it must never go wrong: a boolean column, such as rows['distance'] < 200."
        )
    return mask
