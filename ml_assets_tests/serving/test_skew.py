"""Rows over HTTP against the batch chain: what is equal passes, what differs is named, what needs others is told apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
import pandas as pd
import pytest

from ml_assets.errors import Refused, UnknownVersion
from ml_assets.serving.skew import differences
from ml_assets.serving.skew_check import AtAddress, InProcess, Reply, skews
from ml_assets.store import Input, Manifest, Store, open_store
from ml_assets.training.rows import feature_table
from ml_assets_tests.conftest import BEACH
from ml_assets_tests.doubles import ice_cream, serving, umbrellas

NEWEST, BEFORE = "2024-03", "2024-02"
ONE_MORE_BIT = float(np.nextafter(0.5, 1))

# ---------------------------------------------------------------- what is the same


def frame(**columns) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(values) for name, values in columns.items()})


@pytest.mark.parametrize(
    ("batch", "served"),
    [
        ([0.5, np.nan], [0.5, np.nan]),
        ([1, 2], [1.0, 2.0]),
        ([1, 2], pd.Series([1, 2], dtype="Int64")),
        (pd.Series([0.5, None], dtype="Float64"), [0.5, np.nan]),
        (pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], categories=["c", "b", "a"])),
        (["a", None], ["a", None]),
    ],
    ids=["missing in both", "whole numbers", "nullable", "nullable floats", "other categories that might be", "text"],
)
def test_what_holds_the_same_values_is_the_same(batch, served):
    assert differences(frame(x=batch), frame(x=served), ["e1", "e2"]) == ()


@pytest.mark.parametrize(
    ("batch", "served", "rows", "shown"),
    [
        ([1.0, 0.5], [1.0, ONE_MORE_BIT], 1, ("0.5", repr(ONE_MORE_BIT))),
        ([1.0, 0.0], [1.0, -0.0], 1, ("0.0", "-0.0")),
        ([1.0, np.nan], [1.0, 0.0], 1, ("missing", "0.0")),
        (["a", "b"], ["a", "c"], 1, ("'b'", "'c'")),
        (["1", "2"], [1, 2], 2, ("'1'", "1")),
        (np.array([1, 0.1], "f4"), np.array([1, 0.1], "f8"), 2, ("1.0", "1.0")),
    ],
    ids=["a bit", "the sign of zero", "missing in one", "another category", "text for numbers", "another width"],
)
def test_a_difference_names_the_column_how_many_rows_and_one_of_them(batch, served, rows, shown):
    (found,) = differences(frame(x=batch, y=[1, 2]), frame(x=served, y=[1, 2]), ["e1", "e2"])

    assert (found.column, found.rows, found.of, (found.batch, found.served)) == ("x", rows, 2, shown)
    assert found.entity == ("e2" if rows == 1 else "e1")


def test_how_far_apart_numbers_are_is_said_and_may_be_allowed():
    batch, served = frame(x=[1.0, 0.5, 2.0], y=["a", "b", "c"]), frame(x=[1.25, ONE_MORE_BIT, 2.0], y=["a", "b", "c"])
    (found,) = differences(batch, served, ["e1", "e2", "e3"], tolerance=1e-9)

    assert (found.rows, found.entity, found.farthest) == (1, "e1", 0.25)
    assert str(found) == "x in 1 of 3 rows, by 0.25 at most (of e1 the batch has 1.0, HTTP 1.25)"
    assert differences(batch, served, ["e1", "e2", "e3"], tolerance=0.25) == ()
    assert differences(frame(x=[np.nan]), frame(x=[0.0]), ["e1"], tolerance=9.0)[0].farthest is None


def test_a_column_that_is_on_one_side_alone_differs_in_every_row():
    found = differences(frame(x=[1, 2]), frame(y=[1, 2]), ["e1", "e2"])

    assert [(one.column, one.rows, one.served) for one in found] == [("x", 2, "no such column"), ("y", 2, "1")]


# ---------------------------------------------------------------- through the application


def found(store: Store, problem=umbrellas.PROBLEM, **options):
    (one,) = skews(store, problem, **options)
    return one


def test_rows_are_over_http_what_they_are_in_the_batch(shared):
    skew = found(shared, rows=50)

    assert skew.is_equal and not skew.neighbourly and skew.partition == NEWEST
    assert [(way.name, way.rows, str(way)) for way in skew.ways] == [
        ("features as JSON", 50, "equal, bit for bit"),
        ("features as Arrow", 50, "equal, bit for bit"),
        ("raw rows as JSON", 400, "equal, bit for bit"),
        ("raw rows as Arrow", 400, "equal, bit for bit"),
    ]
    assert skew.sentence.startswith(
        f"umbrellas [{NEWEST}]: 900 rows in 4 ways are over HTTP what they are in the batch."
    )


def test_a_row_by_itself_may_be_answered_otherwise_by_its_last_bits_and_has_the_same_features(shared):
    skew = found(shared)

    assert skew.alone.rows == 20 and skew.neighbourly == ()
    assert all(one.is_answer and one.farthest < 1e-15 for one in skew.alone.differences)
    assert found(shared, tolerance=1e-12).alone.is_equal


def test_of_lines_those_are_compared_that_have_a_champion(shared):
    (skew,) = skews(shared, ice_cream.PROBLEM)

    assert (skew.name, skew.is_equal) == (f"ice_cream@{BEACH}", True)


def test_features_that_another_code_makes_are_named_and_the_answers_with_them(shared):
    def edited(history, data):
        made = umbrellas.features(history, data)
        return made.assign(above_usual=made["above_usual"].where(data["shop"] == "east", -made["above_usual"]))

    skew = found(shared, umbrellas.with_features(edited))
    west = int((shared.load(f"umbrellas/dataset@{NEWEST}")["shop"] == "west").sum())

    assert not skew.is_equal and skew.columns == ("above_usual", "prediction")
    assert [way.is_equal for way in skew.ways] == [True, True, False, False]
    assert skew.ways[2].differences[0].rows == west
    assert f"raw rows as JSON: above_usual in {west} of 400 rows, by " in skew.sentence


def neighbourly(history, data):
    """The mean of the partition itself: another one wherever other rows are sent."""
    return umbrellas.features(history, data).assign(above_usual=data["clouds"] - data["clouds"].mean())


def features_again(store: Store, problem) -> None:
    """The features of the newest month, as the batch chain makes them with this problem."""
    datasets = [store.head("umbrellas/dataset", month).target for month in (BEFORE, NEWEST)]
    *history, data = map(store.load, datasets)
    content = store.put(feature_table(problem, history, data))
    inputs = tuple(Input("datasets", key, store.manifest(key).content.digest) for key in datasets)
    store.publish(Manifest("umbrellas/features", NEWEST, content, inputs=inputs), why="for a test")


def test_a_feature_that_needs_its_neighbours_is_told_apart_from_skew(own):
    problem = umbrellas.with_features(neighbourly)
    features_again(own, problem)
    skew = found(own, problem)

    assert skew.is_equal and skew.columns == ()
    assert skew.neighbourly == ("above_usual",) and skew.alone.differences[-1].is_answer
    alone = skew.alone.differences[0]
    assert (alone.served, alone.rows) == ("0.0", alone.of)
    assert "what they are in the batch. Sent one by one, rows have other features: above_usual (1)." in skew.sentence


def test_features_that_are_older_than_their_history_are_named_with_what_is_newer(own):
    dataset = own.load(f"umbrellas/dataset@{BEFORE}")
    corrected = own.put(dataset.assign(clouds=dataset["clouds"] + 0.25))
    key, _ = own.publish(Manifest("umbrellas/dataset", BEFORE, corrected), why="for a test")
    skew = found(own)

    assert skew.columns == ("above_usual", "prediction")
    assert f"The stored features are older than {key}, which raw rows get: make them again." in skew.sentence


def test_rows_that_the_batch_answers_and_http_refuses_are_skew(shared):
    narrower = umbrellas.schema
    problem = replace(
        umbrellas.PROBLEM, schema=lambda: narrower().remove_columns(["shop"]).add_columns({"shop": shops()})
    )
    skew = found(shared, problem)

    assert not skew.is_equal and skew.columns == ()
    assert "raw rows as JSON: refused: Column 'shop', row" in skew.sentence


def shops():
    import pandera.pandas as pa

    return pa.Column("str", pa.Check.isin(["east"]))


def test_without_a_champion_or_rows_to_compare_with_nothing_is_said_to_be_equal(shared, tmp_path):
    with pytest.raises(
        Refused, match=r"has no features of 2024-06 to compare with. There are 2024-01, 2024-02, 2024-03"
    ):
        found(shared, partition="2024-06")
    with pytest.raises(UnknownVersion, match="umbrellas has no champion"):
        found(open_store(str(tmp_path / "empty")))


# ---------------------------------------------------------------- at an address


@contextmanager
def at_an_address(store: Store, *, takes: int = 10**9) -> Iterator[AtAddress]:
    """The application behind a real port; of longer bodies it says what `ml-assets serve` says."""
    inside = InProcess(store, umbrellas.PROBLEM, None, "umbrellas")

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            too_much = Reply(413, b'{"error": "too much"}')
            token = self.headers["Authorization"] == "Bearer secret"
            reply = too_much if len(body) > takes else inside.ask(self.path, body, self.headers["Accept"])
            self.send_response(reply.status if token else 401)
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server, serving.serving(server):
        yield AtAddress(f"http://127.0.0.1:{server.server_port}/", "secret")
    inside.close()


def test_a_server_that_runs_is_asked_the_same(shared):
    with at_an_address(shared) as at:
        assert found(shared, at=at).is_equal
        with pytest.raises(Refused, match="The server answers 401 for umbrellas"):
            found(shared, at=replace(at, token="another"))
    with pytest.raises(Refused, match="does not answer"):
        found(shared, at=at)


def test_more_than_a_server_takes_is_said_not_to_have_been_asked(shared):
    with at_an_address(shared, takes=8_000) as at:
        skew = found(shared, at=at, rows=20)

    assert [way.is_asked for way in skew.ways] == [True, True, False, False] and skew.is_equal
    assert str(skew.ways[3]) == "not asked: too much"
    assert "40 rows in 2 ways are over HTTP" in skew.sentence
