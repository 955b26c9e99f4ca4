"""What clients ask, and what they are told."""

from __future__ import annotations

import asyncio
import gzip
import json
import struct
import threading
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ml_assets.errors import StoreUnreachable
from ml_assets.serving.limits import Limits
from ml_assets.training.model import predict
from ml_assets_tests.conftest import BEACH
from ml_assets_tests.doubles import judged, parcels, umbrellas
from ml_assets_tests.serving.conftest import PARCEL, records, served, tensors

ARROW = "application/vnd.apache.arrow.stream"


def arrow(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return sink.getvalue().to_pybytes()


def as_json(frame: pd.DataFrame) -> dict:
    plain = frame.astype(object).where(frame.notna(), None)
    return {name: plain[name].tolist() for name in frame}


# ---------------------------------------------------------------- the same answers as in a batch


@pytest.fixture
def rows(store, champion) -> pd.DataFrame:
    """Test rows, with what is missing, and without the city that training lacks."""
    return parcels.binary().features.iloc[-200:-3].reset_index(drop=True)


@pytest.fixture
def batch(store, champion, rows) -> np.ndarray:
    return predict(judged.PROBLEM, store.load(champion), rows)


def test_columns_records_and_arrow_are_answered_as_a_batch_is_bit_for_bit(parcel_server, rows, batch, champion):
    columns = as_json(rows)
    by_columns = parcel_server.predict({"columns": columns}, name=judged.NAME).json
    by_rows = parcel_server.predict(
        [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)], name=judged.NAME
    ).json
    by_arrow = parcel_server.predict(
        arrow(pa.Table.from_pandas(rows)), name=judged.NAME, content_type=ARROW, accept=ARROW
    )

    assert by_columns["prediction"] == by_rows["prediction"] == batch.tolist()
    assert by_columns["model_version"] == champion.version
    table = pa.ipc.open_stream(by_arrow.body).read_all()
    assert table.column("prediction").to_pylist() == batch.tolist()
    assert set(table.column("model_version").to_pylist()) == {champion.version}


def test_tensors_of_json_and_of_bytes_are_answered_alike(parcel_server, rows, batch):
    whole = rows.dropna().reset_index(drop=True)
    types = {"weight": "FP64", "city": "BYTES", "stops": "INT64", "size": "BYTES", "fragile": "BOOL"}
    plain = {
        "inputs": [
            {"name": n, "shape": [len(whole), 1], "datatype": t, "data": whole[n].tolist()} for n, t in types.items()
        ]
    }
    data = {
        name: b"".join(struct.pack("<I", len(b)) + b for b in (str(v).encode() for v in whole[name]))
        if kind == "BYTES"
        else whole[name].to_numpy().tobytes()
        for name, kind in types.items()
    }
    head = {
        "id": "seven",
        "inputs": [
            {"name": n, "shape": [len(whole)], "datatype": t, "parameters": {"binary_data_size": len(data[n])}}
            for n, t in types.items()
        ],
        "parameters": {"binary_data_output": True},
    }
    encoded = json.dumps(head).encode()
    by_json = parcel_server.infer(plain, judged.NAME).json
    by_bytes = parcel_server.infer(
        encoded + b"".join(data.values()), judged.NAME, inference_header_content_length=str(len(encoded))
    )

    expected = batch[rows.notna().all(axis=1).to_numpy()]
    assert by_json["outputs"][0]["data"] == expected.tolist()
    length = int(by_bytes.headers["inference-header-content-length"])
    assert np.frombuffer(by_bytes.body[length:]).tolist() == expected.tolist()
    said = json.loads(by_bytes.body[:length])
    assert (said["id"], said["outputs"][0]["parameters"]) == ("seven", {"binary_data_size": 8 * len(expected)})


def test_raw_rows_are_answered_as_the_batch_of_their_partition_is(shared):
    server, month = served(shared), "2024-03"
    dataset = shared.load(f"umbrellas/dataset@{month}").head(50)
    features = shared.load(f"umbrellas/features@{month}").features.head(50)
    expected = predict(umbrellas.PROBLEM, server.line().loaded.model, features).tolist()
    raw = as_json(dataset.drop(columns="bought").assign(at=dataset["at"].map(lambda t: t.isoformat())))

    assert server.predict({"columns": raw, "raw": True}).json["prediction"] == expected
    as_arrow = arrow(pa.Table.from_pandas(dataset))
    assert server.predict(as_arrow, "?rows=raw", content_type=ARROW).json["prediction"] == expected
    assert server.predict({"columns": raw}, "?rows=raw&partition=2024-02").json["prediction"] != expected


