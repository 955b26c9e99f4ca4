"""What docs/BAD_INPUT.md says of each kind of bad input is so: it is stopped, named, and nothing before it is touched."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml_assets.errors import InvalidKey, InvalidProblem, NotLanded
from ml_assets.feature_group import FeatureGroup
from ml_assets.problem import Dynamic, Hourly, Static, Weekly
from ml_assets.problems import flights, weather
from ml_assets.store import LandingFolder, open_landing
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.problems.flights.landing import few_days

PAGE = (Path(__file__).parents[1] / "docs" / "BAD_INPUT.md").read_text()
GOOD, BAD = "2024-01", "2024-02"
PREPARED = ("dataset", "features", "split")
FILE = f"umbrellas/visits/{BAD}.parquet"


@dataclass(frozen=True)
class Case:
    """Bad input, what stops it (a check or an error), and words that must be in what is said."""

    bytes: Callable[[pd.DataFrame], bytes]
    stopped_by: str
    words: tuple[str, ...]
    at: str = "dataset"


def parquet(change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[pd.DataFrame], bytes]:
    def write(rows: pd.DataFrame) -> bytes:
        buffer = io.BytesIO()
        change(rows).to_parquet(buffer)
        return buffer.getvalue()

    return write


whole = parquet(lambda rows: rows)


def with_two_columns_of_one_name(rows: pd.DataFrame) -> bytes:
    table, buffer = pa.Table.from_pandas(rows, preserve_index=False), io.BytesIO()
    pq.write_table(table.append_column("clouds", table["clouds"]), buffer)
    return buffer.getvalue()


def swelling(rows: pd.DataFrame) -> bytes:
    """30 million rows in some 10 KB."""
    buffer = io.BytesIO()
    table = pa.table({"clouds": pa.DictionaryArray.from_arrays(pa.array(np.zeros(5_000_000, "int8")), [1.5])})
    with pq.ParquetWriter(buffer, table.schema, compression="zstd") as writer:
        for _ in range(6):
            writer.write_table(table, row_group_size=len(table))
    return buffer.getvalue()


def with_a_footer_of_noise(rows: pd.DataFrame) -> bytes:
    data = whole(rows)
    return data[:-400] + bytes(range(256)) + data[-144:]


UNREADABLE = ("UnreadableFile", (FILE, "is not a whole Parquet file", "Land it again"))
SCHEMA = ("Land a mended file, or mend the problem's schema or dataset function", f"Landed: {FILE}")
BAD_FILES = {
    "truncated Parquet": Case(lambda rows: whole(rows)[:-100], *UNREADABLE),
    "cut in the middle": Case(lambda rows: whole(rows)[: len(whole(rows)) // 2], *UNREADABLE),
    "empty file": Case(lambda rows: b"", *UNREADABLE),
    "CSV named .parquet": Case(lambda rows: rows.to_csv().encode(), *UNREADABLE),
    "footer that lies": Case(with_a_footer_of_noise, *UNREADABLE),
    "small file that swells": Case(
        swelling, "UnreadableFile", (FILE, "it says that it holds 30,000,000 rows", "Land it again")
    ),
    "missing column": Case(
        parquet(lambda rows: rows.drop(columns="clouds")), "schema", ("column 'clouds' is missing", *SCHEMA)
    ),
    "extra column": Case(
        parquet(lambda rows: rows.assign(colour="red")), "schema", ("column 'colour' is not in the schema", *SCHEMA)
    ),
    "two columns of one name": Case(
        with_two_columns_of_one_name,
        "UnreadableFile",
        (FILE, "it has several columns that are called 'clouds'", "Land it again"),
    ),
    "nested column": Case(
        parquet(lambda rows: rows.assign(clouds=[[1.0, 2.0]] * len(rows))), "schema", ("column 'clouds'", *SCHEMA)
    ),
    "wrong type": Case(
        parquet(lambda rows: rows.assign(clouds="many")), "schema", ("column 'clouds' breaks dtype('float64')", *SCHEMA)
    ),
    "all-null column": Case(
        parquet(lambda rows: rows.assign(clouds=np.nan)),
        "schema",
        ("column 'clouds' breaks not_nullable in 400 rows", *SCHEMA),
    ),
    "one class only": Case(
        parquet(lambda rows: rows.assign(bought=1.0)), "classes", ("test has no row with label 0",), at="split"
    ),
    "duplicate ids": Case(
        parquet(lambda rows: rows.assign(visit=["v1", "v1", *rows["visit"][2:]])),
        "unique",
        ("2 rows share their 'visit' with another, such as v1", "Remove the duplicates", f"Landed: {FILE}"),
    ),
    "three rows": Case(
        parquet(lambda rows: rows.head(3)),
        "volume",
        ("3 rows landed, at least 50 are expected. Land the whole file", f"Landed: {FILE}"),
    ),
    "no rows": Case(parquet(lambda rows: rows.head(0)), "volume", ("0 rows landed", f"Landed: {FILE}")),
    "100 times the rows": Case(
        parquet(lambda rows: pd.concat([rows] * 100, ignore_index=True)),
        "volume",
        ("40,000 rows landed, more than 20 times the usual 400 (of 1 before)", f"Landed: {FILE}"),
    ),
    "rows that landed before": Case(
        parquet(lambda rows: pd.concat([umbrellas.visits(GOOD).head(7), rows], ignore_index=True)),
        "once",
        ("7 rows landed again with a later partition, such as 2024-01-00000 at ", f"in {GOOD} and {BAD}: each"),
        at="split",
    ),
    "times without a zone": Case(
        parquet(lambda rows: rows.assign(at=rows["at"].dt.tz_localize(None))),
        "schema",
        ("column 'at' breaks dtype('datetime64[us, UTC]')", *SCHEMA),
    ),
    "times in another zone": Case(
        parquet(lambda rows: rows.assign(at=rows["at"].dt.tz_convert("America/New_York"))),
        "schema",
        ("column 'at' breaks dtype('datetime64[us, UTC]')", *SCHEMA),
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One good month, made through to a champion. Each test leaves its bad month mended."""
    world = build(tmp_path_factory.mktemp("world"))
    world.must_run(umbrellas.PROBLEM, GOOD, (*PREPARED, "model", "evaluation", "champion"))
    return world


