"""What a query gives: every value as it is, or one error that says what is wrong and no secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from adbc_driver_postgresql import dbapi

from ml_assets.errors import SourceFailed, UsageError
from ml_assets.problem import Sql
from ml_assets.sources import sql
from ml_assets.sources.rows import in_one_order
from ml_assets.sources.sql import table_of, watermark_of
from ml_assets_tests.doubles.postgres import postgres

URL = "WAREHOUSE_URL"
BIG = 2**53 + 1
QUOTING = """select :partition::text as month, '12 :end'::text as at, 1 as "x:y" -- of :all"""
MAY = {"partition": "2024-05", "start": datetime(2024, 5, 1, tzinfo=UTC), "end": datetime(2024, 6, 1, tzinfo=UTC)}
BILLS = Sql("select * from bills where billed_at >= :start and billed_at < :end", connection=URL)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with postgres() as running:
        url = f"postgresql://dagster:{running.password}@127.0.0.1:{running.port}/postgres"
        with closing(dbapi.connect(url, autocommit=True)) as connection, closing(connection.cursor()) as cursor:
            cursor.execute(
                "create table bills (id bigint, shop text, amount numeric(10, 2), billed_at timestamptz, day date, paid bool, "
                "weight real, about jsonb, tags int[])"
            )
            cursor.execute(
                f"insert into bills values ({BIG}, 'NA', 1.25, '2024-05-31 23:59:59.999999+00', '2024-05-31', true, 1.5, "
                "'{\"a\": 1}', '{1}'), (null, '', null, '2024-05-01 02:00+02', null, null, null, null, null), "
                "(3, '007', 3, '2024-06-01', null, null, null, null, null)"
            )
        yield url


@pytest.fixture
def warehouse(server, monkeypatch) -> str:
    monkeypatch.setenv(URL, server)
    return server


@pytest.fixture
def sqlite(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(URL, f"sqlite:///{tmp_path}/bills.db")
    with closing(sqlite3.connect(tmp_path / "bills.db")) as database, database:
        database.execute("create table bills (id integer, billed_at text, amount real)")
        rows = [(BIG, "2024-05-01 00:00:00", 1.5), (None, "2024-05-31 23:59:59", None), (3, "2024-06-01 00:00:00", 2.0)]
        database.executemany("insert into bills values (?, ?, ?)", rows)


def opened(folder: Path) -> Any:
    import duckdb  # not where tests are collected: it complains of what is frozen there when it ends

    return duckdb.connect(str(folder / "bills.duckdb"))


@pytest.fixture
def duck(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv(URL, f"duckdb:///{tmp_path}/bills.duckdb")
    with opened(tmp_path) as database:
        database.execute("create table bills (id bigint, billed_at timestamptz, amount decimal(10, 2))")
        database.execute(
            f"insert into bills values ({BIG}, '2024-05-31 23:00+00', 1.25), (null, '2024-06-01 00:00+00', null)"
        )


def refusal(source: Sql, **values) -> str:
    with pytest.raises(SourceFailed) as refused:
        table_of("bills", source, MAY | values, {})
    assert refused.value.__context__ is None, (
        "what the driver said, which may have the URL in it, is not logged with it"
    )
    return str(refused.value)


# ---------------------------------------------------------------- values


def test_postgresql_gives_each_value_as_it_is(warehouse):
    table = table_of("bills", BILLS, MAY, {})
    first = table.to_pylist()[0]
    assert first["id"] == BIG
    assert (first["shop"], first["amount"], first["paid"]) == ("NA", Decimal("1.25"), True)
    assert first["billed_at"] == datetime(2024, 5, 31, 23, 59, 59, 999999, tzinfo=UTC)
    assert (first["day"], first["weight"], first["about"], first["tags"]) == (date(2024, 5, 31), 1.5, '{"a": 1}', [1])
    assert table["shop"].to_pylist() == ["NA", ""]
    assert table.schema.field("id").type == pa.int64(), "also where one is missing"


def test_sqlite_gives_each_value_as_it_is(sqlite):
    table = table_of("bills", BILLS, MAY, {})
    assert table.to_pylist() == [
        {"id": BIG, "billed_at": "2024-05-01 00:00:00", "amount": 1.5},
        {"id": None, "billed_at": "2024-05-31 23:59:59", "amount": None},
    ]


def test_duckdb_gives_each_value_as_it_is(duck):
    (row,) = table_of("bills", BILLS, MAY, {}).to_pylist()
    assert (row["id"], row["amount"]) == (BIG, Decimal("1.25"))


def test_sums_of_duckdb_repeat_to_the_last_bit(duck, tmp_path, monkeypatch):
    with opened(tmp_path) as database:
        database.execute("create table many as select random() as x from range(2000000)")
    sums = {
        table_of("s", Sql("select sum(x) as s from many", connection=URL), MAY, {})["s"][0].as_py() for _ in range(5)
    }
    assert len(sums) == 1


def test_the_key_of_a_partition_stands_in_a_query_too(warehouse):
    table = table_of("bills", replace(BILLS, query=QUOTING), MAY, {})
    assert table.to_pylist() == [{"month": "2024-05", "at": "12 :end", "x:y": 1}]


def test_other_databases_are_read_by_the_driver_that_sqlalchemy_finds(warehouse, monkeypatch):
    monkeypatch.setattr(sql, "BY_DRIVER", {})
    monkeypatch.setenv(URL, warehouse.replace("postgresql:", "postgresql+psycopg2:"))
    assert table_of("bills", replace(BILLS, query=QUOTING), MAY, {}).to_pylist() == [
        {"month": "2024-05", "at": "12 :end", "x:y": 1}
    ]
    (first, second) = table_of("bills", BILLS, MAY, {}).to_pylist()
    assert (first["id"], first["amount"], second["id"]) == (BIG, Decimal("1.25"), None)


@pytest.mark.parametrize("database", ["warehouse", "sqlite", "duck"])
def test_a_watermark_tells_that_rows_have_changed(database, request):
    request.getfixturevalue(database)
    watched = replace(BILLS, watermark="select count(*) as n, max(billed_at) as last from bills where billed_at < :end")
    said = watermark_of("bills", watched, MAY)
    assert said.startswith("n ")
    assert said != watermark_of("bills", watched, MAY | {"end": datetime(2030, 1, 1, tzinfo=UTC)})
    assert watermark_of("bills", BILLS, MAY) is None


def test_rows_have_one_order_however_they_came():
    table = pa.table({"x": [2.0, 1.0, None, 1.0], "id": ["b", "a", "c", "a"], "n": [1, 3, 2, 1]})
    ordered = in_one_order(table, "id")
    assert ordered["id"].to_pylist() == ["a", "a", "b", "c"]
    assert ordered["n"].to_pylist() == [1, 3, 1, 2]
    assert in_one_order(table.take([3, 0, 2, 1]), "id") == ordered
    assert in_one_order(table.slice(0, 0), "id").num_rows == 0


# ---------------------------------------------------------------- refusals


@pytest.mark.parametrize("database", ["warehouse", "sqlite", "duck"])
def test_a_column_that_is_gone_is_an_error_with_the_query(database, request):
    request.getfixturevalue(database)
    said = refusal(replace(BILLS, query="select discount from bills"))
    assert "discount" in said
    assert "select discount from bills" in said
    assert "Nothing was kept of it; what was made before stays" in said


@pytest.mark.parametrize("database", ["warehouse", "sqlite", "duck"])
def test_nothing_can_be_written(database, request):
    request.getfixturevalue(database)
    assert "read" in refusal(replace(BILLS, query="delete from bills returning id"))
    assert table_of("bills", replace(BILLS, query="select id from bills"), MAY, {}).num_rows > 0


@pytest.mark.parametrize(
    ("database", "endless"),
    [
        ("warehouse", "select pg_sleep(600)"),
        ("sqlite", "with recursive t(n) as (select 1 union all select n + 1 from t) select count(*) from t"),
        ("duck", "select count(*) from range(1000000000) a, range(1000000) b where a.range + b.range > 7"),
    ],
)
def test_a_query_that_never_ends_is_cancelled(database, endless, request):
    request.getfixturevalue(database)
    said = refusal(replace(BILLS, query=endless, timeout_seconds=0.2))
    assert "took longer than 0.2 seconds and was cancelled" in said


def test_a_connection_that_is_lost_while_rows_are_read_is_one_error(warehouse):
    said = refusal(replace(BILLS, query="select pg_terminate_backend(pg_backend_pid())"))
    assert "terminat" in said


def test_a_server_that_is_not_there_is_said_without_the_password(warehouse, monkeypatch):
    monkeypatch.setenv(URL, warehouse.replace("secret@", "hush-hush@"))
    said = refusal(BILLS)
    assert "password authentication failed" in said
    assert "hush-hush" not in said
    monkeypatch.setenv(URL, "postgresql://ada:hush-hush@127.0.0.1:none/bills")
    assert "hush-hush" not in refusal(BILLS)


def test_values_of_several_types_in_one_column_are_refused(sqlite):
    said = refusal(replace(BILLS, query="select case when id = 3 then 'x' else amount end as y from bills"))
    assert "column 'y' has values of several types, float and str: cast it in the query" in said


def test_a_type_that_no_column_holds_is_refused_by_name(warehouse):
    said = refusal(replace(BILLS, query="select '[1,5)'::int4range as span"))
    assert "its column 'span' is of the type" in said
    assert "cast(span as text)" in said


def test_two_columns_of_one_name_are_refused(warehouse):
    assert "two columns of one name" in refusal(replace(BILLS, query="select id, shop as id from bills"))


def test_a_name_that_stands_for_nothing_is_refused(sqlite):
    assert "names :begin, which stands for nothing; there are :partition, :start, :end" in refusal(
        replace(BILLS, query="select * from bills where billed_at > :begin")
    )


def test_a_variable_that_is_not_set_is_named(monkeypatch):
    monkeypatch.delenv(URL, raising=False)
    with pytest.raises(UsageError, match="The variable WAREHOUSE_URL is not set here"):
        table_of("bills", BILLS, MAY, {})
