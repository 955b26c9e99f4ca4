"""What valid flights are: types to the unit, ranges, and the agreements between columns that a wrong clock would break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.problems.flights.dataset import ASKED_BEFORE_HOURS, LATE_FROM_MINUTES
from ml_assets.problems.weather.schema import observed

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

RANGES = {
    "distance": (1, 10_000), "sched_dep_time": (0, 2359), "sched_arr_time": (0, 2400), "flight": (1, 9999),
}  # fmt: skip
RANGES_WHERE_KNOWN = {
    "dep_time": (1, 2400), "arr_time": (1, 2400), "dep_delay": (-120, 2880), "arr_delay": (-180, 2880), "air_time": (1, 1440),
    "plane_year": (1920, 2100), "plane_seats": (1, 1000), "plane_engines": (1, 8),
}  # fmt: skip


def schema() -> pa.DataFrameSchema:
    """Columns in order, and what must hold between them.

    Delays are whole minutes: as-known-at totals are exact only then.
    """
    import pandera.pandas as pa

    return pa.DataFrameSchema(
        _names() | _instants() | _numbers() | observed(),
        checks=[
            pa.Check(_asked_in_time, name=f"asked_at is {ASKED_BEFORE_HOURS} hours before scheduled_departure"),
            pa.Check(_clock_shows_schedule, name="scheduled_departure reads as sched_dep_time in New York"),
            pa.Check(_landed_after_flying, name="landed_at is not before departed_at plus air_time"),
            pa.Check(_late_follows_delay, name=f"late is arr_delay >= {LATE_FROM_MINUTES}, and missing with it"),
            pa.Check(_weather_is_past, name="weather_known_at is not after asked_at"),
        ],
        strict=True,
    )


def _names() -> dict[str, Any]:
    import pandera.pandas as pa

    return {
        "flight_id": pa.Column("str", unique=True),
        "carrier": pa.Column("str", pa.Check.str_matches(r"^[A-Z0-9]{2}$")),
        "origin": pa.Column("str", pa.Check.isin(["EWR", "JFK", "LGA"])),
        "dest": pa.Column("str", pa.Check.str_matches(r"^[A-Z0-9]{3}$")),
        "tailnum": pa.Column("str", nullable=True),
    }


def _instants() -> dict[str, Any]:
    import pandas as pd
    import pandera.pandas as pa

    utc = pd.DatetimeTZDtype("us", "UTC")
    always = {name: pa.Column(utc) for name in ("scheduled_departure", "asked_at")}
    return always | {name: pa.Column(utc, nullable=True) for name in ("departed_at", "landed_at", "weather_known_at")}


def _numbers() -> dict[str, Any]:
    import pandera.pandas as pa

    whole = pa.Check(lambda minutes: minutes % 1 == 0, name="whole minutes")
    columns = {
        name: pa.Column("float64" if name == "distance" else "int64", pa.Check.in_range(*limits))
        for name, limits in RANGES.items()
    }
    for name, limits in RANGES_WHERE_KNOWN.items():
        checks = [pa.Check.in_range(*limits), *[whole] * name.endswith("_delay")]
        columns[name] = pa.Column("float64", checks, nullable=True)
    return columns | {"late": pa.Column("float64", pa.Check.isin([0.0, 1.0]), nullable=True)}


def _asked_in_time(rows: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return rows["asked_at"] + pd.Timedelta(hours=ASKED_BEFORE_HOURS) == rows["scheduled_departure"]


def _clock_shows_schedule(rows: pd.DataFrame) -> pd.Series:
    local = rows["scheduled_departure"].dt.tz_convert("America/New_York").dt
    shown: pd.Series = (local.hour * 100 + local.minute).where(local.second == 0)
    return shown == rows["sched_dep_time"]


def _landed_after_flying(rows: pd.DataFrame) -> pd.Series:
    import pandas as pd

    airborne = rows["departed_at"] + pd.to_timedelta(rows["air_time"], unit="m")
    return rows["landed_at"].isna() | (rows["landed_at"] >= airborne)


def _late_follows_delay(rows: pd.DataFrame) -> pd.Series:
    expected = (rows["arr_delay"] >= LATE_FROM_MINUTES).astype("float64").where(rows["arr_delay"].notna())
    return (rows["late"] == expected) | (rows["late"].isna() & expected.isna())


def _weather_is_past(rows: pd.DataFrame) -> pd.Series:
    return rows["weather_known_at"].isna() | (rows["weather_known_at"] <= rows["asked_at"])
