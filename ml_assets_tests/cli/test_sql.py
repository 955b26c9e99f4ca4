from __future__ import annotations

import csv
import json
import os
import signal
import threading
from pathlib import Path

import pytest

from ml_assets.cli.sql import QUESTIONS
from ml_assets.lineage.index.tables import TABLES
from ml_assets_tests.conftest import MONTHS


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_CACHE", str(tmp_path / "cache"))


MONTHLY = "SELECT partition, count(*) AS n FROM versions WHERE problem = 'umbrellas' GROUP BY 1 ORDER BY 1"


def test_an_answer_is_a_table(shared, call):
    answer = call("sql", MONTHLY)
    assert (answer.code, answer.err) == (0, "")
    header, rule, *rows = answer.lines
    assert header.split() == ["partition", "n"]
    assert set(rule) == {"─", " "}
    assert [row.split()[0] for row in rows] == list(MONTHS)


def test_an_answer_as_json_has_types(shared, call):
    rows = call("sql", MONTHLY, "--json").json
    assert [row["partition"] for row in rows] == list(MONTHS)
    assert all(isinstance(row["n"], int) for row in rows)


def test_what_json_has_no_word_for_is_text_or_null(shared, call):
    query = (
        "SELECT DATE '2024-01-02' AS d, TIMESTAMP '2024-01-02 03:04:05' AS t, 1.5 AS n, 'nan'::DOUBLE AS x, [1] AS l"
    )
    assert call("sql", query, "--json").json == [
        {"d": "2024-01-02", "t": "2024-01-02T03:04:05", "n": 1.5, "x": None, "l": [1]}
    ]


def test_an_answer_as_csv_can_be_read_again(shared, call):
    header, *rows = csv.reader(call("sql", "SELECT 'a,\"b' AS x, NULL AS y, 1.5 AS z", "--csv").lines)
    assert (header, rows) == (["x", "y", "z"], [['a,"b', "", "1.5"]])


def test_people_get_the_first_rows_and_are_told_so_and_programs_get_all(shared, call):
    query = "SELECT range AS n FROM range(1001)"
    answer = call("sql", query)
    assert len(answer.lines) == 2 + 1_000 + 1
    assert answer.lines[-1].startswith("… and more: these are the first 1,000 rows.")
    assert len(call("sql", query, "--json").json) == 1_001
    assert len(call("sql", query, "--csv").lines) == 1 + 1_001
    assert len(call("sql", query, "--limit", "2").lines) == 2 + 2 + 1
    assert len(call("sql", query, "--csv", "--limit", "2").lines) == 1 + 2


def test_an_answer_without_rows_says_so(shared, call):
    assert (
        call("sql", "SELECT asset, run FROM versions WHERE false").out == "no rows; the columns would be asset, run\n"
    )
    assert call("sql", "SELECT 1 WHERE false", "--json").json == []


def test_a_cell_is_one_line_and_cannot_steer_the_terminal(shared, call):
    (cell,) = call("sql", "SELECT 'a\nb' || chr(27) || '[31m' AS x").lines[2:]
    assert cell == "a b\N{REPLACEMENT CHARACTER}[31m"


@pytest.mark.parametrize("arguments", [(), ("--tables",)], ids=["no query", "--tables"])
def test_without_a_query_the_tables_are_listed_with_questions_to_begin_with(shared, call, arguments):
    answer = call("sql", *arguments)
    assert answer.code == 0
    for table in TABLES:
        assert f"{table.name}: {table.about}" in answer.lines
        assert all(column in answer.out for column in table.columns)
    assert answer.out.count('ml-assets sql "SELECT') == 2


def test_the_tables_as_json_have_the_columns_with_their_types(shared, call):
    listed = call("sql", "--tables", "--json").json
    assert {name: list(table["columns"]) for name, table in listed.items()} == {t.name: list(t.columns) for t in TABLES}


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_of_the_help_can_be_asked(shared, call, question):
    query = QUESTIONS[question]
    answer = call("sql", query, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert query in call("sql", "--help").out


def test_the_examples_answer_what_they_say(shared, call):
    cost = call("sql", QUESTIONS["what does each problem cost?"], "--json").json
    assert {row["problem"] for row in cost} == {"umbrellas", "ice_cream"}
    best = call("sql", QUESTIONS["which model is best?"], "--json").json
    assert best[0]["model"] == shared.head("umbrellas/model", best[0]["partition"]).target.short
    moves = call("sql", QUESTIONS["who moved the champion?"], "--json").json
    assert {move["who"] for move in moves} == {"ada"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["SELECT problm FROM versions"], 'Candidate bindings: "problem"'),
        (["DROP TABLE versions"], "Write one SELECT"),
        (["SELECT * FROM read_text('/etc/passwd')"], "may only read the tables of the store"),
        (["SELECT 1", "--json", "--csv"], "not both"),
        (["SELECT 1", "--limit", "0"], "write 1 or more"),
    ],
    ids=["a wrong column", "a change", "a file", "two forms", "no rows"],
)
def test_what_cannot_be_asked_is_not_understood(shared, refused, arguments, said):
    assert said in refused(2, "sql", *arguments)


def test_damage_is_told_beside_the_answer(own, call):
    key = own.head("umbrellas/model", "2024-01").target
    (manifest,) = Path(own.url).rglob(f"{key.version}.json")
    manifest.write_bytes(b"{}")
    answer = call("sql", "SELECT count(*) AS n FROM versions WHERE asset = 'umbrellas/model'", "--json")
    assert json.loads(answer.out) == [{"n": len(MONTHS) - 1}]
    assert answer.err.startswith("warning: versions/umbrellas/model/2024-01/")
    assert "CorruptBlob" in answer.err


def test_ctrl_c_ends_a_query_that_takes_long(shared, call):
    for_years = (
        "SELECT count(*) FROM range(1_000_000_000) AS a, range(1_000_000_000) AS b WHERE hash(a.range + b.range) = 0"
    )
    pressed = threading.Timer(2, os.kill, (os.getpid(), signal.SIGINT))
    pressed.start()
    answer = call("sql", for_years)
    assert (answer.code, answer.out) == (130, "")
