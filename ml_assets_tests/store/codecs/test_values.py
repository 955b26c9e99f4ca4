"""What is put comes back, equal values have equal bytes, and what would not come back is refused."""

from __future__ import annotations

import datetime
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ml_assets.categories import same_list
from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Folder, Png, Store, trust

FIVE: dict[str, Any] = {
    "str": pd.Series(["a", "ü", None, "", "e"], dtype="str"),
    "category": pd.Categorical(["a", "b", None, "a", "a"], categories=["b", "a", "never"]),
    "ordered": pd.Categorical(["a", "b", None, "a", "a"], categories=["b", "a"], ordered=True),
    "int category": pd.Categorical([3, 1, None, 3, 3], categories=[3, 2, 1]),
    "bool category": pd.Categorical([True, False, True, True, True]),
    "empty category": pd.Categorical([None] * 5, categories=["x", "y"]),
    "utc": pd.date_range("2020", periods=5, tz="UTC"),
    "new york": pd.date_range("2020", periods=5, tz="America/New_York", unit="us"),
    "ns": pd.date_range("2020", periods=5, unit="ns"),
    "timedelta": pd.to_timedelta(range(5), unit="s"),
    "period": pd.period_range("2020-01", periods=5, freq="M"),
    "Int64": pd.Series([1, None, 3, 4, 5], dtype="Int64"),
    "boolean": pd.Series([True, None, True, True, True], dtype="boolean"),
    "float32": np.array([0.1, np.nan, np.inf, -0.0, 1], dtype="f4"),
    "float": np.array([0.1, np.nan, np.inf, -0.0, 1]),
    "int8": np.arange(5, dtype="i1"),
    "uint64": np.arange(5, dtype="u8") + 2**63,
    "date": [datetime.date(2020, 1, 1)] * 5,
    "bytes": [b"\0a"] * 5,
}


@trust
@dataclass(frozen=True)
class Inner:
    weights: np.ndarray
    names: tuple[str, ...]


@trust
@dataclass(frozen=True)
class Outer:
    inner: Inner
    table: pd.DataFrame
    rate: float | None
    size: int = field(init=False, default=3)


@dataclass(frozen=True)
class Stranger:
    a: int = 1


@pytest.mark.parametrize("n_rows", [5, 0])
@pytest.mark.parametrize("column", FIVE)
def test_a_column_comes_back_as_it_was(store: Store, column: str, n_rows: int) -> None:
    frame = pd.DataFrame({"x": FIVE[column]}).iloc[:n_rows]
    content = store.put(frame)
    back = store.get(content)
    pd.testing.assert_frame_equal(back, frame, check_exact=True)
    assert store.put(back) == content


@pytest.mark.parametrize(
    "index",
    [pd.RangeIndex(5, 10), pd.Index(list("abcde"), name="k"), pd.MultiIndex.from_arrays([range(5), list("abcde")])],
    ids=["range", "named", "multi"],
)
def test_an_index_comes_back_as_it_was(store: Store, index: pd.Index) -> None:
    frame = pd.DataFrame({"x": range(5)}, index=index)
    pd.testing.assert_frame_equal(store.get(store.put(frame)), frame)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": pd.Series(["a"], dtype=object)}), r"'x' is object and would come back as str\. Convert it"),
        (pd.DataFrame({"x": pd.Series(["a", 1], dtype=object)}), r"column without a Parquet type: .*column x.*Convert"),
        (pd.DataFrame({"x": [1j]}), "column without a Parquet type: .*column x.*Convert that column"),
        (pd.DataFrame({"x": pd.cut([1, 2], 2)}), r"'x' has categories of type interval.*astype\('str'\)"),
        (pd.DataFrame({"x": pd.Series(["2020"], dtype="M8[s]")}), r"'x' is datetime64\[s\] and would come back as"),
        (pd.DataFrame({1: [1]}), r"unique names of type str; \[1\] cannot be stored\. Rename them"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), r"unique names of type str; \['a', 'a'\] cannot"),
    ],
    ids=["object", "mixed", "complex", "intervals", "seconds", "number as name", "name twice"],
)
def test_a_frame_that_would_not_come_back_is_refused(store: Store, frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(UnsupportedType, match=message):
        store.put(frame)


def test_objects_are_judged_by_all_their_values(store: Store) -> None:
    """Truths come back as objects if any of them is missing, were it the last of very many."""
    truths = pd.DataFrame({"x": pd.Series([True] * 70_000, dtype=object), "y": 1.0})
    with pytest.raises(UnsupportedType, match=r"'x' is object and would come back as bool\. Convert it"):
        store.put(truths)
    truths.loc[69_999, "x"] = None
    pd.testing.assert_frame_equal(store.get(store.put(truths)), truths)


def test_an_index_that_would_not_come_back_is_refused(store: Store) -> None:
    frame = pd.DataFrame(index=range(5))
    with pytest.raises(
        UnsupportedType, match=r"The index RangeIndex.* would not come back as it is\. Use frame\.reset_i"
    ):
        store.put(frame)


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6.0).reshape(2, 3),
        np.array(3),
        np.zeros((0, 4), "f4"),
        np.array(["a", "üb"]),
        np.array(["2020-01-01"], "M8[D]"),
        np.array([(1, 2.0)], [("a", "u1"), ("b", "f8")]),
        np.array([True]),
    ],
    ids=["matrix", "scalar", "empty", "text", "dates", "records", "bool"],
)
def test_an_array_comes_back_as_it_was(store: Store, array: np.ndarray) -> None:
    back = store.get(store.put(array))
    assert (back.dtype, back.shape) == (array.dtype, array.shape)
    assert np.array_equal(back, array)
    assert back.flags.writeable


