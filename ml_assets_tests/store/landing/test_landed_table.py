"""What landed is read with all of its values, stored and read again as it was; what cannot be held is refused by name."""

from __future__ import annotations

import datetime
import decimal
import io
import json
import uuid
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml_assets.errors import NotLanded, UnreadableFile
from ml_assets.store import open_landing, open_store
from ml_assets.store.codecs.table import from_parquet, to_parquet
from ml_assets.store.landing.landed_table import read
from ml_assets.store.landing.watch import Watch, look

TOP = 2**63 - 1
D = decimal.Decimal


def whole(bits: int, *, signed: bool) -> list[int]:
    return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1, 0] if signed else [0, 2**bits - 1]


TYPES: dict[str, tuple[pa.DataType, list[Any]]] = {
    **{f"int{n}": (getattr(pa, f"int{n}")(), whole(n, signed=True)) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (getattr(pa, f"uint{n}")(), whole(n, signed=False)) for n in (8, 16, 32, 64)},
    "ids": (pa.int64(), [2**53 + 1, 2**53, 9_999_999_999_999_999_999 // 10]),
    "bool": (pa.bool_(), [True, False]),
    "float16": (pa.float16(), [65504.0, -0.0]),
    "float32": (pa.float32(), [3.4028234663852886e38, float("inf")]),
    "float64": (pa.float64(), [1.7976931348623157e308, 5e-324, float("-inf")]),
    **{f"timestamp {u}": (pa.timestamp(u), [TOP, -TOP, 0]) for u in ("ms", "us", "ns")},
    "timestamp with zone": (pa.timestamp("us", "America/New_York"), [253402214400 * 10**6, 0]),
    "timestamp with offset": (pa.timestamp("ms", "+05:30"), [0, 10**12]),
    **{f"duration {u}": (pa.duration(u), [TOP, -TOP, 0]) for u in ("s", "ms", "us", "ns")},
    "date32": (pa.date32(), [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    "date64": (pa.date64(), [datetime.date(1, 1, 1), datetime.date(9999, 12, 31)]),
    "time32": (pa.time32("ms"), [datetime.time(23, 59, 59, 999_000)]),
    "time64": (pa.time64("us"), [datetime.time(23, 59, 59, 999_999)]),
    "decimal32": (pa.decimal32(9, 2), [D("9999999.99"), D("-0.01")]),
    "decimal64": (pa.decimal64(18, 0), [D(10**18 - 1)]),
    "decimal128": (pa.decimal128(38, 2), [D("9" * 36 + ".99"), D("1.50")]),
    "decimal256": (pa.decimal256(76, 2), [D("9" * 74 + ".99"), D("1.50")]),
    "string": (pa.string(), ["", "ü\0"]),
    "large string": (pa.large_string(), ["a"]),
    "string view": (pa.string_view(), ["a longer one than fits inline"]),
    "binary": (pa.binary(), [b"\xff\0", b""]),
    "binary view": (pa.binary_view(), [b"\xff"]),
    "fixed binary": (pa.binary(2), [b"\xff\0"]),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), ["b", "a"]),
    "dictionary of ids": (pa.dictionary(pa.int32(), pa.int64()), [2**53 + 1, 5]),
    "null": (pa.null(), []),
    "list of ids": (pa.list_(pa.int64()), [[2**53 + 1, None], [], [TOP]]),
    "list of lists": (pa.list_(pa.list_(pa.int64())), [[[TOP, None]], [None]]),
    "fixed list": (pa.list_(pa.int32(), 2), [[1, None], [2**31 - 1, 3]]),
    "list of truths": (pa.list_(pa.bool_()), [[True, None]]),
    "struct": (pa.struct([("a", pa.int64()), ("b", pa.list_(pa.int64()))]), [{"a": TOP, "b": [2**53 + 1, None]}]),
    "uuid": (pa.uuid(), [uuid.UUID(int=5).bytes]),
    "bool8": (pa.bool8(), [1, 0]),
    "json": (pa.json_(), ['{"a":1}']),
}


def array_of(kind: pa.DataType, values: list[Any]) -> pa.Array:
    if isinstance(kind, pa.BaseExtensionType):
        return pa.ExtensionArray.from_storage(kind, pa.array(values, kind.storage_type))
    return pa.array(values, kind)


def landed(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def as_landed(column: pd.Series, kind: pa.DataType) -> pa.Array:
    """The values of a pandas column in the type that they landed in: an error, or other values, if they changed."""
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if isinstance(kind, pa.BaseExtensionType):
        kind = pa.bool_() if kind == pa.bool8() else kind.storage_type
    values = [value.bytes if isinstance(value, uuid.UUID) else value for value in column.astype(object)]
    held = pa.array(column, from_pandas=True) if column.dtype.kind in "mM" else pa.array(values, kind, from_pandas=True)
    return held.cast(kind)


@pytest.mark.parametrize("name", TYPES)
@settings(max_examples=8, deadline=None)
@given(data=st.data())
def test_what_landed_is_what_is_read_and_stored_and_read_again(name: str, data: st.DataObject) -> None:
    kind, extremes = TYPES[name]
    values = data.draw(st.lists(st.sampled_from([None, *extremes]), max_size=4), label="values")
    file = landed(pa.table({"x": array_of(kind, values)}))
    found = read([file])
    expected = pq.read_table(io.BytesIO(file))["x"].combine_chunks()
    if isinstance(expected.type, pa.BaseExtensionType):
        expected = expected.cast(pa.bool_()) if expected.type == pa.bool8() else expected.storage
    if pa.types.is_dictionary(expected.type):
        expected = expected.dictionary_decode()
    held = as_landed(found["x"], expected.type)
    assert held.equals(expected) or held.to_pylist() == expected.to_pylist()
    stored = to_parquet(found)
    again = from_parquet(stored)
    pd.testing.assert_frame_equal(again, found, check_exact=True)
    assert to_parquet(again) == stored


NOT_HELD = {
    "a date after 9999": pa.array([2**31 - 1], pa.date32()),
    "nanoseconds of a day": pa.array([86_399_999_999_999], pa.time64("ns")),
    "the smallest instant": pa.array([-TOP - 1, 0], pa.timestamp("us")),
    "the smallest duration": pa.array([-TOP - 1, 0], pa.duration("us")),
    "an instant in a struct after 9999": pa.array([{"a": TOP}], pa.struct([("a", pa.timestamp("us"))])),
}


@pytest.mark.parametrize("column", NOT_HELD.values(), ids=NOT_HELD)
def test_a_value_that_no_pandas_type_holds_is_refused_by_the_name_of_file_and_column(
    tmp_path: Path, column: pa.Array
) -> None:
    pq.write_table(pa.table({"x": [1] * len(column), "odd": column}), tmp_path / "a.parquet")
    with pytest.raises(
        UnreadableFile, match=r"a\.parquet: Column 'odd' of type .* has a value that no pandas type holds"
    ):
        open_landing(str(tmp_path)).source("").parquet("a.parquet")


@pytest.mark.parametrize(
    ("values", "unit"),
    [([253402214400 * 10**9, None], "us"), ([-62135596800 * 10**9], "us"), ([1, 10**18], "ns"), ([10**18], "us")],
    ids=["9999", "the year 1", "nanoseconds", "microseconds"],
)
def test_instants_of_12_bytes_are_what_they_were(values: list[int | None], unit: str) -> None:
    per = 1 if unit == "ns" else 1000
    column = pa.array([value if value is None else value // per for value in values], pa.timestamp(unit))
    found = read([landed(pa.table({"at": column}), use_deprecated_int96_timestamps=True)])["at"]
    assert str(found.dtype) == f"datetime64[{unit}]"
    assert pa.array(found, from_pandas=True).equals(column)


# ---------------------------------------------------------------- what pandas noted


def noted(table: pa.Table, **types: str) -> pa.Table:
    about = json.loads(table.schema.metadata[b"pandas"])
    for column in about["columns"]:
        column["numpy_type"] = types.get(column["name"], column["numpy_type"])
    return table.replace_schema_metadata({b"pandas": json.dumps(about).encode()})


PLAIN = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2, 3], "s": ["x", "y", "z"]}))
INDEXED = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 9], name="id")), preserve_index=True)
FILTERED = pa.Table.from_pandas(pd.DataFrame({"a": [1, 2]}, index=[3, 8]), preserve_index=True)
NOTES = {
    "a nullable type": (noted(PLAIN, a="Int64"), {"a": "Int64", "s": "str"}),
    "a type of another column": (noted(PLAIN, s="Int64"), {"a": "int64", "s": "str"}),
    "another width": (noted(PLAIN, a="Int8"), {"a": "int64", "s": "str"}),
    "a type that nobody knows": (noted(PLAIN, a="geometry"), {"a": "int64", "s": "str"}),
    "no JSON": (PLAIN.replace_schema_metadata({b"pandas": b"{"}), {"a": "int64", "s": "str"}),
    "another shape": (PLAIN.replace_schema_metadata({b"pandas": b'{"columns": 3}'}), {"a": "int64", "s": "str"}),
    "an index with a name": (INDEXED, {"a": "int64", "id": "int64"}),
    "an index that is gone": (INDEXED.drop_columns(["id"]), {"a": "int64"}),
    "numbers of rows": (FILTERED, {"a": "int64"}),
}


