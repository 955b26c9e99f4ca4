"""The umbrellas' visits in a database, as shops' tills write them: the same problem, of an SQL query."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd

from ml_assets.problem import Partition, Problem, Source, Sql
from ml_assets_tests.doubles import umbrellas

CONNECTION = "TILLS_URL"
IN_MONTH = "from visits where at >= :start and at < :end"
QUERY = Sql(f"select visit, at, clouds, shop, bought {IN_MONTH}", connection=CONNECTION)
WATCHED = replace(QUERY, watermark=f"select count(*) as visits, max(changed) as changed {IN_MONTH}")


def load(partition: Partition, source: Source) -> pd.DataFrame:
    data = source.table("visits")
    return data.assign(at=pd.to_datetime(data["at"], utc=True).astype("datetime64[us, UTC]"))


PROBLEM = replace(
    umbrellas.PROBLEM, name="tills", dataset=load, files=(), sources={"visits": WATCHED}, fresh_within_days=None
)


def reading(source: Sql) -> Problem:
    return replace(PROBLEM, sources={"visits": source})


class Tills:
    """A SQLite database with a table of visits."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "tills.db"
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(
                "create table visits (visit text, at text, clouds real, shop text, bought real, changed integer)"
            )

    @property
    def url(self) -> str:
        return f"sqlite:///{self.path}"

    def put(self, month: str, changed: int = 1, backwards: bool = False, rows: int = 400) -> None:
        """The month's visits, instead of those that are there."""
        visits = umbrellas.visits(month, rows).assign(changed=changed)
        visits["at"] = visits["at"].dt.strftime("%Y-%m-%d %H:%M:%S")
        found = [tuple(row) for row in visits.itertuples(index=False)]
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute("delete from visits where at like ?", (f"{month}%",))
            database.executemany("insert into visits values (?, ?, ?, ?, ?, ?)", found[::-1] if backwards else found)

    def run(self, statement: str) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(statement)
