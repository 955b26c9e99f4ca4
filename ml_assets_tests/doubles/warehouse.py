"""A Dagster project that was there before: tables in DuckDB as dbt makes them, an asset with an IO manager of its own, a report.

With the umbrellas' problem in its midst, which reads the first two and is read by the last.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd

from ml_assets.problem import Partition, Source, Sql, Upstream
from ml_assets_tests.doubles import umbrellas

CONNECTION = "WAREHOUSE_URL"
MONTHS = dg.MonthlyPartitionsDefinition("2024-01", end_date="2024-07", fmt="%Y-%m")
IN_MONTH = """select visit, "at", clouds, shop_number, bought from visits where "at" >= :start and "at" < :end"""


def load(partition: Partition, source: Source) -> pd.DataFrame:
    visits = source.table("visits").merge(source.table("shops"), on="shop_number", how="left")
    return visits[["visit", "at", "clouds", "shop", "bought"]]


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="customers",
    dataset=load,
    files=(),
    sources={"visits": Upstream("staging/visits", Sql(IN_MONTH, connection=CONNECTION)), "shops": Upstream("shops")},
)


class Warehouse(dg.ConfigurableResource[None]):
    """A file of DuckDB.

    Attributes:
        signal: how much clouds tell, which a correction of the data changes.
    """

    path: str
    signal: float = 2.0

    def put(self, month: str) -> int:
        import duckdb

        rows = umbrellas.visits(month, signal=self.signal)
        rows = rows.assign(shop_number=rows.pop("shop").map({"east": 1, "west": 2}))
        with duckdb.connect(self.path) as database:
            database.register("landed", rows)
            database.execute("create table if not exists visits as select * from landed limit 0")
            database.execute("""delete from visits where strftime("at", '%Y-%m') = $1""", [month])
            database.execute("insert into visits select * from landed order by random()")
        return len(rows)


class Csv(dg.ConfigurableIOManager):
    """Frames as files of separated values."""

    folder: str

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        if obj is not None:
            obj.to_csv(self._file(context), index=False)

    def load_input(self, context: dg.InputContext) -> pd.DataFrame:
        return pd.read_csv(self._file(context))

    def _file(self, context: Any) -> Path:
        return Path(self.folder) / f"{context.asset_key.path[-1]}.csv"


@dg.asset(key=["staging", "visits"], partitions_def=MONTHS)
def staged_visits(context: dg.AssetExecutionContext, warehouse: Warehouse) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": warehouse.put(context.partition_key)})


@dg.asset
def shops() -> pd.DataFrame:
    return pd.DataFrame({"shop_number": [1, 2], "shop": ["east", "west"]})


@dg.asset(partitions_def=MONTHS, ins={"predictions": dg.AssetIn(["customers", "predictions"])})
def campaign(predictions: pd.DataFrame) -> dg.MaterializeResult[None]:
    return dg.MaterializeResult(metadata={"rows": len(predictions), "columns": list(predictions.columns)})


def theirs(folder: Path, signal: float = 2.0) -> dg.Definitions:
    """What the project had before."""
    resources = {
        "warehouse": Warehouse(path=str(folder / "warehouse.duckdb"), signal=signal),
        "io_manager": Csv(folder=str(folder)),
    }
    return dg.Definitions([staged_visits, shops, campaign], resources=resources, executor=dg.in_process_executor)
