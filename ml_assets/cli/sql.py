"""`ml-assets sql "…"`: questions about everything that was ever made, in SQL."""

from __future__ import annotations

import argparse
import csv
import math
import sys
import textwrap
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import ml_assets
from ml_assets.cli.show import command, progress, say, say_json, table
from ml_assets.errors import UsageError
from ml_assets.lineage.index.tables import TABLES
from ml_assets.lineage.sql import Result, sql
from ml_assets.settings import Settings

ROWS_FOR_PEOPLE = 1_000
WARNINGS_SHOWN = 5
WIDEST_CELL = 80

QUESTIONS = {
    "what does each problem cost?": (
        "SELECT problem, count(*) AS versions, sum(wall_seconds) / 3600 AS hours FROM versions GROUP BY problem "
        "ORDER BY hours DESC"
    ),
    "what did reuse save?": (
        "SELECT problem, count(*) AS reused, sum(saved_seconds) / 3600 AS hours FROM runs WHERE reused GROUP BY problem"
    ),
    "which model is best?": (
        "SELECT problem, partition, input_version[:12] AS model, value FROM metrics JOIN versions USING (version) "
        "JOIN inputs USING (version) WHERE metric = 'auroc' AND noun = 'evaluation' AND name = 'model' "
        "ORDER BY value DESC LIMIT 10"
    ),
    "who moved the champion?": (
        "SELECT moved_at, problem, kind, as_of, who, why FROM moves WHERE asset LIKE '%/ledger' ORDER BY moved_at DESC"
    ),
    "which versions used a landed file?": (
        "SELECT asset, partition, version[:12] FROM versions JOIN landed USING (version) WHERE name LIKE '%2013-05%'"
    ),
}
EXAMPLES = "\n".join(f'  {question}\n    ml-assets sql "{query}"' for question, query in QUESTIONS.items())


def add_to(verbs: Any) -> None:
    """Add `sql`."""
    parser = command(verbs, "sql", "ask about everything that was ever made, in SQL (DuckDB's)", ask, EXAMPLES)
    parser.add_argument("query", nargs="?", help="one SELECT; without it, the tables and their columns are listed")
    parser.add_argument("--tables", action="store_true", help="list the tables and their columns")
    parser.add_argument("--csv", action="store_true", help="print CSV, for programs")
    parser.add_argument(
        "--limit", type=_rows, metavar="N", help=f"at most N rows (default: {ROWS_FOR_PEOPLE:,}; all as JSON or CSV)"
    )


def ask(options: argparse.Namespace, settings: Settings) -> int:
    """Print the answer, or what there is to ask about."""
    if options.json and options.csv:
        raise UsageError("Give --json or --csv, not both.")
    if options.tables or options.query is None:
        return _list_tables(options)
    is_for_people = not (options.json or options.csv)
    limit = options.limit or (ROWS_FOR_PEOPLE if is_for_people else None)
    store = ml_assets.open_store(settings)
    answer = sql(store, options.query, Path(settings.cache), limit=limit, tell=progress)
    _warn(answer)
    if options.json:
        say_json([dict(zip(answer.columns, map(_plain, row), strict=True)) for row in answer.rows])
    elif options.csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([answer.columns, *answer.rows])
    else:
        _say_table(answer)
    return 0


def _say_table(answer: Result) -> None:
    if not answer.rows:
        say(f"no rows; the columns would be {', '.join(answer.columns)}")
        return
    say(table([[_cell(value) for value in row] for row in answer.rows], answer.columns))
    if answer.more:
        say(f"… and more: these are the first {len(answer.rows):,} rows. All of them: --csv or --json; more: --limit N")


def _warn(answer: Result) -> None:
    for warning in answer.warnings[:WARNINGS_SHOWN]:
        progress(f"warning: {warning}")
    if len(answer.warnings) > WARNINGS_SHOWN:
        progress(f"warning: and {len(answer.warnings) - WARNINGS_SHOWN:,} more; see them all: ml-assets verify")


def _list_tables(options: argparse.Namespace) -> int:
    if options.json:
        say_json({table.name: {"about": table.about, "columns": dict(table.columns)} for table in TABLES})
        return 0
    for each in TABLES:
        say(f"{each.name}: {each.about}")
        say(textwrap.fill(", ".join(each.columns), 100, initial_indent="  ", subsequent_indent="  "))
    say()
    for question, query in list(QUESTIONS.items())[:2]:
        say(f'{question}\n  ml-assets sql "{query}"')
    return 0


def _cell(value: Any) -> str:
    """One value on one line."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    text = f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())
    text = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
    return text if len(text) <= WIDEST_CELL else text[: WIDEST_CELL - 1] + "…"


def _plain(value: Any) -> Any:
    """A value as JSON: what JSON has no word for (times, exact decimals, …) becomes a string, or a number."""
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, datetime) else str(value)


def _rows(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rows; write 1 or more")
    return int(text)
