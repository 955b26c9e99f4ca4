"""What SQL says is what the manifests and logs say; and a query touches nothing else."""

from __future__ import annotations

import math
import os
from datetime import datetime
from pathlib import Path

import pytest

from ml_assets.errors import UsageError
from ml_assets.lineage.index.tables import TABLES
from ml_assets.lineage.sql import Result, sql
from ml_assets.promotion.ledger import LEDGER
from ml_assets.store import Check, Input, LandedFile, Manifest, Store, VersionKey, open_store
from ml_assets_tests.conftest import MONTHS


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(str(tmp_path / "store"), user="ada")


@pytest.fixture
def ask(store: Store, tmp_path: Path):
    """The rows of the answer, the index kept between questions."""
    return lambda query: sql(store, query, tmp_path / "cache").rows


def make(store: Store, asset: str = "toy/model", **fields) -> VersionKey:
    return store.publish(Manifest(asset, "2024-01", store.put({"made": asset}), **fields), why="a test")[0]


# ---------------------------------------------------------------- the tables


def test_a_version_is_a_row_with_what_its_manifest_says(store, ask):
    key = make(
        store,
        seed=7,
        run="run 1",
        by="ada",
        created_at="2024-02-01T03:00:00+01:00",
        environment="e" * 64,
        code={"git_commit": "c0ffee", "why": "computed: first", "computation": {"key": "a" * 64, "code": "b" * 64}},
        resources={"wall_seconds": 3.5, "cpu_seconds": 2, "gpu_seconds": 0.5, "peak_memory_mib": 340.25},
    )
    manifest = store.manifest(key)
    answer = sql(store, "FROM versions", None)
    assert dict(zip(answer.columns, answer.rows[0], strict=True)) == {
        "version": key.version,
        "asset": "toy/model",
        "problem": "toy",
        "noun": "model",
        "partition": "2024-01",
        "created_at": datetime(2024, 2, 1, 2),  # UTC
        "who": "ada",
        "branch": "main",
        "run": "run 1",
        "rejected": False,
        "digest": manifest.content.digest,
        "bytes": manifest.content.size,
        "codec": manifest.content.codec,
        "seed": 7,
        "environment": "e" * 64,
        "computation": "a" * 64,
        "code": "b" * 64,
        "git_commit": "c0ffee",
        "why": "computed: first",
        "wall_seconds": 3.5,
        "cpu_seconds": 2.0,
        "gpu_seconds": 0.5,
        "peak_memory_mib": 340.25,
    }


def test_what_a_version_made_before_did_not_record_is_null(store, ask):
    make(store)
    assert ask("SELECT computation, code, why, gpu_seconds, seed, created_at FROM versions") == [(None,) * 6]


def test_lists_of_a_manifest_are_tables_of_their_own(store, ask):
    data = make(store, "toy/data")
    content = store.manifest(data).content
    key = make(
        store,
        inputs=(Input("rows", data, content.digest),),
        landed=(LandedFile("a/b.parquet", "d" * 64, 4711),),
        checks=(Check("volume", True, True, "3 rows."), Check("gates", False, False, "auroc is low.")),
    )
    of = f"WHERE version = '{key.version}'"
    assert ask(f"FROM inputs {of}") == [(key.version, "rows", data.version, "toy/data", "2024-01", content.digest)]
    assert ask(f"FROM landed {of}") == [(key.version, "a/b.parquet", "d" * 64, 4711)]
    assert ask(f"FROM checks {of}") == [
        (key.version, "volume", True, True, "3 rows."),
        (key.version, "gates", False, False, "auroc is low."),
    ]
    file = content.files[0]
    assert ask(f"FROM files WHERE version = '{data.version}'") == [(data.version, file.path, file.digest, file.size)]


def test_metrics_are_numbers_with_their_intervals_and_nested_ones_have_paths(store, ask):
    scores = {"value": 0.8, "low": 0.7, "high": 0.9, "baseline": 0.5}
    metrics = {"auroc": scores, "brier": {"value": math.nan}, "rows": {"train": 231}, "loss": 0.25, "told": "a word"}
    make(store, metrics=metrics)
    assert ask("SELECT metric, value, low, high, baseline FROM metrics ORDER BY metric") == [
        ("auroc", 0.8, 0.7, 0.9, 0.5),
        ("brier", None, None, None, None),
        ("loss", 0.25, None, None, None),
        ("rows/train", 231.0, None, None, None),
    ]


def test_a_parameter_is_json_and_a_number_where_it_is_one(store, ask):
    make(store, params={"rate": 0.05, "deep": True, "name": "é", "layers": [8, 4], "none": None})
    assert ask("SELECT name, value, number FROM params ORDER BY name") == [
        ("deep", "true", 1.0),
        ("layers", "[8, 4]", None),
        ("name", '"é"', None),
        ("none", "null", None),
        ("rate", "0.05", 0.05),
    ]