def test_while_the_store_is_away_raw_rows_have_the_history_that_was_there(shared, monkeypatch):
    row = {"rows": [{"visit": "v", "at": "2024-03-05T10:00:00Z", "clouds": 0.5, "shop": "east"}], "raw": True}
    server = served(shared)
    before = server.predict(row).json["prediction"]

    def away(*_):
        raise StoreUnreachable("nobody is there")

    monkeypatch.setattr(shared, "head", away)
    monkeypatch.setattr(shared, "heads", away)
    raw = server.serving.models["umbrellas"].raw
    raw.clock = lambda: 10**9  # long after
    assert server.predict(row).json["prediction"] == before
    raw._named.clear()
    assert (server.predict(row).status, server.predict(row).headers["retry-after"]) == (503, "5")


def test_each_line_of_partitions_has_a_champion_of_its_own(shared):
    server = served(shared, "umbrellas", "ice_cream")
    name = f"ice_cream@{BEACH}"

    assert server.predict({"rows": [{"celsius": 20}]}, name=name).json["model"] == f"ice_cream/model@{BEACH}"
    ask = {"inputs": [{"name": "celsius", "shape": [1], "datatype": "FP64", "data": [20]}]}
    assert server.infer(ask, name).json["model_name"] == name
    assert server.predict({"rows": [{"celsius": 20}]}, name="ice_cream@north").status == 503
    assert server.ask("/v2/health/ready").status == 200  # north has no champion, and is not waited for


INTERVALS = replace(
    judged.PROBLEM, task="regression",
    predict=lambda model, table: np.column_stack([judged.predict(model, table) + d for d in (0, -1, 1)]),
)  # fmt: skip
CLASSES = replace(
    judged.PROBLEM, task="multiclass", classes=(0, 1, 3),
    predict=lambda model, table: np.column_stack([(p := judged.predict(model, table)) / 2, p / 2, 1 - p]),
)  # fmt: skip


def test_intervals_and_classes_are_named(store, monkeypatch):
    one = {"rows": [PARCEL]}
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (INTERVALS,))
    judged.crown(store, judged.judged(store, INTERVALS))
    server = served(store, judged.NAME)
    said = server.predict(one, name=judged.NAME).json
    ((lower, upper),), (point,) = said["interval"], said["prediction"]
    assert (lower, upper) == (point - 1, point + 1)
    outputs = server.ask(f"/v2/models/{judged.NAME}").json["outputs"]
    assert [(o["name"], o["shape"]) for o in outputs] == [("prediction", [-1]), ("lower", [-1]), ("upper", [-1])]

    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (CLASSES,))
    judged.crown(store, judged.judged(store, CLASSES, parcels.three_classes(), slope=3.0))
    server = served(store, judged.NAME)
    said = server.predict(one, name=judged.NAME).json
    assert said["classes"] == [0, 1, 3] and sum(said["prediction"][0]) == pytest.approx(1)
    arrow_names = pa.ipc.open_stream(server.predict(one, name=judged.NAME, accept=ARROW).body).schema.names
    assert arrow_names == ["prediction_0", "prediction_1", "prediction_3", "model_version"]
    metadata = server.ask(f"/v2/models/{judged.NAME}").json
    assert (metadata["parameters"]["classes"], metadata["outputs"][0]["shape"]) == ([0, 1, 3], [-1, 3])


# ---------------------------------------------------------------- what is said of a model


def test_metadata_says_columns_types_and_categories(parcel_server, champion):
    said = parcel_server.ask(f"/v2/models/{judged.NAME}").json

    assert [(i["name"], i["datatype"]) for i in said["inputs"]] == [
        ("weight", "FP64"), ("city", "BYTES"), ("stops", "INT64"), ("size", "BYTES"), ("fragile", "BOOL"),
    ]  # fmt: skip
    assert said["parameters"]["columns"]["size"] == {"dtype": "category", "categories": ["S", "M", "L"]}
    assert said["versions"] == [champion.version]


def test_a_version_may_be_named_and_another_is_not_known(parcel_server, champion):
    path = f"/v2/models/{judged.NAME}/versions"

    assert parcel_server.ask(f"{path}/{champion.version}/ready").json["ready"] is True
    assert parcel_server.ask(f"{path}/{champion.version[:8]}").status == 200
    assert parcel_server.ask(f"{path}/ffff").status == 404
    assert parcel_server.ask("/v2/models/other").json["error"].startswith("No model is called 'other' here. There are")
    assert parcel_server.ask("/v2").json["extensions"] == ["binary_tensor_data"]


