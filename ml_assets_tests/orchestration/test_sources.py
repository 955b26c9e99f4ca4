"""Declared files in every format give the same rows, and say what is wrong with them."""

from __future__ import annotations

import bz2
import gzip
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.errors import InvalidProblem, NotLanded, UnreadableFile
from ml_assets.orchestration.sources import ProblemSource
from ml_assets.problem import Files, files_of
from ml_assets.store import LandingFolder, open_landing, open_store, watch
from ml_assets.store.landing.watch.place import Place
from ml_assets_tests.doubles import umbrellas

MAY = "2024-05"
NOW = datetime.now(UTC)
LATER = NOW + timedelta(hours=1)
TYPES = {"id": "Int64", "shop": "str", "at": "datetime64[us, UTC]", "amount": "float64"}
ROWS = pd.DataFrame(
    {
        "id": pd.array([2**53 + 1, None, 7], dtype="Int64"),
        "shop": pd.Series(["007", "NA", "ü"], dtype="str"),
        "at": pd.to_datetime(["2024-05-01 10:00", "2024-05-02 11:30", "2024-05-03 00:00"], utc=True).as_unit("us"),
        "amount": [1.5, 2.25, -3.0],
    }
)
TEXT = "id,shop,at,amount\n9007199254740993,007,2024-05-01T10:00Z,1.5\n,NA,2024-05-02T11:30Z,2.25\n7,ü,2024-05-03T00:00Z,-3.0\n"
OBJECTS = (
    '{"id": 9007199254740993, "shop": "007", "at": "2024-05-01T10:00:00Z", "amount": 1.5}\n'
    '{"shop": "NA", "at": "2024-05-02T11:30:00Z", "amount": 2.25}\n'
    '{"id": 7, "shop": "ü", "at": "2024-05-03T00:00:00Z", "amount": -3}\n'
)


def parquet() -> bytes:
    buffer = io.BytesIO()
    ROWS.to_parquet(buffer)
    return buffer.getvalue()


