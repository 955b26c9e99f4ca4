"""The unit of chance: which rows stand and fall together, so that only whole units are taken for independent draws.

Flights of one stormy day are late together, the orders of one customer go one way. A thousand rows of seven days are nearer to
seven draws than to a thousand. So whatever says how sure a number is asks for units:

    days       of the event, by the clock that cuts the partitions (hours, where partitions are hours)
    groups     the values of the problem's ``group``: customers, machines, aircraft
    both       where a problem has both: rows share a day or a group, see ``paired_test``
    rows       where it has neither

Source: Cameron and Miller (2015), A practitioner's guide to cluster-robust inference, J. Human Resources 50(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from ml_assets.problem import FeatureTable, Problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

DAY, HOUR, GROUP, ROW = "day", "hour", "group", "row"
COLUMNS = (HOUR, DAY, GROUP)
MOST_UNITS = (
    200  # a t with 199 degrees of freedom is 0.4 % wider than the normal: more units cost time and tell no more
)


@dataclass(frozen=True)
class Units:
    """The unit that each row belongs to.

    Attributes:
        name: what one of them is: ``day``, ``hour``, ``group``, ``row``.
        of: the unit of each row, 0 … count - 1, none empty, shape (n,).
        inside: how many real units these are, where several were put together.
    """

    name: str
    of: np.ndarray
    inside: int = 0

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many rows each has, shape (count,)."""
        import numpy as np

        return np.bincount(self.of)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.sizes)

    @property
    def real(self) -> int:
        """How many there were before some were put together."""
        return self.inside or self.count

    @property
    def degrees_of_freedom(self) -> float:
        """Of a variance that is found from them: count - 1, or fewer where few hold most of the rows.

        Source: the effective number of clusters of Carter, Schnepel and Steigerwald (2017), Rev. Econ. Stat. 99(4), for
        variables that do not depend on the cluster.
        """
        sizes = self.sizes.astype(float)
        return float(sizes.sum() ** 2 / (sizes**2).sum()) - 1

    def rows(self, mask: np.ndarray) -> Units:
        """Of the rows where ``mask`` (n,) is true, or those at the positions it holds."""
        return _numbered(self.name, self.of[mask])

    def at_most(self, count: int, seed: int = 0) -> Units:
        """The same, put together at random into so many where there are more: sums of independent units are independent."""
        import numpy as np

        if self.count <= count:
            return self
        dealt = np.random.default_rng(seed).permutation(np.arange(self.count) % count)
        return Units(self.name, dealt[self.of], inside=self.real)

    @property
    def counted(self) -> str:
        """``7 days``, ``3,100 rows``."""
        return f"{self.real:,} {self.name}{'s' * (self.real != 1)}"

    def __str__(self) -> str:
        """``7 days``, ``single rows``; with how they were put together: ``200 random groups of 3,100 rows``."""
        if self.real != self.count:
            return f"{self.count:,} random groups of {self.counted}"
        return "single rows" if self.name == ROW else self.counted


def single_rows(count: int) -> Units:
    """Each row is a unit."""
    import numpy as np

    return Units(ROW, np.arange(count))


def crossed(one: Units, other: Units) -> Units:
    """The rows that share both."""
    return _numbered(f"{one.name} and {other.name}", one.of * other.count + other.of)


def units_in(scored: pd.DataFrame) -> tuple[Units, ...]:
    """The units of a frame of scored rows, by its columns; those of versions from before there were any are its rows."""
    found = tuple(_numbered(name, scored[name]) for name in COLUMNS if name in scored)
    return found or (single_rows(len(scored)),)


def units_of(problem: Problem, rows: FeatureTable) -> tuple[Units, ...]:
    """The units of rows of a problem."""
    columns = unit_columns(problem, rows)
    return tuple(_numbered(name, of) for name, of in columns.items()) or (single_rows(len(rows)),)


def unit_columns(problem: Problem, rows: FeatureTable) -> dict[str, pd.Series]:
    """What tells the units of rows, as columns of scored rows: the day (or hour) that each begins in, and its group.

    Rows from before the problem had a group do not say theirs.
    """
    columns = {}
    if problem.event_time is not None:
        name = problem.partitions.block
        columns[name] = _CUT[name](rows.keys[problem.event_time], problem.partitions.clock)
    if problem.group is not None and problem.group in rows.keys:
        columns[GROUP] = rows.keys[problem.group]
    return columns


def _day(at: pd.Series, clock: str) -> pd.Series:
    import pandas as pd

    return pd.to_datetime(at, utc=True).dt.tz_convert(clock).dt.tz_localize(None).dt.normalize()


def _hour(at: pd.Series, clock: str) -> pd.Series:
    """In UTC: a clock that is put back shows an hour twice."""
    import pandas as pd

    return pd.to_datetime(at, utc=True).dt.floor("h")


_CUT: dict[str, Callable[[pd.Series, str], pd.Series]] = {DAY: _day, HOUR: _hour}


def _numbered(name: str, values: np.ndarray | pd.Series) -> Units:
    """Equal values are one unit; so are those that are missing, which may belong together."""
    import pandas as pd

    codes, _ = pd.factorize(values, use_na_sentinel=False)
    return Units(name, codes)