def test_equal_arrays_have_equal_bytes_whatever_their_layout(store: Store) -> None:
    array = np.arange(6.0).reshape(2, 3)
    assert store.put(array) == store.put(np.asfortranarray(array)) == store.put(np.repeat(array, 2, axis=0)[::2])


def test_padding_between_fields_is_not_part_of_an_array(store: Store) -> None:
    dtype = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    clean, dirty = np.zeros(2, dtype), np.full(2 * dtype.itemsize, 255, "u1").view(dtype)
    dirty["a"] = dirty["b"] = 0
    assert store.put(clean) == store.put(dirty)


def test_an_array_of_objects_is_refused(store: Store) -> None:
    with pytest.raises(UnsupportedType, match=r"holds Python objects, which only pickle could store\. Convert it"):
        store.put(np.array([{}], dtype=object))


@pytest.mark.parametrize(
    "value", [{"b": [1, 2.5, None, True], "a": {"ü": "\n"}}, [], "x", 1, 0.1, None, False, (1, "a"), ()], ids=repr
)
def test_plain_values_come_back_with_their_types(store: Store, value: object) -> None:
    back = store.get(store.put(value))
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": [float("nan")]}, r"value\['a'\]\[0\] is nan, which JSON cannot hold"),
        ({"a": (1,)}, r"value\['a'\] is a builtins.tuple, not plain JSON"),
        ({1: 2}, "value has the key 1, which is not a str"),
        ([np.float64(1)], r"value\[0\] is a numpy.float64, not plain JSON. Convert it"),
        ("\ud800", "half of a surrogate pair"),
        (object(), r"No codec stores a builtins.object\. Stored are .* add a codec of your own: see docs/CODECS\.md"),
        ({1, 2}, "No codec stores a builtins.set"),
    ],
    ids=["nan", "nested tuple", "number as key", "numpy number", "surrogate", "object", "set"],
)
def test_values_that_are_not_plain_are_refused_by_name(store: Store, value: object, message: str) -> None:
    with pytest.raises(UnsupportedType, match=message):
        store.put(value)


def test_a_dataclass_comes_back_field_by_field(store: Store) -> None:
    outer = Outer(Inner(np.arange(3), ("a", "b")), pd.DataFrame({"x": [1]}), None)
    content = store.put(outer)
    back = store.get(content)
    assert [file.path for file in content.files] == [
        "inner/names/value.json", "inner/weights/array.npy", "rate/value.json", "table/table.parquet",
    ]  # fmt: skip
    assert isinstance(back, Outer)
    assert (back.inner.names, back.rate, back.size) == (("a", "b"), None, 3)
    assert np.array_equal(back.inner.weights, outer.inner.weights)
    pd.testing.assert_frame_equal(back.table, outer.table)


def test_a_dataclass_nobody_registered_is_refused(store: Store) -> None:
    with pytest.raises(UnsupportedType, match=r"test_values:Stranger is not registered.*artifact_types"):
        store.put(Stranger())
    with pytest.raises(UnsupportedType, match=r"Field 'weights' of .*Inner cannot be stored\. .*Stranger is not"):
        store.put(Inner(Stranger(), ()))  # type: ignore[arg-type]


def test_trust_takes_only_dataclasses() -> None:
    with pytest.raises(UnsupportedType, match=r"trust\(\) takes a dataclass"):
        trust(int)


def test_a_dataclass_whose_fields_changed_says_so(store: Store) -> None:
    content = store.put(Inner(np.arange(3), ()))
    meta = {**content.meta, "fields": {"weights": content.meta["fields"]["weights"]}}
    changed = type(content)(content.codec, meta, content.files)
    with pytest.raises(UnreadableContent, match=r"has the fields \['weights'\]; the class now has \['names', 'weig"):
        store.get(changed)


