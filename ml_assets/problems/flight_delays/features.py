"""The features: schedule, aircraft, weather, and how late the flights before were, as far as was known when asked.

Every feature of a flight is a function of its schedule, of the weather that the dataset joined as known two hours before,
and of earlier events: a departure counts from the minute the aircraft left, an arrival from the minute it landed. A
property test changes everything that happened later and demands the same features.

One thing the data cannot tell: it names the aircraft that *flew*. Two hours before, that is nearly always the planned one,
and it is taken as known; of other flights the aircraft counts only once they have left.

Missing values: weather that was not observed and aircraft that are not registered stay missing (NaN), which the model
handles. All else is complete: a group without a known flight has count 0 and mean 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.problems.flight_delays.known import NEVER, Events, group_codes, standing, to_minutes
from ml_assets.problems.weather.dataset import OBSERVATION

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

NEW_YORK = "America/New_York"
DAY = 24  # hours
COUNTED_DELAY_MINUTES = (-60, 180)  # beyond, one flight would outweigh an hour's traffic
ASSUMED_PUNCTUAL = 2  # flights added to each mean, so that one late flight of one does not read as "always late"
GIVEN_UP_AFTER_HOURS = 6  # a flight overdue for longer has been cancelled, as far as anyone can tell


@dataclass(frozen=True)
class Group:
    """Flights whose lateness tells of each other's.

    Attributes:
        columns: flights with the same values belong together.
        departed: over how many last hours departures are totalled.
        landed: over how many last hours arrivals are totalled; at most 28 days, which is what history surely covers.
        overdue: whether to total the flights that should have left and have not.
    """

    name: str
    columns: tuple[str, ...]
    departed: tuple[int, ...] = ()
    landed: tuple[int, ...] = ()
    overdue: bool = False


GROUPS = (
    Group("origin", ("origin",), departed=(1, 3), landed=(3, DAY), overdue=True),
    Group("carrier", ("carrier", "origin"), departed=(3,), landed=(6,), overdue=True),
    Group("destination", ("dest",), departed=(4,), landed=(6,), overdue=True),
    Group("slot", ("origin", "scheduled_hour"), landed=(7 * DAY, 28 * DAY)),
    Group("aircraft", ("tailnum",), departed=(12,), landed=(12, 7 * DAY)),
    Group("number", ("carrier", "flight"), landed=(7 * DAY, 28 * DAY)),
)


def build_features(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    """The features of each flight of ``data``, as known two hours before it is to leave.

    Args:
        history: the dataset of the month before; may have no rows and no columns.
        data: a dataset as made by ``load_flights``.
    Returns:
        one row per row of ``data``, same order, default index: ``str`` for origin, dest and carrier, else ``float64``.
    """
    import pandas as pd

    parts = [_schedule(data), _weather(data), _lateness(history, data)]
    return pd.concat([part.reset_index(drop=True) for part in parts], axis=1)


def _schedule(data: pd.DataFrame) -> pd.DataFrame:
    hour = data["scheduled_departure"].dt.floor("h")
    local = data["scheduled_departure"].dt.tz_convert(NEW_YORK).dt
    numbers = {
        "distance": data["distance"],
        "hour": local.hour,
        "minute_of_day": local.hour * 60 + local.minute,
        "weekday": local.day_of_week,
        "departures_in_hour": data.groupby(["origin", hour])["flight_id"].transform("size"),
        "plane_year": data["plane_year"],
        "plane_seats": data["plane_seats"],
    }
    return data[["origin", "dest", "carrier"]].assign(**{name: n.astype("float64") for name, n in numbers.items()})


def _weather(data: pd.DataFrame) -> pd.DataFrame:
    """The observation, where no gust reported means that it did not exceed the wind."""
    return data[list(OBSERVATION)].assign(wind_gust=data["wind_gust"].fillna(data["wind_speed"]))


# ---------------------------------------------------------------- lateness of earlier flights


def _lateness(history: pd.DataFrame, data: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    flights = pd.concat([history, data], ignore_index=True) if len(history) else data
    flights = flights.assign(scheduled_hour=flights["sched_dep_time"] // 100)
    asked = to_minutes(data["asked_at"])
    columns: dict[str, np.ndarray] = {}
    for group in GROUPS:
        code = group_codes(flights, group.columns)
        asking = code[len(history) :]
        for hours in group.departed:
            known = _departures(flights, code).known(asking, asked, within=hours * 60)
            columns |= _means(f"{group.name}_departed_{_written(hours)}", known, ("delay",))
        for hours in group.landed:
            known = _arrivals(flights, code).known(asking, asked, within=hours * 60)
            columns |= _means(f"{group.name}_landed_{_written(hours)}", known, ("delay", "late"))
        if group.overdue:
            columns |= _overdue(f"{group.name}_overdue", _waiting(flights, code).known(asking, asked), asked)
    return pd.DataFrame(columns)


def _departures(flights: pd.DataFrame, code: np.ndarray) -> Events:
    import numpy as np

    delay = _counted(flights["dep_delay"])
    return Events.of(code, to_minutes(flights["departed_at"]), np.column_stack([np.ones(len(code)), delay]))


def _arrivals(flights: pd.DataFrame, code: np.ndarray) -> Events:
    import numpy as np

    delay, late = _counted(flights["arr_delay"]), flights["late"].fillna(0.0)
    return Events.of(code, to_minutes(flights["landed_at"]), np.column_stack([np.ones(len(code)), delay, late]))


def _counted(delay: pd.Series) -> pd.Series:
    return delay.clip(*COUNTED_DELAY_MINUTES).fillna(0.0)


def _waiting(flights: pd.DataFrame, code: np.ndarray) -> Events:
    """Flights that should have left and have not: from the minute they are due until they leave or are given up."""
    import numpy as np

    due, left = to_minutes(flights["scheduled_departure"]), to_minutes(flights["departed_at"])
    given_up = due + GIVEN_UP_AFTER_HOURS * 60
    return standing(code, due, np.where(left == NEVER, given_up, np.minimum(left, given_up)))


def _means(name: str, known: np.ndarray, of: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The count of known flights, and the means of what was totalled over them: delay in minutes, share late."""
    count, *totals = known.T
    means = {f"{name}_{what}": total / (count + ASSUMED_PUNCTUAL) for what, total in zip(of, totals, strict=True)}
    return {name: count} | means


def _overdue(name: str, known: np.ndarray, asked: np.ndarray) -> dict[str, np.ndarray]:
    """How many flights are overdue, and by how many minutes together."""
    count, due = known.T
    return {name: count, f"{name}_minutes": count * asked - due}


def _written(hours: int) -> str:
    return f"{hours}h" if hours % DAY else f"{hours // DAY}d"
