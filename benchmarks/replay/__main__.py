"""Flights of 2013 as requests, month by month, and all that follows by itself.

    python -m benchmarks.replay [folder] [--begin 2013-03] [--to 2013-12] [--on 2013-04-15] [--days 10] [--hours 24]

March has a champion, of the months up to it. From April on the flights of each day are asked about over HTTP, before the first of
them leaves, with the features that are known two hours before each; answers are recorded. A month lands at its end, its outcomes
a day later. The sensor of retraining looks each day; what it asks for is trained, judged, promoted or not, served, and audited.
Printed are

    months      estimated before outcomes, beside what came; what alarmed; who answered
    decisions   what monitoring had trained and why, what was decided about it, what its audit says
    break       the same once more from one day on which a client begins to send kilometres for miles: when that is named, what
                follows, and whether it ends

The exit code is 1 where the break is not named on its first day, or trainings go on by themselves.
"""

from __future__ import annotations

import os

os.environ["OMP_NUM_THREADS"] = "1"  # before scikit-learn is loaded: trees are the same with any number

import argparse
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.replay import table
from benchmarks.replay.player import Month, Player, copied, opened
from benchmarks.replay.stream import Fault, of_flights
from ml_assets.problem import RetrainWhen

WHEN = RetrainWhen(new_partition=False, drift_above=0.05, performance_below=0.4, estimated_below=0.4, cooldown_days=14)
LOOKS = range(-1, 1)  # evenings about the break on which what is known lands, and is looked at
IDLE_DAYS = 90


def main(folder: Path, options: argparse.Namespace) -> int:
    """Print the tables; the exit code."""
    stream = of_flights(WHEN)
    fault = Fault("distance", 1.609, options.on, options.on + timedelta(days=options.days))
    begun = opened(stream, folder / "begun")
    if begun.store.head(f"{stream.problem.name}/champion", options.begin) is None:
        Player(stream, begun).begin(options.begin)
    player = Player(stream, copied(stream, begun, folder / "as it was"), hours=options.hours)
    keys = stream.problem.partitions.keys()
    months = [key for key in keys if options.begin < key <= options.to]
    broken = _until(player, [key for key in months if key < f"{options.on:%Y-%m}"]).forked(
        folder / "broken", fault, [fault.since + timedelta(days=n) for n in LOOKS]
    )
    after = [key for key in months if key >= f"{options.on:%Y-%m}"]
    _until(broken, after[:2])
    broken.end()
    idle = broken.idle(after[:2][-1], IDLE_DAYS)
    _until(player, after).end()
    print("as it was\n")
    _print([*player.months.values()])
    print(f"\n{fault.feature} × {fault.times} in requests of {fault.since} until {fault.until}\n")
    _print([broken.months[key] for key in after[:2]])
    return _held(broken.months[after[0]], [*broken.months.values(), idle], fault)


def _until(player: Player, months: Sequence[str]) -> Player:
    for month in months:
        player.live(month)
    return player


def _print(months: Sequence[Month]) -> None:
    for lines in (table.table(months), table.coverage(months), table.events(months)):
        print(*lines, "", sep="\n", flush=True)


def _held(month: Month, months: Sequence[Month], fault: Fault) -> int:
    """Whether the break was named on its first day, and trainings ended."""
    named = table.named_on(month, fault.feature)
    days = f"on the evening of {named[0]}, as since {named[1]}" if named else "never"
    print(f"{fault.feature} is named {days}; it broke on {fault.since}")
    trainings = [training for of in months for training in of.trainings]
    wrong = [*table.loops(trainings, WHEN.cooldown_days)]
    print(
        f"trainings in {IDLE_DAYS} days in which nothing happened: {len(months[-1].trainings)}; {' '.join(wrong) or 'no loop'}"
    )
    return 0 if named == (fault.since, fault.since.isoformat()) and not wrong and len(months[-1].trainings) <= 1 else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser("benchmarks.replay")
    parser.add_argument("folder", nargs="?", type=Path, help="keeps the first champion; a temporary one unless given")
    parser.add_argument("--begin", default="2013-03", help="the month whose model is the first champion")
    parser.add_argument("--to", default="2013-12", help="the last month")
    parser.add_argument("--on", type=date.fromisoformat, default=date(2013, 4, 15), help="the first day of the break")
    parser.add_argument("--days", type=int, default=10, help="how long it lasts")
    parser.add_argument("--hours", type=int, default=24, help="rows are asked about in requests of so many hours each")
    given = parser.parse_args()
    with TemporaryDirectory() as made:
        sys.exit(main(given.folder or Path(made), given))
