"""What valid weather is: types to the unit, and ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.problems.weather.dataset import STRONGEST_WIND_MPH

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa

RANGES_WHERE_KNOWN = {
    "temp": (-60, 140), "dewp": (-80, 120), "humid": (0, 100), "wind_dir": (0, 360), "wind_speed": (0, STRONGEST_WIND_MPH),
    "wind_gust": (0, 2 * STRONGEST_WIND_MPH), "precip": (0, 20), "pressure": (850, 1100), "visib": (0, 100),
}  # fmt: skip


def schema() -> pa.DataFrameSchema:
    """Where, when, and what was observed there: an airport has one observation of an hour."""
    import pandas as pd
    import pandera.pandas as pa

    utc = pd.DatetimeTZDtype("us", "UTC")
    return pa.DataFrameSchema(
        {
            "origin": pa.Column("str", pa.Check.isin(["EWR", "JFK", "LGA"])),
            "time_hour": pa.Column(utc),
            "weather_known_at": pa.Column(utc),
            **observed(),
        },
        checks=[pa.Check(_known_after_the_hour, name="weather_known_at is an hour after time_hour")],
        unique=["origin", "time_hour"],
        strict=True,
    )


def observed() -> dict[str, Any]:
    """The columns of what was observed; missing where it was not."""
    import pandera.pandas as pa

    return {
        name: pa.Column("float64", pa.Check.in_range(*limits), nullable=True)
        for name, limits in RANGES_WHERE_KNOWN.items()
    }


def _known_after_the_hour(rows: pd.DataFrame) -> pd.Series:
    import pandas as pd

    return rows["weather_known_at"] == rows["time_hour"] + pd.Timedelta(hours=1)