def everything_published(world: World) -> dict[str, bytes | None]:
    """All refs and all versions that they name: what everyone reads."""
    keys = [*world.store.backend.list("refs"), *world.store.backend.list(f"versions/umbrellas/dataset/{GOOD}")]
    return {key: world.store.backend.get(key) for key in keys}


def land(world: World, name: str, data: bytes) -> None:
    file = Path(world.landing.backend.url) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(data)


def stopped_by(result: dg.ExecuteInProcessResult, case: Case, problem: str = "umbrellas", month: str = BAD) -> str:
    """What was said by the check or the error that stopped the run, which must be the one of the case."""
    (failed,) = result.get_step_failure_events()
    assert failed.step_key == f"{problem}__{case.at}"
    errors = [error := failed.step_failure_data.error]
    while error.cause is not None:
        errors.append(error := error.cause)
    if not case.stopped_by[0].islower():
        said = {error.cls_name: error.message for error in errors}
        assert case.stopped_by in said, said
        return said[case.stopped_by]
    checks = result.get_asset_check_evaluations()
    red = [check.check_name for check in checks if not check.passed and check.severity == dg.AssetCheckSeverity.ERROR]
    assert red == [case.stopped_by], errors
    said = errors[0].message
    assert f"{problem}/{case.at} [{month}] was refused by 1 blocking check(s). {case.stopped_by}: " in said
    return said


@pytest.mark.parametrize("case", BAD_FILES.values(), ids=BAD_FILES)
def test_a_bad_file_is_stopped_and_named_and_what_was_there_stays_and_the_next_good_file_works(world, case):
    rows = umbrellas.visits(BAD)
    land(world, FILE, case.bytes(rows))
    before = everything_published(world)

    result = world.run(umbrellas.PROBLEM, BAD)

    said = stopped_by(result, case)
    assert [word for word in case.words if word not in said] == [], said
    if case.at == "dataset":
        assert everything_published(world) == before
        assert {event.step_key for event in result.all_events if event.is_step_start} == {"umbrellas__dataset"}
    assert world.store.head("umbrellas/ledger", None).target.partition == GOOD
    world.landing.write(FILE, rows)
    world.must_run(umbrellas.PROBLEM, BAD, PREPARED)