def test_a_figure_comes_back_as_the_picture_it_is(store: Store) -> None:
    from matplotlib.figure import Figure

    def draw() -> Figure:
        figure = Figure(figsize=(1, 1))
        figure.add_subplot().plot([1, 2])
        return figure

    content = store.put(draw())
    picture = store.get(content)
    assert isinstance(picture, Png)
    assert picture.data.startswith(b"\x89PNG")
    assert store.put(draw()) == store.put(picture) == content


def test_a_folder_comes_back_file_by_file(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f" / "sub").mkdir(parents=True)
    (tmp_path / "f" / "a b.txt").write_bytes(b"1")
    (tmp_path / "f" / "sub" / "ü").write_bytes(b"2")
    content = store.put(tmp_path / "f")
    folder = store.get(content)
    assert isinstance(folder, Folder)
    assert folder.names == ["a b.txt", "sub/ü"]
    assert folder.read("sub/ü") == b"2"
    folder.copy_to(tmp_path / "copy")
    assert (tmp_path / "copy" / "sub" / "ü").read_bytes() == b"2"
    assert store.put(tmp_path / "copy") == store.put(folder) == content
    with pytest.raises(FileExistsError):
        folder.copy_to(tmp_path / "copy")
    with pytest.raises(FileNotFoundError, match=r"no file 'x'\. It has: a b.txt, sub/ü"):
        folder.read("x")


def test_a_folder_with_a_link_and_a_path_that_is_no_folder_are_refused(store: Store, tmp_path: Path) -> None:
    (tmp_path / "f").mkdir()
    (tmp_path / "f" / "link").symlink_to("/etc/passwd")
    with pytest.raises(UnsupportedType, match="link is a link, a device or oddly named"):
        store.put(tmp_path / "f")
    with pytest.raises(UnsupportedType, match="is not a folder"):
        store.put(tmp_path / "absent")


def test_storing_plain_values_imports_no_heavy_library(tmp_path: Path) -> None:
    code = (
        "import sys; from ml_assets.store import open_store; s = open_store(sys.argv[1]); s.get(s.put({'a': 1}));"
        "print([m for m in ('pandas', 'numpy', 'sklearn', 'pyarrow', 'skops', 'matplotlib', 'dagster') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


@trust
@dataclass(frozen=True)
class Grown:
    """A type that had one field once, and gained two."""

    first: int
    second: tuple[int, ...] | None = field(default=None, metadata={"added": True})
    third: list[int] = field(default_factory=list)


def test_what_was_stored_before_a_type_gained_fields_has_them_with_their_defaults(store: Store) -> None:
    content = store.put(Grown(7, (1, 2), [3]))
    assert store.get(content) == Grown(7, (1, 2), [3])
    meta = {**content.meta, "fields": {"first": content.meta["fields"]["first"]}}
    assert store.get(type(content)(content.codec, meta, content.files)) == Grown(7, None, [])


def test_a_field_that_was_added_changes_no_digest_while_it_has_its_default(store: Store) -> None:
    kept = store.put(Grown(7))
    assert list(kept.meta["fields"]) == ["first", "third"]
    assert store.get(kept) == Grown(7)
    assert list(store.put(Grown(7, ())).meta["fields"]) == ["first", "second", "third"]


@pytest.mark.parametrize(
    "column",
    [
        pd.Categorical([2**62 + 1, None, 1]),
        pd.Categorical(pd.array([2**53 + 1, None, 2**53], dtype="Int64")),
        pd.Categorical(np.array([1, 3, 1], dtype="int8"), categories=np.array([3, 2, 1], dtype="int8")),
        pd.Categorical(np.array([2**64 - 1, 0, 0], dtype="uint64")),
        pd.Categorical([True, None, False]),
        pd.Categorical(pd.array([True, None, True], dtype="boolean")),
        pd.Categorical(pd.to_datetime(["2024-01-02", None, "2023-01-01"], utc=True)),
        pd.Categorical(pd.to_datetime(["2024-01-02", None, "2023-01-01"]).tz_localize("Europe/Helsinki").as_unit("ns")),
        pd.Categorical([None, None, None]),
        pd.Categorical(["b", "b", None], categories=["a", "b"]),
        pd.Categorical(pd.array(["b", None, "a"], dtype="string")),
    ],
    ids=[
        "large, one missing", "nullable integers", "int8", "uint64", "truths, one missing", "nullable truths", "times",
        "times in a zone", "nothing", "the first one unused", "nullable text",
    ],
)  # fmt: skip
@pytest.mark.parametrize("n_rows", [3, 1, 0])
def test_categories_come_back_as_the_list_they_were_and_their_codes_as_they_were(
    store: Store, column: pd.Categorical, n_rows: int
) -> None:
    frame = pd.DataFrame({"x": column}).iloc[:n_rows]
    content = store.put(frame)
    back = store.get(content)
    assert same_list(back["x"].dtype, frame["x"].dtype)
    assert back["x"].cat.codes.tolist() == frame["x"].cat.codes.tolist()
    assert store.put(back) == content
