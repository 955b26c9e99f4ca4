"""`ml-assets land`: write a problem's sample data into the landing folder, through the door that real data takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.partitions import add_partitions, again, bounds
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.cli.work import groups_of
from ml_assets.errors import UsageError
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.store import LandingFolder

EXAMPLES = """  ml-assets land flight_delays                                  all months
  ml-assets land flight_delays --partitions 2013-01..2013-06    six of them
What lands for flight_delays are the files of the feature groups that it shares: flights and weather.
"""


def add_to(verbs: Any) -> None:
    """Add `land`."""
    parser = command(verbs, "land", "write a problem's sample data into the landing folder", land, EXAMPLES)
    parser.add_argument("problem", help="e.g. flight_delays")
    add_partitions(parser, required=False)


def land(options: argparse.Namespace, settings: Settings) -> int:
    """Write the files of the partitions asked for; a file that is there already, byte for byte, is left alone."""
    problem = problem_named(options.problem)
    keys = problem.partitions.between([*problem.sample_partitions] or problem.partitions.keys(), *bounds(options))
    folder, files = ml_assets.open_landing(settings), dict[str, dict[str, Any]]()
    for name, partitions in {**groups_of(problem, keys), problem.name: keys}.items():
        for row in _landed(problem_named(name), partitions, folder):
            files.setdefault(row["file"], row)  # one may serve several partitions
    if problem.sample_files is None and (problem.landing_files or not files):
        raise UsageError(
            f"{problem.name} has no sample data; put its files into {settings.landing}/{problem.name}/ yourself."
        )
    if options.json:
        say_json(list(files.values()))
    else:
        size = sum(row["bytes"] for row in files.values()) / 2**20
        folders = ", ".join(sorted({f"{settings.landing}/{name.partition('/')[0]}/" for name in files}))
        say(f"{len(files)} files, {size:.1f} MiB, in {folders}")
        say(f"next: ml-assets run {problem.name}{again(options)}")
        say("where `make dev` runs, that happens by itself")
    return 0


def _landed(problem: Problem, keys: Sequence[str], folder: LandingFolder) -> Iterator[dict[str, Any]]:
    """The sample files of these partitions, as far as there are samples, as they are written."""
    if problem.sample_files is None:
        return
    there = {*problem.sample_partitions} or {*keys}
    for key in (key for key in keys if key in there):
        for name, frame in problem.sample_files(key).items():
            file, existed = folder.write(f"{problem.name}/{name}", frame)
            yield {"file": file.name, "bytes": file.size, "digest": file.digest, "new": not existed}
        progress(f"landed {problem.name} {key}" if problem.is_group else f"landed {key}")
