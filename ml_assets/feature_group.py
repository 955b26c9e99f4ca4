"""Facts that several problems share: made once, and joined as they were known when a question was asked.

WEATHER, a FeatureGroup ──▶ weather/dataset ──▶ Shared("weather/dataset") in the sources of each problem
                                                 as_known_at(rows, facts, …) in its dataset or features function
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Problem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class _NoParams:
    """Of what trains nothing."""


@dataclass(frozen=True, kw_only=True)
class FeatureGroup(Problem):
    """A table of facts about entities, such as the weather at airports. To its data it is what a problem is; it asks nothing.

    It has the sources, files, schema, partitions, checks and runs that a problem has, and one asset, ``weather/dataset``, which
    problems read by ``Shared("weather/dataset")``. Its module ends with ``GROUP = FeatureGroup(…)``.

    Attributes:
        entity: column that says what a fact is about; an entity has one fact at a time.
        event_time: column with the time of the fact (with a time zone), within its partition. Where it becomes known later, a
            further column says when: ``as_known_at(…, known=…)``.
    """

    is_group: ClassVar[bool] = True

    task: Any = field(default=None, init=False, repr=False)
    features: Any = field(default=None, init=False, repr=False)
    label: Any = field(default=None, init=False, repr=False)
    split: Any = field(default=None, init=False, repr=False)
    train: Any = field(default=None, init=False, repr=False)
    predict: Any = field(default=None, init=False, repr=False)
    baseline: Any = field(default=None, init=False, repr=False)
    params: Any = field(default=_NoParams(), init=False, repr=False)
    metrics: Any = field(default=(), init=False, repr=False)
    promote_when: Any = field(default=None, init=False, repr=False)
    classes: Any = field(default=None, init=False, repr=False)
    slices: Any = field(default=(), init=False, repr=False)
    gates: Any = field(default=(), init=False, repr=False)
    group: Any = field(default=None, init=False, repr=False)
    approval: Any = field(default=False, init=False, repr=False)
    label_time: Any = field(default=None, init=False, repr=False)
    lookback: Any = field(default=0, init=False, repr=False)
    picture: Any = field(default=None, init=False, repr=False)
    compute: Any = field(default=None, init=False, repr=False)
    tuning: Any = field(default=None, init=False, repr=False)
    fresh_within_days: Any = field(default=None, init=False, repr=False)


def as_known_at(
    rows: pd.DataFrame,
    facts: pd.DataFrame,
    *,
    by: str | Sequence[str],
    at: str,
    known: str,
    within: pd.Timedelta | None = None,
) -> pd.DataFrame:
    """Each row beside the newest fact about the same that was known when its question was asked.

    A fact that became known at the very moment counts; of several that became known at one moment the last in ``facts``. A fact
    that does not say since when it is known counts for nobody, nor does one about nothing (a missing value in ``by``). So no
    fact that becomes known later can change a row.

    Args:
        rows: one per question; all of them come back, in their order and with their index.
        facts: in any order. Their columns are added, also ``known``: how old a fact was can be told. Those of whole numbers and
            of booleans become nullable ones, whether or not a row lacks a fact: no value is rounded.
        by: the columns that say what row and fact are about, the same in both.
        at: column of ``rows``: when each question is asked. A row without it has no facts.
        known: column of ``facts``: since when each is known. Both have a time zone, not necessarily the same one.
        within: facts that were known for longer than this do not count; None: however old.
    Raises:
        InvalidProblem: if a column is not there, would be there twice, or is no time with a zone.
    """
    import pandas as pd

    keys = [by] if isinstance(by, str) else list(by)
    _refuse_unusable(rows, facts, keys, at, known)
    asked, since = _instants(rows[at], facts[known])
    about = _about(rows[keys], facts[keys])
    places = _newest(
        pd.DataFrame({"about": about[: len(rows)], "at": asked}),
        pd.DataFrame({"about": about[len(rows) :], "at": since}),
        within,
    )
    told = facts.drop(columns=keys).reset_index(drop=True)
    told = told.astype({name: kind for name, held in told.dtypes.items() if (kind := _nullable(held))})
    return pd.concat([rows, told.reindex(places).set_axis(rows.index)], axis=1)


def _about(rows: pd.DataFrame, facts: pd.DataFrame) -> np.ndarray:
    """A number for each combination of values, those of the rows first; -1 where a value is missing."""
    import pandas as pd

    both = pd.concat([rows, facts], ignore_index=True)
    return both.groupby(list(both), sort=False, observed=True).ngroup().to_numpy()


def _newest(rows: pd.DataFrame, facts: pd.DataFrame, within: pd.Timedelta | None) -> np.ndarray:
    """The place among the facts of that of each row; -1 where there is none. Both have ``about`` and ``at``."""
    import numpy as np
    import pandas as pd

    left = rows.assign(row=np.arange(len(rows)))[rows["at"].notna()]
    right = facts.assign(fact=np.arange(len(facts)))[facts["at"].notna() & (facts["about"] >= 0)]
    met = pd.merge_asof(
        left.sort_values("at", kind="stable"),
        right.sort_values("at", kind="stable"),
        on="at",
        by="about",
        tolerance=within,
    ).dropna(subset="fact")
    places = np.full(len(rows), -1)
    places[met["row"].to_numpy()] = met["fact"].to_numpy().astype(np.int64)
    return places


def _instants(*columns: pd.Series[Any]) -> list[pd.Series[Any]]:
    """Times in UTC, in the finest unit that one of them has: none is rounded."""
    import pandas as pd

    utc = [pd.Series(pd.DatetimeIndex(column).tz_convert("UTC")) for column in columns]
    finest = max((column.dt.unit for column in utc), key=("s", "ms", "us", "ns").index)
    return [column.dt.as_unit(finest) for column in utc]


def _nullable(kind: Any) -> str | None:
    """The nullable type of whole numbers and booleans; None for types that can say that a value is missing."""
    name, letter = str(kind), getattr(kind, "kind", "")
    if name != name.lower() or "[" in name or letter not in ("i", "u", "b"):
        return None
    return "boolean" if letter == "b" else name.replace("u", "U").replace("int", "Int")


def _refuse_unusable(rows: pd.DataFrame, facts: pd.DataFrame, keys: Sequence[str], at: str, known: str) -> None:
    wanted = [("rows", rows, [*keys, at]), ("facts", facts, [*keys, known])]
    faults = [f"{of} have no column {name!r}" for of, frame, names in wanted for name in names if name not in frame]
    twice = [name for name in facts if name in rows and name not in keys]
    faults += [f"both have a column {name!r}, which is not among by: rename it" for name in twice]
    faults = faults or [
        f"column {name!r} is {frame[name].dtype}, no time with a zone: convert it, pd.to_datetime(…, utc=True)"
        for frame, name in ((rows, at), (facts, known))
        if getattr(getattr(frame[name].dtype, "pyarrow_dtype", frame[name].dtype), "tz", None) is None
    ]
    if faults:
        raise InvalidProblem(f"as_known_at cannot join these: {'; '.join(faults)}.")