def test_a_refused_version_is_there_and_says_so(store, ask):
    make(store)
    make(store, checks=(Check("volume", False, True, "No rows."),))
    assert ask("SELECT rejected, count(*) FROM versions GROUP BY 1 ORDER BY 1") == [(False, 1), (True, 1)]


def test_moves_of_a_champion_tell_kind_and_as_of(store, ask):
    first, second = make(store, seed=1), make(store, seed=2)
    for n, (model, kind) in enumerate([(first, "decision"), (second, "promotion"), (first, "rollback")]):
        details = {"kind": kind, "as_of": "2024-01", "branch": "main"}
        store.move(f"toy/{LEDGER}", None, model, expected=n, why=f"because of {n}", details=details)
    query = (
        "SELECT n, version, kind, as_of, who, why, partition FROM moves WHERE asset = 'toy/ledger' ORDER BY moved_at"
    )
    assert ask(query) == [
        (1, first.version, "decision", "2024-01", "ada", "because of 0", None),
        (2, second.version, "promotion", "2024-01", "ada", "because of 1", None),
        (3, first.version, "rollback", "2024-01", "ada", "because of 2", None),
    ]


def test_moves_of_every_branch_are_told_apart(store, ask):
    key = make(store)
    store.on("try/this").name(store.manifest(key), why="on a branch")
    assert ask("SELECT branch, version, why FROM moves ORDER BY branch") == [
        ("main", key.version, "a test"),
        ("try/this", key.version, "on a branch"),
    ]


def test_runs_tell_what_was_made_and_what_reuse_saved(store, ask):
    key = make(store, run="first")
    told = {"reused": True, "saved_seconds": 12.5}
    store.name(store.manifest(key), why="reused", reused_by="second", details=told)
    assert ask("SELECT run, version, reused, saved_seconds FROM runs ORDER BY run") == [
        ("first", key.version, False, None),
        ("second", key.version, True, 12.5),
    ]


def test_every_version_that_dagster_made_is_there(shared, tmp_path):
    answer = sql(shared, "SELECT version FROM versions", tmp_path)
    assert {row[0] for row in answer.rows} == {key.version for a in shared.assets() for key in shared.versions(a)}
    assert answer.warnings == ()


def test_the_best_model_is_found_by_metric(shared, tmp_path):
    query = """
        SELECT partition, value FROM metrics JOIN versions USING (version)
        WHERE metric = 'auroc' AND asset = 'umbrellas/evaluation' ORDER BY value DESC
    """
    heads = [shared.manifest(shared.head("umbrellas/evaluation", month).target) for month in MONTHS]
    expected = sorted(((m.partition, m.metrics["auroc"]["value"]) for m in heads), key=lambda pair: -pair[1])
    assert sql(shared, query, tmp_path).rows == expected


def test_an_answer_becomes_a_frame(store, ask, tmp_path):
    make(store, resources={"wall_seconds": 3.5})
    frame = sql(store, "SELECT asset, wall_seconds FROM versions", tmp_path).frame()
    assert list(frame.columns) == ["asset", "wall_seconds"]
    assert frame.iloc[0].to_dict() == {"asset": "toy/model", "wall_seconds": 3.5}


def test_an_answer_is_cut_where_it_was_asked_for_and_says_so(store):
    def cut(limit: int):
        answer = sql(store, "FROM range(5)", None, limit=limit)
        return len(answer.rows), answer.more

    assert [cut(4), cut(5), cut(6)] == [(4, True), (5, False), (5, False)]


def test_a_store_that_does_not_exist_has_empty_tables(store, ask):
    assert [ask(f"SELECT count(*) FROM {table.name}") for table in TABLES] == [[(0,)]] * len(TABLES)


def test_columns_of_one_name_are_told_apart_and_none_is_lost(store):
    answer = sql(store, "SELECT 1 AS digest, 2 AS digest, 3 AS digest_1, 4 AS digest", None)
    assert dict(zip(answer.columns, answer.rows[0], strict=True)) == {
        "digest": 1,
        "digest_1": 2,
        "digest_1_1": 3,
        "digest_2": 4,
    }


# ---------------------------------------------------------------- questions of all kinds


@pytest.mark.parametrize(
    "query",
    [
        "SELECT count(*) FROM versions",
        "  -- how many?\nselect COUNT(*) from VERSIONS;",
        "WITH v AS (FROM versions) SELECT count(*) FROM v",
        'SELECT count(*) FROM "Versions"',
        "SELECT count(*) FROM main.versions",
        "SELECT count(*) FROM query_table('versions')",
        "FROM query('SELECT count(*) FROM ' || 'versions')",
    ],
)
def test_however_a_table_is_asked_for_it_is_whole(store, ask, query):
    make(store)
    assert ask(query) == [(1,)]


