"""Files of separated values: typed as declared, never guessed; what does not fit is refused by name."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import UnreadableFile
from ml_assets.store import LandingFolder, digest, open_landing

TYPES = {
    "id": "str",
    "count": "Int64",
    "price": "float64",
    "sold": "bool",
    "at": pd.DatetimeTZDtype("us", "UTC"),
    "kind": pd.CategoricalDtype(["a", "b"]),
}
GOOD = b"""id,count,price,sold,at,kind,note
007,9007199254740993,1.5,true,2024-01-01T10:00:00Z,a,"one, ""two""
three"
NA,,,false,2024-01-01 10:00:00+01:00,b,
"",3,2,true,2024-02-29T00:00:00.000001Z,,nan
"""


@pytest.fixture
def folder(tmp_path) -> LandingFolder:
    return open_landing(str(tmp_path))


def read(folder: LandingFolder, data: bytes, types=TYPES, **how) -> pd.DataFrame:
    folder.write("shop/bills.csv", data)
    return folder.source("shop", types).csv("bills.csv", **how)


def refusal(folder: LandingFolder, data: bytes, types=TYPES, **how) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read(folder, data, types, **how)
    assert "shop/bills.csv" in str(refused.value)
    return str(refused.value)


def test_columns_have_the_declared_types_and_no_value_is_guessed_or_rounded(folder):
    frame = read(folder, GOOD)

    assert frame["id"].tolist() == ["007", "NA", ""]
    assert frame["count"].tolist() == [9007199254740993, pd.NA, 3]
    assert frame["count"].dtype == "Int64"
    assert frame["price"].tolist()[::2] == [1.5, 2.0] and np.isnan(frame["price"][1])
    assert frame["sold"].tolist() == [True, False, True]
    assert frame["at"].dtype == TYPES["at"]
    assert frame["at"][1] == pd.Timestamp("2024-01-01T09:00Z")
    assert frame["at"][2].microsecond == 1
    assert frame["kind"].tolist()[:2] == ["a", "b"]
    assert frame["note"][0] == 'one, "two"\nthree'
    assert frame["note"].isna().tolist() == [False, True, False]


def test_what_is_not_declared_is_text(folder):
    frame = read(folder, b"id,more\n1,007\n", {"id": "str"})
    assert frame.loc[0].tolist() == ["1", "007"]


def test_other_separators_decimals_and_encodings_are_told(folder):
    data = "id\tprice\nMüller\t1,5\n".encode("latin-1")
    frame = read(folder, data, separator="\t", decimal=",", encoding="latin-1")
    assert frame.loc[0].tolist() == ["Müller", 1.5]


def test_what_was_read_is_recorded_with_its_digest(folder):
    folder.write("shop/bills.csv", GOOD)
    source = folder.source("shop", TYPES)
    source.csv("bills.csv")
    assert [(file.name, file.digest, file.size) for file in source.read] == [
        ("shop/bills.csv", digest(GOOD), len(GOOD))
    ]
    assert source.traces["shop/bills.csv"].digest == digest(GOOD)


def test_a_file_without_rows_is_a_table_without_rows_in_its_types(folder):
    frame = read(folder, b"id,count\n")
    assert (len(frame), str(frame.dtypes["id"])) == (0, "str")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"id;count\n1;2\n", "its first line has the columns 'id;count' and none of those .* separator=…"),
        (b"id,count\n1,2\n3\n", "Expected 2 columns, got 1: 3"),
        (b"id,count\n1,2,3\n", "Expected 2 columns, got 3"),
        (b'id,count\n1,2\n"open,3\n4,5\n', "Expected 2 columns, got 1"),
        (b"id,count\n1,1.5\n", "column 'count' is no int64: invalid value '1.5'"),
        (b"id,price\n1,x\n", "column 'price' is no double: invalid value 'x'"),
        (b"id,at\n1,2024-01-01 10:00\n", "column 'at' is no timestamp.*expected a zone offset"),
        (b"id,id\n1,2\n", "several columns that are called 'id'"),
        ("id,count\nMüller,1\n".encode("latin-1"), r"invalid UTF8 data.* encoding=…"),
        (b"", "Empty CSV file"),
        (b"PAR1 id\x00\xff\n", "."),
    ],
    ids=["semicolons", "a short row", "a long row", "an open quote", "a half", "a word", "no zone", "twice", "latin-1",
         "nothing", "no text"],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_with_its_name_and_the_column(folder, data, said):
    import re

    assert re.search(said, refusal(folder, data), re.S)


def test_an_encoding_that_python_does_not_know_is_told(folder):
    assert "unknown encoding: latin-99" in refusal(folder, b"id\n1\n", encoding="latin-99")
