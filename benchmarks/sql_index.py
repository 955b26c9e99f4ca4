"""A query over 100,000 versions of which ten are new, against listing their keys, which no answer can do without.

With the first query, which reads them all, and one with nothing new:

    python -m benchmarks.sql_index
"""

from __future__ import annotations

import itertools
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.comparison import Comparison, in_turns
from ml_assets.lineage.sql import sql
from ml_assets.store import Check, Content, Input, LandedFile, Manifest, Store, open_store

VERSIONS = 100_000
NEW = 10
ROUNDS = 5
PROBLEMS, MONTHS = 10, 240
NOUNS = ("dataset", "features", "split", "model", "evaluation", "champion", "predictions")
QUERY = """
    SELECT v.problem, count(*), sum(v.wall_seconds), max(m.value)
    FROM versions v LEFT JOIN metrics m ON m.version = v.version AND m.metric = 'auroc'
    GROUP BY v.problem
"""


def compare() -> Comparison:
    with tempfile.TemporaryDirectory() as folder:
        return _compare(Path(folder))


def _compare(folder: Path) -> Comparison:
    store, numbers = open_store(str(folder / "store")), itertools.count()
    fill(store, itertools.islice(numbers, VERSIONS))
    _said("first query", timed(lambda: ask(store, folder)))
    _said("nothing new", timed(lambda: ask(store, folder)))

    def ask_with_some_new() -> float:
        fill(store, itertools.islice(numbers, NEW))
        return timed(lambda: ask(store, folder))

    ours, theirs = in_turns(ask_with_some_new, lambda: timed(lambda: store.backend.list("versions")), ROUNDS)
    return Comparison(f"sql, {NEW} new of {VERSIONS:,}", "listing their keys", ours, theirs, at_most=5)


def ask(store: Store, folder: Path) -> None:
    answer = sql(store, QUERY, folder / "cache")
    counted = sum(row[1] for row in answer.rows)
    assert counted >= VERSIONS, counted
    assert not answer.warnings, answer.warnings


def fill(store: Store, numbers: Iterator[int]) -> None:
    content = store.put({"made": "for a benchmark"})
    before = store.commit(Manifest("p0/dataset", "2000-000", content))
    inputs = tuple(Input(name, before, content.digest) for name in ("split", "features"))
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(lambda number: store.commit(manifest(number, content, inputs)), numbers):
            pass


def manifest(number: int, content: Content, inputs: tuple[Input, ...]) -> Manifest:
    """Of the size that real ones have, about 2 kB."""
    noun, run = NOUNS[number % len(NOUNS)], number // len(NOUNS)
    score = {"value": 0.7 + number % 97 / 1000, "low": 0.68, "high": 0.79, "baseline": 0.5}
    return Manifest(
        f"p{run % PROBLEMS}/{noun}",
        f"2000-{run // PROBLEMS % MONTHS:03d}",
        content,
        inputs=inputs,
        landed=(LandedFile(f"p/{number}.parquet", content.digest, 4711),) if noun == "dataset" else (),
        code={"ml_assets": "0.1.0", "git_commit": "f9d63f9fd8c9c519bbaf074d61d2f3b7a644f108", "why": "computed: first"},
        params={"learning_rate": 0.1, "max_iter": 200, "max_leaf_nodes": 31, "class_weight": None},
        seed=number,
        environment=content.digest,
        resources={"wall_seconds": 3.1, "cpu_seconds": 2.3, "peak_memory_mib": 340.2},
        metrics={"auroc": score, "brier": score, "rows": {"train": 231, "validation": 110, "test": 59}},
        checks=tuple(Check(name, True, True, f"All {number} rows fit.") for name in ("schema", "volume", "unique")),
        run=f"{run:036d}",
        created_at=f"2026-01-01T00:{number // 60 % 60:02d}:{number % 60:02d}+00:00",
    )


def timed(do: Callable[[], object]) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


def _said(what: str, seconds: float) -> None:
    print(f"{what:12} {seconds:7.2f} s", file=sys.stderr)


if __name__ == "__main__":
    from benchmarks.__main__ import table

    measured = compare()
    print(*table([measured]), sep="\n")
    sys.exit(0 if measured.holds else 1)
