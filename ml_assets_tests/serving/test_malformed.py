"""Whatever comes in, the answer says what is wrong with it and what to send, and the server answers the next one as before."""

from __future__ import annotations

import gzip
import json
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets_tests.doubles import judged
from ml_assets_tests.serving.conftest import PARCEL
from ml_assets_tests.serving.test_app import ARROW, arrow

Case = tuple[str, Any, dict[str, str]]  # of which kind, body, headers
WRONG: dict[str, list[Any]] = {
    "weight": ["2.5", True, [], {}, float("inf"), -(10**400), 2**60 + 1, "NaN"],
    "city": [5, 2.5, False, ["Rome"], {"name": "Rome"}, "\ud800"],
    "stops": ["4", 4.5, True, [4], {}, 2**70, 1e300, float("inf")],
    "size": ["XL", "", "s", 3, True, ["M"], {}, "\udfff"],
    "fragile": ["true", 1, 0.0, [], {}],
}
TYPES = {"weight": "FP64", "city": "BYTES", "stops": "INT64", "size": "BYTES", "fragile": "BOOL"}


def bodies_of_predict() -> Iterator[Any]:
    yield from (
        b"",
        b"{",
        b"nul",
        b"null",
        b"5",
        b'"rows"',
        b"true",
        b"[",
        b"[]",
        b"[1]",
        b"[[]]",
        b"[null]",
        b"{}",
        b"\xff\xfe",
    )
    yield from (b"[" * 100_000, b'{"rows": ' + b"9" * 5_000 + b"}", b'{"rows": [{"weight": 1e}]}', b"\x00", b"rows=1")
    yield from (
        {"rows": wrong}
        for wrong in (None, 5, "x", True, {}, [], [5], ["x"], [None], [[]], [PARCEL, 5], [{}], [PARCEL, {}])
    )
    yield from (
        {"columns": wrong}
        for wrong in (None, 5, "x", [], {}, {"weight": 5}, {"weight": "x"}, {"weight": None}, {"weight": []})
    )
    columns = {name: [value] for name, value in PARCEL.items()}
    yield from ({"columns": columns | {name: [value, value]}} for name, value in PARCEL.items())
    yield from ({"columns": {n: v for n, v in columns.items() if n != name}} for name in PARCEL)
    yield from (
        {"rows": [PARCEL], name: value} for name, value in (("row", 1), ("columns", {}), ("raw", 1), ("raw", "yes"))
    )
    yield from (
        {"rows": [PARCEL], name: value} for name, value in (("partition", 5), ("unknown_categories", 1), ("", 1))
    )
    yield from ({"rows": [PARCEL | {name: value}]} for name, values in WRONG.items() for value in values)
    yield from ({"rows": [PARCEL, PARCEL | {name: values[0]}]} for name, values in WRONG.items())
    yield {"rows": [PARCEL] * 10_001}
    yield {"rows": [PARCEL], "raw": True}  # no dataset of it is stored


def one(name: str, **changed: Any) -> dict[str, Any]:
    return {"name": name, "shape": [1], "datatype": TYPES[name], "data": [PARCEL[name]]} | changed


def asking(name: str, **changed: Any) -> dict[str, Any]:
    return {"inputs": [one(n, **(changed if n == name else {})) for n in TYPES]}


