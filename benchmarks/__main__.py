"""`make bench`: what we claim to be fast, as ratios measured in one run, how often an object store is asked, and
what memory steps take.

The exit code is 1 where a claim does not hold.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

from benchmarks import (
    chain,
    import_time,
    judging,
    landing_tick,
    many_problems,
    memory,
    requests,
    shared_cores,
    training_loop,
)
from benchmarks.comparison import Comparison

BENCHMARKS = (
    import_time,
    many_problems,
    chain,
    shared_cores,
    landing_tick,
    *training_loop.BENCHMARKS,
    *judging.BENCHMARKS,
)
ROW = "{:30} {:>7} {:20} {:>7} {:>6} {:>9}"


def main() -> int:
    comparisons = [benchmark.compare() for benchmark in BENCHMARKS]
    counts, peaks = requests.count(), memory.peaks()
    for line in (*table(comparisons), "", *requests.table(counts), "", *memory.table(peaks)):
        print(line)
    return 0 if all(each.holds for each in (*comparisons, *counts, *peaks)) else 1


def table(comparisons: list[Comparison]) -> Iterator[str]:
    yield ROW.format("ours", "s", "against", "s", "ratio", "claimed")
    for c in comparisons:
        ours, theirs = statistics.median(c.our_seconds), statistics.median(c.their_seconds)
        mark = "" if c.holds else "  does not hold"
        yield ROW.format(c.ours, f"{ours:.2f}", c.theirs, f"{theirs:.2f}", f"{c.ratio:.2f}", f"<= {c.at_most:g}") + mark


if __name__ == "__main__":
    sys.exit(main())