@pytest.mark.parametrize(("table", "types"), NOTES.values(), ids=NOTES)
def test_what_pandas_noted_is_taken_as_far_as_it_fits(table: pa.Table, types: dict[str, str]) -> None:
    found = read([landed(table)])
    assert found.dtypes.astype(str).to_dict() == types
    assert isinstance(found.index, pd.RangeIndex)
    assert found["a"].tolist() == table["a"].to_pylist()


# ---------------------------------------------------------------- folders of part files


def write_parts(folder: Path, *parts: pa.Table) -> None:
    folder.mkdir(parents=True)
    for n, part in enumerate(parts):
        pq.write_table(part, folder / f"part-{n:05d}-c000.snappy.parquet")
    (folder / "_SUCCESS").touch()
    (folder / ".part-00000-c000.snappy.parquet.crc").write_bytes(b"crc")


def test_a_folder_of_part_files_is_one_table_and_changes_with_each_of_them(tmp_path: Path) -> None:
    landing, folder = open_landing(str(tmp_path)), tmp_path / "p" / "2024-01.parquet"
    write_parts(folder, pa.table({"id": [2**53 + 1]}), pa.table({"id": pa.array([None, 5], pa.int32())}))
    source = landing.source("p")
    found = source.parquet("2024-01.parquet")
    assert (str(found["id"].dtype), found["id"].dropna().tolist(), len(found)) == ("Int64", [2**53 + 1, 5], 3)
    (file,) = source.read
    assert (file.name, file.digest) == ("p/2024-01.parquet", landing.digest("p/2024-01.parquet"))
    before = landing.entry("p/2024-01.parquet")
    assert before is not None and source.traces[file.name].stamp == before.stamp
    pq.write_table(pa.table({"id": [6]}), folder / "part-00002.parquet")
    assert landing.entry("p/2024-01.parquet") != before
    assert landing.digest("p/2024-01.parquet") != file.digest