def bodies_of_infer() -> Iterator[Any]:
    yield from (
        b"",
        b"{",
        b"[]",
        b"null",
        b"7",
        {},
        {"inputs": 5},
        {"inputs": {}},
        {"inputs": []},
        {"inputs": [5]},
        {"inputs": [None]},
    )
    yield from ({"inputs": [{**one("weight"), "name": name}]} for name in (None, "", 5, [], {}))
    shapes = (None, 1, [], [2], [0], [-1], ["1"], [1.0], [1, 2], [1, 1, 1], [True], [10**20], [None], {}, "1")
    yield from (asking("weight", shape=shape) for shape in shapes)
    yield from (
        asking("weight", datatype=kind) for kind in (None, "", "FP65", "fp64", 64, [], "INT64", "BOOL", "BYTES")
    )
    yield from (asking("stops", datatype=kind) for kind in ("BOOL", "BYTES", "STRING"))
    yield from (
        asking("weight", data=data) for data in (None, 5, "x", {}, [], [1, 2], [[1, 2]], ["x"], [[]], [{}], [True])
    )
    yield from (asking("city", data=data) for data in ([5], [None, None], [["a", "b"]], [[["a"]]], [b"a".hex(), 1]))
    yield from (asking("size", data=[data]) for data in ("XL", "\ud800", 5))
    yield from (
        asking("weight", parameters=wrong)
        for wrong in (5, "x", [1], {"binary_data_size": 8}, {"binary_data_size": "8"})
    )
    yield from (asking("weight", parameters={"binary_data_size": size}) for size in (-1, 1.5, True, 10**30, 0))
    yield {"inputs": [one("weight"), *asking("")["inputs"]]}
    yield {"inputs": asking("")["inputs"][1:]}
    yield from (
        asking("") | {"outputs": wrong} for wrong in (5, "x", [5], [{}], [{"name": "nothing"}], [{"name": "lower"}])
    )
    yield from (
        asking("") | {"parameters": wrong}
        for wrong in (5, [1], {"rows": "cooked"}, {"partition": 5}, {"unknown_categories": 0})
    )
    yield from (asking("") | {"id": wrong} for wrong in (5, [], {}))


def bodies_of_bytes() -> Iterator[tuple[bytes, str]]:
    """What lies behind the JSON, and where that is said to end."""
    head = json.dumps(asking("weight", data=None, parameters={"binary_data_size": 8})).encode()
    yield from (
        (head + struct.pack("<d", 1.0), length)
        for length in ("", "x", "-1", "1.5", "9" * 30, "0", "5", str(len(head) + 1))
    )
    yield from ((head + tail, str(len(head))) for tail in (b"", b"1234567", b"123456789", struct.pack("<d", np.inf)))
    for text in (
        b"",
        b"\x01",
        b"\x05\x00\x00\x00ab",
        b"\xff\xff\xff\xffab",
        b"\x01\x00\x00\x00\xff",
        b"\x01\x00\x00\x00ab",
        b"\x00" * 8,
    ):
        head = json.dumps(asking("city", data=None, parameters={"binary_data_size": len(text)})).encode()
        yield head + text, str(len(head))
    head = json.dumps(asking("fragile", data=None, parameters={"binary_data_size": 1})).encode()
    yield head + b"\x02", str(len(head))


