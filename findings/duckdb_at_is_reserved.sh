#!/usr/bin/env bash
# DuckDB 1.4.4 and 2.0.0: `at` is a reserved word, so that a column of this name must be quoted.
#
# PostgreSQL and SQLite take it as it is; it is a common name of the time of an event. DuckDB uses it for time travel,
# `from t at (version => 1)`, and reserves it everywhere, also where no table is travelled.
# Seen: "select at from t", "where at >= 1" and "create table t (at int)" are Parser Errors; "at" in double quotes works.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/ask.py" <<'PY'
import sqlite3
import duckdb

def refused(connection, query):
    try:
        connection.execute(query)
    except Exception as error:
        return type(error).__name__ == "ParserException"
    return False

duck, lite = duckdb.connect(), sqlite3.connect(":memory:")
for database in (duck, lite):
    database.execute('create table t ("at" int)')
queries = ["select at from t", "select * from t where at >= 1", "create table u (at int)", 'select "at" from t where "at" >= 1']
print(duckdb.__version__, [refused(duck, query) for query in queries], [refused(lite, query) for query in queries])
PY
python3 -m venv "$folder/venv"
for version in 1.4.4 2.0.0; do
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "duckdb==$version" 2>/dev/null
    said=$("$folder/venv/bin/python" "$folder/ask.py")
    echo "DuckDB $said (refused by DuckDB, by SQLite)"
    [ "$said" = "$version [True, True, True, False] [False, False, False, False]" ] || { echo "this has changed" >&2; exit 1; }
done