def test_a_table_whose_name_is_hidden_is_absent_and_never_empty(store, ask):
    make(store)
    assert ask("FROM query('SELECT count(*) FROM ver' || 'sions')") == [(1,)]
    with pytest.raises(UsageError, match="does not exist"):
        ask("SELECT * FROM metrics, query('SELECT count(*) FROM ver' || 'sions')")


def test_the_tables_describe_themselves_with_the_columns_that_are_announced(store, ask):
    assert ask("SHOW TABLES") == [(name,) for name in sorted(table.name for table in TABLES)]
    for table in TABLES:
        assert [row[0] for row in ask(f"DESCRIBE {table.name}")] == list(table.columns)


def test_columns_need_no_quotes(store, ask):
    for table in TABLES:
        ask(f"SELECT {', '.join(table.columns)} FROM {table.name} ORDER BY {', '.join(table.columns)}")


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT problm FROM versions", 'Candidate bindings: "problem"'),
        ("SELECT * FROM version", 'Did you mean "versions"'),
        ("SELEC 1", "syntax error"),
    ],
)
def test_a_mistake_is_shown_with_what_is_near(store, ask, query, said):
    make(store)
    with pytest.raises(UsageError, match="cannot be answered") as refused:
        ask(query)
    assert said in str(refused.value)
    assert query in str(refused.value)
    assert "ml-assets sql" in str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "INSERT INTO versions SELECT * FROM versions",
        "WITH v AS (SELECT 1) DELETE FROM versions",
        "DROP TABLE versions",
        "CREATE TABLE mine AS FROM versions",
        "COPY versions TO 'stolen.csv'",
        "EXPORT DATABASE 'stolen'",
        "ATTACH 'other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "PRAGMA database_list",
        "CALL enable_logging('QueryLog', storage = 'file')",
        "EXPLAIN COPY versions TO 'stolen.csv'",
    ],
)
def test_whatever_is_no_single_question_is_refused(store, ask, query, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.rglob("*"))
    with pytest.raises(UsageError, match="Write one SELECT"):
        ask(query)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "source",
    [
        "read_csv('/etc/passwd')",
        "read_text('/etc/passwd')",
        "read_blob('/etc/passwd')",
        "read_json('/etc/passwd')",
        "read_parquet('/etc/passwd')",
        "sniff_csv('/etc/passwd')",
        "glob('/*')",
        "'/etc/passwd'",
        "'https://127.0.0.1:9/x.parquet'",
        "query('FROM read_text(''/etc/passwd'')')",
        "enable_logging('QueryLog', storage = 'file')",
        "duckdb_secrets()",
    ],
)
def test_a_query_cannot_reach_the_machine(store, ask, source):
    with pytest.raises(UsageError):
        ask(f"SELECT * FROM {source}")


def test_a_query_cannot_see_variables_of_the_program(store, ask):
    import pandas as pd

    mine = pd.DataFrame({"secret": [1]})
    with pytest.raises(UsageError, match="mine does not exist"):
        ask("SELECT * FROM mine")
    assert len(mine) == 1


def test_a_query_cannot_read_the_environment(store, ask, monkeypatch):
    monkeypatch.setitem(os.environ, "SECRET", "hunter2")
    with pytest.raises(UsageError, match="getenv does not exist"):
        ask("SELECT getenv('SECRET')")


def test_what_does_not_fit_in_memory_is_not_written_to_the_current_folder(store, ask):
    assert ask("SELECT current_setting('temp_directory')") == [("",)]


def test_manifests_with_other_types_than_ours_hide_no_others(store, ask, tmp_path):
    make(store, params=["no", "mapping"], metrics={"auroc": {"value": "high"}}, code={"computation": 3, "why": 4})
    make(store, seed=2**70, created_at="soon", resources={"wall_seconds": 10**400, "cpu_seconds": "much"})
    make(store, params={"whole": 2**70})
    assert ask("SELECT seed, wall_seconds, why, created_at FROM versions") == [(None,) * 4] * 2
    (told,) = sql(store, "SELECT 1", tmp_path / "other cache").warnings
    assert "is left out, UnreadableContent" in told  # the first, of which nothing is used
    assert ask("SELECT name, number FROM params") == [("whole", float(2**70))]


def test_a_frame_of_an_answer_rounds_no_whole_number():
    frame = Result(("n", "flag", "x"), [(2**53 + 1, True, 0.5), (None, None, None)]).frame()
    assert frame.dtypes.astype(str).to_dict() == {"n": "Int64", "flag": "boolean", "x": "float64"}
    assert frame["n"].dropna().tolist() == [2**53 + 1]
