#!/usr/bin/env bash
# DuckDB 2.0.0 (its Python bindings, made with nanobind): a process that freezes the garbage collector before it ends is told of leaks.
#
# gc.freeze() at the end is how servers and command lines spare the collector a last look through all modules: half a second after
# Dagster and pandas were loaded. The bindings count at exit what is still there, and print it, at length, to standard error.
# Seen: "nanobind: leaked 27 instances!" of DuckDB's types, and functions; nothing without gc.freeze(). The exit code stays 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'duckdb==2.0.0' 2>/dev/null
said() { "$folder/venv/bin/python" -c "$1" 2>&1 | grep -c '^nanobind: leaked' || true; }
plain=$(said 'import duckdb')
frozen=$(said 'import atexit, gc, duckdb; atexit.register(gc.freeze)')
echo "DuckDB 2.0.0: kinds of leaks told at exit: $plain without gc.freeze(), $frozen with it"
[ "$plain" = 0 ] && [ "$frozen" -ge 1 ] || { echo "this has changed" >&2; exit 1; }