def ipc(opened) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pandas(ROWS, preserve_index=False)
    with opened(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


FORMATS = {
    "bills.parquet": parquet(),
    "bills.csv": TEXT.encode(),
    "latin.csv": TEXT.encode("latin-1"),
    "german.csv": TEXT.replace(",", ";").replace("1.5", "1,5").replace("2.25", "2,25").replace("-3.0", "-3").encode(),
    "bills.tsv": TEXT.replace(",", "\t").encode(),
    "bills.csv.gz": gzip.compress(TEXT.encode()),
    "bills.csv.bz2": bz2.compress(TEXT.encode()),
    "bills.csv.zst": pa.Codec("zstd").compress(TEXT.encode()).to_pybytes(),
    "bills.jsonl": OBJECTS.encode(),
    "bills.ndjson.gz": gzip.compress(OBJECTS.encode()),
    "bills.arrow": ipc(pa.ipc.new_file),
    "stream.arrow": ipc(pa.ipc.new_stream),
}
ASKED = {"latin.csv": {"encoding": "latin-1"}, "german.csv": {"separator": ";", "decimal": ","}}


@pytest.fixture
def landing(tmp_path) -> LandingFolder:
    return open_landing(str(tmp_path / "landing"))


def source(landing: LandingFolder, file: Files) -> ProblemSource:
    problem = replace(umbrellas.PROBLEM, sources={"bills": file}, files=())
    return ProblemSource(landing, "umbrellas", TYPES, problem=problem, partition=MAY)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_gives_the_same_rows(landing, name):
    landing.write(f"umbrellas/{MAY}-{name}", FORMATS[name])
    reading = source(landing, Files(f"{{partition}}-{name}", **ASKED.get(name, {})))
    pd.testing.assert_frame_equal(reading.table("bills"), ROWS)
    assert [file.name for file in reading.read] == [f"umbrellas/{MAY}-{name}"]
    assert files_of(reading.problem, MAY) == [f"umbrellas/{MAY}-{name}"]


@pytest.mark.parametrize("name", ["bills.csv", "bills.jsonl", "bills.arrow"])
def test_a_folder_of_part_files_is_one_table(landing, name):
    for part in ("part-0", "part-1"):
        landing.write(f"umbrellas/{MAY}-{name}/{part}", FORMATS[name])
    table = source(landing, Files(f"{{partition}}-{name}")).table("bills")
    pd.testing.assert_frame_equal(table, pd.concat([ROWS, ROWS], ignore_index=True))


def test_a_folder_of_a_partitioned_dataset_is_seen_when_it_lands_and_is_one_table(landing, tmp_path):
    files = Files("bills/month={partition}", format="parquet")
    reading = source(landing, files)
    look = partial(watch.look, landing, "umbrellas", reading.problem.landing_files, naming=reading.problem.partitions)
    look = partial(look, store=open_store(str(tmp_path / "store")))
    assert look(watch.Watch(), now=NOW).partitions == ()
    for part in ("part-0000.parquet", "part-0001.parquet", "_SUCCESS"):
        landing.write(f"umbrellas/bills/month={MAY}/{part}", FORMATS["bills.parquet"] if "part" in part else b"")
    found = look(watch.Watch(), now=LATER)
    assert list(found.partitions) == [MAY]
    assert found.ignored == 0
    pd.testing.assert_frame_equal(reading.table("bills"), pd.concat([ROWS, ROWS], ignore_index=True))


GLOBS = {
    "in a folder of the partition": ("bills/{partition}/*.csv", ["bills/{}/a.csv", "bills/{}/b.csv"]),
    "two folders deep": ("bills/{partition}/*/*.csv", ["bills/{}/east/a.csv", "bills/{}/west/a.csv"]),
}


@pytest.mark.parametrize(("pattern", "names"), GLOBS.values(), ids=GLOBS)
def test_files_of_a_name_with_stars_are_one_table_that_is_seen_when_one_of_them_lands(
    landing, tmp_path, pattern, names
):
    reading = source(landing, Files(pattern))
    look = partial(watch.look, landing, "umbrellas", reading.problem.landing_files, naming=reading.problem.partitions)
    look = partial(look, store=open_store(str(tmp_path / "store")))
    first, second = (f"umbrellas/{name.format(MAY)}" for name in names)
    whole = files_of(reading.problem, MAY)[0]
    landing.write(first, FORMATS["bills.csv"])
    for other in (first.replace(".csv", ".txt"), first.replace("/a", "/_a"), first.replace("/a", "/a/b/c")):
        landing.write(other, b"no part")
    found = look(watch.Watch(), now=LATER)
    assert list(found.partitions) == [MAY]
    pd.testing.assert_frame_equal(reading.table("bills"), ROWS)
    (read,) = reading.read
    assert (read.name, read.digest) == (whole, landing.digest(whole))

    landing.write(second, FORMATS["bills.csv"])
    assert list(look(found.watch, now=LATER + timedelta(hours=1)).partitions) == [MAY]
    assert landing.digest(whole) != read.digest
    pd.testing.assert_frame_equal(reading.table("bills"), pd.concat([ROWS, ROWS], ignore_index=True))


def test_a_queue_that_tells_of_a_part_tells_of_the_whole(landing):
    files = watch.Files.of(["bills/{partition}/*.csv", "shops/*.csv"])
    place = Place(landing, "umbrellas", files)
    assert place.whole(f"bills/{MAY}/a.csv") == f"bills/{MAY}/*.csv"
    assert place.whole("shops/a.csv") == "shops/*.csv"
    assert place.whole(f"bills/{MAY}/deep/a.csv") == ""
    assert files.partitions(f"bills/{MAY}/*.csv") == {MAY}


@pytest.mark.parametrize(
    "pattern",
    ["*/{partition}.csv", "bills/{partition}-*.csv", "bills/*/{partition}.csv", "bills/{partition}/{partition}*.csv"],
)
def test_a_star_comes_after_the_partition(landing, pattern):
    with pytest.raises(InvalidProblem, match=r"in the last one before those with '\*'"):
        source(landing, Files(pattern))


def test_no_file_of_the_form_has_not_landed(landing):
    landing.write(f"umbrellas/bills/{MAY}/notes.txt", b"")
    with pytest.raises(NotLanded, match=rf"bills/{MAY}/\*\.csv has not landed"):
        source(landing, Files("bills/{partition}/*.csv")).table("bills")


@pytest.mark.parametrize(
    ("file", "names"),
    [
        (Files("pictures/{partition}/*/*.png"), ["pictures/{}/cat/1.png", "pictures/{}/dog/1.png"]),
        (Files("pictures/{partition}/*/*", format="images"), ["pictures/{}/cat/1.jpg", "pictures/{}/dog/1.png"]),
    ],
)
def test_pictures_in_folders_are_rows_with_the_folder_as_label_and_their_bytes(landing, file, names):
    names = [name.format(MAY) for name in names]
    for name in names:
        landing.write(f"umbrellas/{name}", name.encode())
    reading = source(landing, file)
    table = reading.table("bills")
    assert table.columns.tolist() == ["file", "label", "image"]
    assert table["file"].tolist() == names
    assert table["label"].tolist() == ["cat", "dog"]
    assert table["image"].tolist() == [name.encode() for name in names]
    assert [read.name for read in reading.read] == files_of(reading.problem, MAY)


def test_types_that_the_schema_does_not_say_are_those_of_the_source(landing):
    landing.write("umbrellas/shops.csv", b"shop,zip\n1,01234\n")
    table = source(landing, Files("shops.csv", types={"shop": "int64"})).table("bills")
    assert table["shop"].tolist() == [1]
    assert table["zip"].tolist() == ["01234"]


def test_times_in_objects_are_text_until_somebody_declares_them(landing):
    landing.write("umbrellas/x.jsonl", b'{"seen": "2024-05-01T10:00:00Z", "n": 9007199254740993}\n{"n": 1}\n')
    table = source(landing, Files("x.jsonl")).table("bills")
    assert table["seen"].tolist()[0] == "2024-05-01T10:00:00Z"
    assert table["n"].tolist() == [2**53 + 1, 1]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv.gz", TEXT.encode(), "not compressed as its name says"),
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0)[:-20], "not compressed as its name says"),
        (
            "a.csv.gz",
            gzip.compress(b"id\n" + b"1\n" * 50_000_000, 9, mtime=0),
            "when it is decompressed, which cannot be",
        ),
        ("a.jsonl", b'{"id": 1}\nnot json\n', "JSON"),
        ("a.jsonl", b'{"id": "one"}\n', "id"),
        ("a.jsonl", b'{"amount": 1}\n{"amount": "x"}\n', "amount"),
        ("a.arrow", b"ARROW1 and then nothing", "not a whole Arrow file"),
        ("a.arrow", ipc(pa.ipc.new_file)[:-40], "not a whole Arrow file"),
        ("a.arrow", b"", "not a whole Arrow file"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_one_clear_error(landing, name, data, said):
    landing.write(f"umbrellas/{name}", data)
    with pytest.raises(UnreadableFile, match=said) as refused:
        source(landing, Files(name)).table("bills")
    assert f"umbrellas/{name} ({len(data)} bytes)" in str(refused.value)


def test_parts_with_different_columns_are_refused_by_name(landing):
    landing.write("umbrellas/a.csv/part-0", b"id,shop\n1,a\n")
    landing.write("umbrellas/a.csv/part-1", b"id,shops\n1,a\n")
    with pytest.raises(UnreadableFile, match=r"different columns: 'shop', 'shops'"):
        source(landing, Files("a.csv")).table("bills")


def test_what_has_not_landed_and_what_is_not_declared_is_said(landing):
    with pytest.raises(NotLanded, match=r"umbrellas/a\.csv has not landed"):
        source(landing, Files("a.csv")).table("bills")
    with pytest.raises(InvalidProblem, match=r"no source 'orders'; it has bills\. Declare it: sources=\{'orders'"):
        source(landing, Files("a.csv")).table("orders")