SCORED_ONLY = {"no label at all": parquet(lambda rows: rows.assign(bought=np.nan))}


@pytest.mark.parametrize("write", SCORED_ONLY.values(), ids=SCORED_ONLY)
def test_rows_without_any_label_warn_and_train_and_judge_nothing(world, write):
    land(world, FILE, write(umbrellas.visits(BAD)))
    before = {
        noun: world.store.log(f"umbrellas/{noun}", BAD)
        for noun in ("split", "model", "evaluation", "champion", "report")
    }

    result = world.must_run(umbrellas.PROBLEM, BAD)

    (labelled,) = [found for found in result.get_asset_check_evaluations() if found.check_name == "labelled"]
    assert (labelled.passed, labelled.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "None of 400 rows has a label" in labelled.description
    assert f"Landed: {FILE}" in labelled.description
    assert {noun: world.store.log(f"umbrellas/{noun}", BAD) for noun in before} == before
    assert world.store.head("umbrellas/ledger", None).target.partition == GOOD
    world.landing.write(FILE, umbrellas.visits(BAD))
    world.must_run(umbrellas.PROBLEM, BAD)


LEFT_OUT = {
    "rows of another month": lambda rows: rows.assign(
        at=rows["at"].where(rows.index > 3, rows["at"] - pd.Timedelta(days=40))
    )
}


@pytest.mark.parametrize("change", LEFT_OUT.values(), ids=LEFT_OUT)
def test_rows_of_another_time_are_named_and_scored_and_train_and_judge_nothing(world, change):
    land(world, FILE, parquet(change)(umbrellas.visits(BAD)))

    result = world.must_run(umbrellas.PROBLEM, BAD)

    (dated,) = [found for found in result.get_asset_check_evaluations() if found.check_name == "dated"]
    assert (dated.passed, dated.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert "Of 400 rows 4 are dated outside of 2024-02 (2024-02-01 00:00 to 2024-03-01 00:00 UTC)" in dated.description
    assert f"Landed: {FILE}" in dated.description
    assert world.manifest("umbrellas/split", BAD).metrics["rows"]["outside"] == 4
    assert len(world.load("umbrellas/predictions", BAD)) == 400
    world.landing.write(FILE, umbrellas.visits(BAD))
    world.must_run(umbrellas.PROBLEM, BAD)


# ---------------------------------------------------------------- what the problem's own loader has to see

MONTH = "2013-01"
FLIGHTS, WEATHER = f"flights/{MONTH}.parquet", f"weather/{MONTH}.parquet"


def local(frame: pd.DataFrame) -> pd.Series:
    return pd.to_datetime(frame["time_hour"]).dt.tz_convert("America/New_York")


def naive(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time_hour=local(frame).dt.tz_localize(None))


def an_hour_late(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(time_hour=pd.to_datetime(frame["time_hour"]) + pd.Timedelta(hours=1))


CLOCK = ("scheduled_departure reads as sched_dep_time in New York", f"Landed: {FLIGHTS}")
OTHER_CLOCK = (f"{MONTH}.parquet: column time_hour is on another clock than day and hour", "Write time_hour in UTC")
BAD_FLIGHTS = {
    "flights: New York's time without a zone": (FLIGHTS, naive, "schema", CLOCK),
    "flights: an hour late": (FLIGHTS, an_hour_late, "schema", CLOCK),
    "weather: New York's time without a zone": (WEATHER, naive, "UnreadableFile", OTHER_CLOCK),
    "weather: an hour late": (WEATHER, an_hour_late, "UnreadableFile", OTHER_CLOCK),
    "flights: missing column": (
        FLIGHTS,
        lambda f: f.drop(columns="arr_delay"),
        "UnreadableFile",
        (f"{MONTH}.parquet lacks the columns arr_delay", "Land the file as it was published"),
    ),
    "flights: wrong type": (
        FLIGHTS,
        lambda f: f.assign(dep_delay="two minutes"),
        "UnreadableFile",
        (f"{MONTH}.parquet: column dep_delay does not hold float64", "Land the file as it was published"),
    ),
    "flights: all-null column": (
        FLIGHTS,
        lambda f: f.assign(carrier=pd.Series(None, index=f.index, dtype="str")),
        "schema",
        ("column 'carrier'", f"Landed: {FLIGHTS}"),
    ),
    "flights: duplicate ids": (
        FLIGHTS,
        lambda f: pd.concat([f, f.head(2)], ignore_index=True),
        "schema",
        ("column 'flight_id' breaks field_uniqueness", f"Landed: {FLIGHTS}"),
    ),
    "flights: another month": (
        FLIGHTS,
        lambda f: f.assign(month=2),
        "UnreadableFile",
        (f"{MONTH}.parquet holds", "flights of 2013-02", "Land one file per month"),
    ),
}
FINE_FLIGHTS = {
    "flights: New York's time with its zone": (FLIGHTS, lambda f: f.assign(time_hour=local(f))),
    "weather: New York's time with its zone": (WEATHER, lambda f: f.assign(time_hour=local(f))),
    "flights: extra column": (FLIGHTS, lambda f: f.assign(gate="A1")),
}


@pytest.fixture(scope="module")
def airport(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The dataset of three real days in January. Each test leaves the files mended."""
    world = build(tmp_path_factory.mktemp("airport"), [weather.GROUP, flights.GROUP])
    for name, frame in few_days(MONTH, 28, 30).files.items():
        world.landing.write(name, frame)
    for group in (weather.GROUP, flights.GROUP):
        world.must_run(group, MONTH)
    return world


def group_of(name: str) -> FeatureGroup:
    return flights.GROUP if name.startswith("flights/") else weather.GROUP


@pytest.mark.parametrize(("name", "change", "stop", "words"), BAD_FLIGHTS.values(), ids=BAD_FLIGHTS)
def test_a_bad_file_of_flights_is_stopped_and_the_next_good_one_works(airport, name, change, stop, words):
    frame, group = few_days(MONTH, 28, 30).files[name], group_of(name)
    before = everything_published(airport)
    airport.landing.write(name, change(frame))

    result = airport.run(group, MONTH, ["dataset"])

    airport.landing.write(name, frame)
    said = stopped_by(result, Case(whole, stop, words), group.name, MONTH)
    assert [word for word in words if word not in said] == [], said
    assert everything_published(airport) == before
    airport.must_run(group, MONTH)


@pytest.mark.parametrize(("name", "change"), FINE_FLIGHTS.values(), ids=FINE_FLIGHTS)
def test_what_says_the_same_in_other_words_makes_the_same_dataset(airport, name, change):
    frame, group = few_days(MONTH, 28, 30).files[name], group_of(name)
    before = airport.manifest(f"{group.name}/dataset", MONTH).content.digest
    airport.landing.write(name, change(frame))
    airport.must_run(group, MONTH)
    airport.landing.write(name, frame)

    assert airport.manifest(f"{group.name}/dataset", MONTH).content.digest == before


# ---------------------------------------------------------------- names

OUTSIDE = (InvalidKey, "is no path inside the landing folder. Write it like flights/2013-06.parquet")
BAD_FILE_NAMES = {
    "../ in a file's name": ("../secret.parquet", *OUTSIDE),
    "a file's name from the root": ("/etc/passwd", *OUTSIDE),
    "newline in a file's name": ("2024\n01.parquet", *OUTSIDE),
    "half a character in a file's name": ("2024\ud800.parquet", *OUTSIDE),
    "%2F in a file's name": ("..%2Fsecret.parquet", NotLanded, "has not landed, so nothing can be made from it. Put"),
    "file deleted between listing and reading": ("visits/gone.parquet", NotLanded, "visits/gone.parquet has not landed"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "error", "words"), BAD_FILE_NAMES.values(), ids=BAD_FILE_NAMES)
def test_a_name_never_leads_out_of_the_landing_folder(tmp_path, name, error, words):
    landing = open_landing(str(tmp_path / "landing"))
    landing.write("secret.parquet", umbrellas.visits(GOOD))
    landing.write("umbrellas/visits/gone.parquet", umbrellas.visits(GOOD))
    assert landing.list("umbrellas") == ["umbrellas/visits/gone.parquet"]
    landing.backend.delete("umbrellas/visits/gone.parquet")

    with pytest.raises(error, match=re.escape(words)) as refused:
        landing.source("umbrellas").parquet(name)
    str(refused.value).encode()


@pytest.mark.parametrize("name", ["ünï.parquet", "日本/二月.parquet", "a%2Fb.parquet", "a b.parquet"])
def test_a_name_that_is_only_unusual_is_a_name(tmp_path, name):
    landing: LandingFolder = open_landing(str(tmp_path))
    landing.write(f"umbrellas/{name}", umbrellas.visits(GOOD))

    assert landing.list("umbrellas") == [f"umbrellas/{name}"]
    assert len(landing.source("umbrellas").parquet(name)) == 400


def test_a_file_with_a_newline_in_its_name_hides_no_other(tmp_path):
    landing = open_landing(str(tmp_path))
    landing.write("umbrellas/good.parquet", umbrellas.visits(GOOD))
    (tmp_path / "umbrellas" / "bad\nname.parquet").write_bytes(b"")

    assert "umbrellas/good.parquet" in landing.list("umbrellas")


BAD_KEYS = {
    "../ in a partition key": "../x",
    "newline in a partition key": "a\nb",
    "tab in a partition key": "a\tb",
    "empty partition key": "",
    "a partition key with spaces around it": " a",
    "a range as a partition key": "a...b",
    "half a character in a partition key": "a\ud800",
    "a partition key without end": "x" * 1000,
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS)
def test_a_partition_key_that_cannot_be_one_is_refused_in_each_kind_of_partitions(key):
    with pytest.raises(InvalidProblem, match=r"Give a tuple of at least one key"):
        Static((key, "north"))
    in_time = (umbrellas.PROBLEM.partitions, Weekly("2024-01-01"), Hourly("2024-01-01T00", zone="Europe/Berlin"))
    for partitions in (Dynamic(), *in_time, Static(("north",))):
        with pytest.raises(InvalidProblem):
            partitions.partition(key)


@pytest.mark.parametrize("key", ["../x", "a%2Fb", "2024-01\n", "２０２４-01", "2024-1", "2024-01/"])
@pytest.mark.parametrize("verb", ["land", "run"])
def test_the_command_line_takes_only_partitions_that_there_are(shared, capsys, verb, key):
    from ml_assets.cli import main

    assert main([verb, "umbrellas", "--partition", key]) == 2
    assert f"There is no partition {key!r}. There are 6, from 2024-01 to 2024-06." in capsys.readouterr().err


def test_a_partition_key_of_any_alphabet_stays_below_its_prefix(world):
    for key in ("%2F", "日本", "a/b", "..", "_"):
        path = world.store.publish(
            dataclasses.replace(world.manifest("umbrellas/dataset", GOOD), partition=key), why="x"
        )[0]
        assert world.store.head("umbrellas/dataset", key).target == path
        assert world.store.partitions("umbrellas/dataset")
    folder = f"{world.store.backend.url}/refs/main/umbrellas/dataset"
    assert {path.name for path in Path(folder).iterdir()} >= {GOOD, "=252F", "a=2Fb", "=2E=2E", "=5F"}


# ---------------------------------------------------------------- the page

ROWS = re.findall(r"^\| ([^|]+?) \|(?: [^|]+ \|){3}$", PAGE, re.M)


def test_each_row_of_the_page_is_a_case_that_is_tested_and_each_case_is_a_row():
    said = [row for row in ROWS if row not in ("case", "---")]
    assert sorted(said) == sorted(
        [*BAD_FILES, *SCORED_ONLY, *LEFT_OUT, *BAD_FLIGHTS, *FINE_FLIGHTS, *BAD_FILE_NAMES, *BAD_KEYS]
    )
