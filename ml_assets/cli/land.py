"""`ml-assets land`: write a problem's sample data into the landing folder, through the door that real data takes."""

from __future__ import annotations

import argparse
from typing import Any

import ml_assets
from ml_assets.cli.partitions import add_partitions, again, bounds
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import UsageError
from ml_assets.problems import problem_named
from ml_assets.settings import Settings

EXAMPLES = """  ml-assets land flight_delays                                  all months
  ml-assets land flight_delays --partitions 2013-01..2013-06    six of them
"""


def add_to(verbs: Any) -> None:
    """Add `land`."""
    parser = command(verbs, "land", "write a problem's sample data into the landing folder", land, EXAMPLES)
    parser.add_argument("problem", help="e.g. flight_delays")
    add_partitions(parser, required=False)


def land(options: argparse.Namespace, settings: Settings) -> int:
    """Write the files of the partitions asked for; a file that is there already, byte for byte, is left alone."""
    problem = problem_named(options.problem)
    if problem.sample_files is None:
        raise UsageError(
            f"{problem.name} has no sample data; put its files into {settings.landing}/{problem.name}/ yourself."
        )
    folder = ml_assets.open_landing(settings)
    files: dict[str, dict[str, Any]] = {}  # one may serve several partitions
    for key in problem.partitions.between([*problem.sample_partitions] or problem.partitions.keys(), *bounds(options)):
        for name, frame in problem.sample_files(key).items():
            file, existed = folder.write(f"{problem.name}/{name}", frame)
            row = {"file": file.name, "bytes": file.size, "digest": file.digest, "new": not existed}
            files.setdefault(file.name, row)
        progress(f"landed {key}")
    if options.json:
        say_json(list(files.values()))
    else:
        size = sum(row["bytes"] for row in files.values()) / 2**20
        say(f"{len(files)} files, {size:.1f} MiB, in {settings.landing}/{problem.name}/")
        say(f"next: ml-assets run {problem.name}{again(options)}")
        say("where `make dev` runs, that happens by itself")
    return 0
