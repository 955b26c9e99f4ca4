"""What was known when: totals of events per group, as they stood at any minute.

Lateness spreads: through an airport, a carrier, a destination, an aircraft. So a flight's features total the flights
before it, and each total must leave out what had not happened yet. Here an event exists from the minute it happened;
asking for a minute adds up what exists by then. All values are whole numbers, so sums are exact and no later event can
change the last bit of an earlier answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NEVER = -1  # the minute of what did not happen
MINUTES = 1 << 27  # more than any instant before the year 2225 has, counted from 1970


@dataclass(frozen=True)
class Events:
    """Events in order of group and minute, with running totals.

    Attributes:
        order: shape (m,): group * MINUTES + minute, ascending.
        running: shape (m + 1, k): totals of the values of the first 0 … m events.
    """

    order: np.ndarray
    running: np.ndarray

    @classmethod
    def of(cls, group: np.ndarray, minute: np.ndarray, values: np.ndarray) -> Events:
        """Events of ``group`` (m,), negative for none, at ``minute`` (m,) or NEVER, with whole ``values`` (m, k)."""
        import numpy as np

        happened = (group >= 0) & (minute != NEVER)
        order = group[happened] * MINUTES + minute[happened]
        ascending = np.argsort(order, kind="stable")
        running = np.zeros((len(order) + 1, values.shape[1]))
        np.cumsum(values[happened][ascending], axis=0, out=running[1:])
        return cls(order[ascending], running)

    def known(self, group: np.ndarray, minute: np.ndarray, within: int | None = None) -> np.ndarray:
        """Totals (n, k) of the group's events up to and with ``minute`` (n,), of the last ``within`` minutes or of all."""
        import numpy as np

        first = np.zeros_like(minute) if within is None else np.maximum(minute - within, 0)
        known: np.ndarray = self._until(group, minute) - self._until(group, first)
        return known

    def _until(self, group: np.ndarray, minute: np.ndarray) -> np.ndarray:
        import numpy as np

        running: np.ndarray = self.running[np.searchsorted(self.order, group * MINUTES + minute, side="right")]
        return running


def standing(group: np.ndarray, begin: np.ndarray, end: np.ndarray) -> Events:
    """Events whose totals are, at any minute: how many intervals stand open then, and the sum of their ``begin``.

    Args:
        begin: shape (m,): the minute from which an interval is open.
        end: shape (m,): the minute from which it no longer is; one that ends before it begins never opens.
    """
    import numpy as np

    opens = end > begin
    group, begin, end = group[opens], begin[opens], end[opens]
    opened = np.column_stack([np.ones(len(begin)), begin])
    return Events.of(np.tile(group, 2), np.concatenate([begin, end]), np.concatenate([opened, -opened]))


def to_minutes(instants: pd.Series) -> np.ndarray:
    """Whole minutes since 1970 (n,), int64; NEVER for NaT."""
    import numpy as np

    minutes = instants.dt.tz_convert(None).to_numpy().astype("datetime64[m]")
    return np.where(np.isnat(minutes), NEVER, minutes.astype(np.int64))


def group_codes(rows: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """A number per combination of ``columns`` (n,), int64; negative where one of them is missing."""
    import numpy as np
    import pandas as pd

    code, missing = np.zeros(len(rows), dtype=np.int64), np.zeros(len(rows), dtype=bool)
    for column in columns:
        part, found = pd.factorize(rows[column])
        missing |= part < 0
        code = code * (len(found) + 1) + part
    code, _ = pd.factorize(code)
    return np.where(missing, -1, code).astype(np.int64)