def test_a_category_that_the_model_does_not_know_is_refused_unless_it_may_be_missing(parcel_server):
    ask = {"rows": [PARCEL | {"size": "XL"}]}
    refused = parcel_server.predict(ask, name=judged.NAME).json
    taken = parcel_server.predict(ask, "?unknown_categories=missing", judged.NAME).json
    missing = parcel_server.predict({"rows": [PARCEL | {"size": None}]}, name=judged.NAME).json

    assert (refused["column"], refused["row"]) == ("size", 0) and "It knows S, M, L." in refused["error"]
    assert taken["unseen_categories"] == {"size": 1} and taken["prediction"] == missing["prediction"]
    assert 'unseen_categories_total{feature="size"' in parcel_server.ask("/metrics").body.decode()


def test_rows_that_the_model_itself_refuses_are_the_callers_fault_and_only_then(server):
    said = server.predict(records(clouds=None))
    assert (said.status, said.json["column"], said.json["row"]) == (422, "clouds", 0)
    assert "Input X contains NaN" in said.json["error"]

    line = server.line()
    line.loaded = replace(line.loaded, problem=umbrellas.with_predict(lambda model, table: 1 / 0))
    with pytest.raises(ZeroDivisionError):  # it is answered with 500, and raised for the log
        server.predict(records())


# ---------------------------------------------------------------- limits and names


def test_bodies_and_rows_have_limits(shared):
    server = served(shared, limits=Limits(body_bytes=300, rows=3))

    assert server.predict(records(4)).status == 413
    assert server.predict(b"x" * 301).status == 413
    assert server.predict(records(), content_length="999999").status == 413
    assert server.predict(gzip.compress(b" " * 10**6), content_encoding="gzip").status == 413
    assert server.predict(gzip.compress(json.dumps(records()).encode()), content_encoding="gzip").status == 200
    assert server.infer(tensors(4) | {"inputs": tensors(4)["inputs"][:1]}).json["error"].startswith("There are 4 rows")


def test_too_many_that_wait_are_told_to_come_again_and_a_slow_one_that_it_took_too_long(parcel_server):
    go, line = threading.Event(), parcel_server.line(judged.NAME)

    def slow(model, table):
        go.wait(60)
        return judged.predict(model, table)

    line.loaded = replace(line.loaded, problem=replace(judged.PROBLEM, predict=slow))
    lane = parcel_server.serving.lane
    lane._most, lane._seconds = 2, 0.05
    address, body = f"/problems/{judged.NAME}/predict", {"rows": [PARCEL]}

    async def three():
        return await asyncio.gather(*(parcel_server.asked(address, body) for _ in range(3)))

    replies = asyncio.run(three())
    go.set()

    assert sorted(reply.status for reply in replies) == [503, 504, 504]
    assert {reply.headers["retry-after"] for reply in replies} == {"1"}


def test_a_request_keeps_its_id_and_gets_one_otherwise(server):
    assert server.predict(records(), x_request_id="abc-1").json["request_id"] == "abc-1"
    assert server.predict(records(), x_request_id="abc-1").headers["x-request-id"] == "abc-1"
    assert len(server.predict(records(), x_request_id="no\u00efd").headers["x-request-id"]) == 32


def test_the_token_is_asked_for_but_not_by_who_looks_whether_it_is_alive(shared):
    server = served(shared, token="correct horse", hosts=frozenset({"localhost"}))

    refused = server.predict(records())
    assert (refused.status, refused.headers["www-authenticate"]) == (401, "Bearer")
    assert server.predict(records(), authorization="Bearer correct horse").status == 200
    assert server.ask("/v2/health/ready", host="10.0.0.7:8080").status == 200
    assert server.predict(records(), authorization="Bearer correct horse", host="evil.example").status == 400
    assert server.ask("/metrics").status == 401


def test_a_shadow_is_asked_beside_counted_and_never_returned(store, champion):
    other = judged.judged(store, slope=2.0)
    server = served(store, judged.NAME, shadows={judged.NAME: other.version[:12]})
    said = server.predict({"rows": [PARCEL] * 3}, name=judged.NAME).json
    server.serving.models[judged.NAME].shadow.lane.close()

    assert said["model_version"] == champion.version
    apart = 3 * abs(predict_one(store, other) - said["prediction"][0])
    series = server.serving.shared.metrics.copy()
    assert [*series["shadow_rows"].values()] == [3.0] and ("outcome", "answered") in next(iter(series["shadow_rows"]))
    assert [*series["shadow_difference_sum"].values()] == [pytest.approx(apart)]
    assert server.ask("/ready").json["models"][judged.NAME]["shadow"] == str(other)


def predict_one(store, key) -> float:
    return float(judged.predict(store.load(key).estimator, pd.DataFrame([PARCEL]))[0])