def test_a_folder_that_is_being_written_has_not_landed(tmp_path: Path) -> None:
    write_parts(tmp_path / "x.parquet", pa.table({"id": [1]}))
    (tmp_path / "x.parquet" / "_temporary" / "0").mkdir(parents=True)
    (tmp_path / "x.parquet" / "_temporary" / "0" / "part-1").touch()
    landing = open_landing(str(tmp_path))
    assert landing.entry("x.parquet") is None
    with pytest.raises(NotLanded):
        landing.source("").parquet("x.parquet")


def test_a_folder_whose_folders_hold_values_is_refused(tmp_path: Path) -> None:
    write_parts(tmp_path / "x.parquet" / "day=1", pa.table({"id": [1]}))
    with pytest.raises(UnreadableFile, match=r"x\.parquet/day=1/.* lies in a folder of the folder x\.parquet"):
        open_landing(str(tmp_path)).source("").parquet("x.parquet")


def test_a_folder_of_part_files_makes_its_partition_once(tmp_path: Path) -> None:
    landing, store = open_landing(str(tmp_path / "landing")), open_store(str(tmp_path / "store"))
    now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(minutes=1)
    write_parts(tmp_path / "landing" / "p" / "2024-01.parquet", pa.table({"id": [1]}), pa.table({"id": [2]}))
    found = look(landing, "p", ("{partition}.parquet",), Watch(), store=store, now=now)
    assert (found.partitions, list(found.changed), found.ignored) == (("2024-01",), ["2024-01.parquet"], 0)
    again = look(landing, "p", ("{partition}.parquet",), found.watch, store=store, now=now)
    assert again.partitions == ()