def bodies_of_arrow() -> Iterator[bytes]:
    good = arrow(pa.Table.from_pandas(pd.DataFrame([PARCEL])))
    yield from (good[:size] for size in range(0, len(good) - 16, len(good) // 25))
    yield from (b"x" * 99, b"PAR1", b"ARROW1\x00\x00")
    yield arrow(pa.table({"weight": [2.5]}))
    yield arrow(pa.table({name: [value] for name, value in PARCEL.items()} | {"weight": [[1.0]]}))
    yield arrow(pa.table([pa.array([1.0]), pa.array([1.0])], names=["weight", "weight"]))
    yield arrow(pa.table({name: pa.array([value] * 0) for name, value in PARCEL.items()}))
    yield arrow(
        pa.table({name: [value] for name, value in PARCEL.items()} | {"stops": pa.array([None], pa.null())}).slice(0, 0)
    )


def cases() -> Iterator[Case]:
    yield from (("predict", body, {"content_type": "application/json"}) for body in bodies_of_predict())
    yield from (("infer", body, {}) for body in bodies_of_infer())
    yield from (("infer", body, {"inference_header_content_length": length}) for body, length in bodies_of_bytes())
    yield from (("predict", body, {"content_type": ARROW}) for body in bodies_of_arrow())
    good = {"rows": [PARCEL]}
    yield from (
        ("predict", good, {"content_type": kind})
        for kind in ("text/csv", "application/x-protobuf", "a", "multipart/form-data")
    )
    yield "predict", good, {"content_type": "application/json", "content_encoding": "gzip"}
    yield "predict", gzip.compress(b"{}")[:-3], {"content_type": "application/json", "content_encoding": "gzip"}
    yield "infer", asking(""), {"content_encoding": "br"}


def test_more_than_200_bodies_that_are_wrong_are_refused_in_words_that_help(parcel_server):
    good = parcel_server.predict({"rows": [PARCEL]}, name=judged.NAME).json["prediction"]
    address = {"predict": f"/problems/{judged.NAME}/predict", "infer": f"/v2/models/{judged.NAME}/infer"}
    every, unhelpful = list(cases()), set[str]()
    for kind, body, headers in every:
        reply = parcel_server.ask(address[kind], body, "POST", **headers)

        assert 400 <= reply.status < 500, (kind, body, headers, reply)
        said = reply.json["error"]
        unhelpful |= set() if said.endswith(".") and ". " in said else {said}  # what is wrong, and what to send

    assert unhelpful == set()
    assert len(every) > 200
    assert parcel_server.predict({"rows": [PARCEL]}, name=judged.NAME).json["prediction"] == good
    assert parcel_server.infer(asking(""), judged.NAME).json["outputs"][0]["data"] == good


@pytest.mark.parametrize("seed", range(3))
def test_an_arrow_stream_of_which_bytes_were_changed_is_answered_or_refused(parcel_server, seed):
    good = bytearray(arrow(pa.Table.from_pandas(pd.DataFrame([PARCEL] * 3))))
    rng = np.random.default_rng(seed)
    for at in rng.integers(0, len(good), 60):
        changed = good.copy()
        changed[at] ^= 1 << int(rng.integers(8))

        reply = parcel_server.predict(bytes(changed), name=judged.NAME, content_type=ARROW)
        assert reply.status == 200 or 400 <= reply.status < 500, (at, reply)


@pytest.mark.parametrize(
    ("changed", "column", "row", "said"),
    [
        ({"at": None}, "at", 0, "is against the schema of umbrellas"),
        ({"at": "2030-01-01T00:00:00Z"}, "at", 0, "is in no partition of umbrellas"),
        ({"clouds": 99.0}, "clouds", 0, "is against the schema of umbrellas"),
        ({"clouds": "x"}, "clouds", 0, "send a number"),
        ({"shop": "north"}, "shop", 0, "is against the schema of umbrellas"),
        ({"bought": "yes"}, "bought", 0, "send a number"),
    ],
)
def test_raw_rows_that_are_none_of_the_dataset_are_refused_by_column(server, changed, column, row, said):
    good = {"visit": "v1", "at": "2024-03-05T10:00:00Z", "clouds": 0.5, "shop": "east"}
    reply = server.predict({"rows": [good | changed]}, "?rows=raw")

    assert (reply.status, reply.json["column"], reply.json["row"]) == (422, column, row), reply
    assert said in reply.json["error"]


def test_a_history_that_is_not_stored_is_not_taken_for_an_empty_one(server):
    late = {"visit": "v1", "at": "2024-06-05T10:00:00Z", "clouds": 0.5, "shop": "east"}
    first = late | {"at": "2024-01-05T10:00:00Z"}  # which has none

    assert "The history of 2024-06 is the dataset of 2024-05" in server.predict([late], "?rows=raw").json["error"]
    assert server.predict([first], "?rows=raw").status == 200


def test_raw_rows_of_two_partitions_and_of_none_that_is_known_are_refused(server):
    good = {"visit": "v1", "at": "2024-03-05T10:00:00Z", "clouds": 0.5, "shop": "east"}
    two = server.predict({"rows": [good, good | {"at": "2024-04-05T10:00:00Z"}], "raw": True})
    strange = server.predict({"rows": [good], "raw": True, "partition": "2031-01"})

    assert (two.status, two.json["row"], "is not in 2024-03, where row 0 is" in two.json["error"]) == (422, 1, True)
    assert (strange.status, "umbrellas has no partition '2031-01'" in strange.json["error"]) == (422, True)
