"""`ml-assets skew`: whether rows are over HTTP what they are in the batch chain."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.numbers import positive, whole
from ml_assets.cli.show import command, say, say_json, table
from ml_assets.errors import UsageError
from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.serving.skew import Skew

EXAMPLES = """  ml-assets skew flight_delays                              the newest partition, in this process
  ml-assets skew arrival_minutes@EWR --rows 2000            of one line of partitions
  ml-assets skew flight_delays --url http://127.0.0.1:8080  a server that runs; it sees ML_ASSETS_SERVE_TOKEN
  ml-assets skew flight_delays --alone --tolerance 1e-9     that a row by itself is another one counts, too
"""


def add_to(verbs: Any) -> None:
    """Add `skew`."""
    summary = "compare stored rows with what the champion makes of them over HTTP, bit for bit"
    parser = command(verbs, "skew", summary, skew, EXAMPLES)
    parser.add_argument("problem", metavar="PROBLEM", help="or PROBLEM@LINE, where each line has a champion")
    parser.add_argument("--partition", help="whose stored rows are sent (default: the newest that has features)")
    parser.add_argument(
        "--rows",
        type=whole(1, 10**9),
        default=500,
        help="of the sample that is sent as features (default: %(default)s)",
    )
    parser.add_argument(
        "--url", help="of a server that runs: its answers are compared, what features it makes is not seen"
    )
    parser.add_argument(
        "--tolerance",
        type=positive,
        default=0.0,
        metavar="X",
        help="how far apart numbers may be (default: not by a bit)",
    )
    parser.add_argument("--alone", action="store_true", help="fail where a row sent by itself is another one, too")


def skew(options: argparse.Namespace, settings: Settings) -> int:
    """1 if anything differs."""
    try:
        from ml_assets.serving.assembly import problem_and_line
        from ml_assets.serving.skew_check import AtAddress, skews
    except ModuleNotFoundError as error:
        raise UsageError(f"Serving needs {error.name}. Install it: pip install 'ml_assets[serve]'") from None
    problem, line = problem_and_line(options.problem)
    if options.url and not options.url.startswith(("http://", "https://")):
        raise UsageError(f"--url {options.url!r} is no address of a server. Write http://127.0.0.1:8080")
    at = AtAddress(options.url, settings.serve_token) if options.url else None
    store = ml_assets.open_store(settings)
    asked = {"partition": options.partition, "rows": options.rows, "tolerance": options.tolerance}
    found = list(skews(store, problem, line, **asked, at=at))
    if options.json:
        say_json([one.to_json() for one in found])
    else:
        for one in found:
            _say(one)
    bad = any(not one.is_equal or (options.alone and not one.alone.is_equal) for one in found)
    return 1 if bad else 0


def _say(found: Skew) -> None:
    say(f"{found.name} [{found.partition}], answered by {found.model}")
    rows = [[way.name, f"{way.rows:,}", str(way)] for way in (*found.ways, found.alone)]
    say(table(rows, ("sent", "rows", "found")))
    if found.columns:
        say(f"differ: {', '.join(found.columns)}")
    if found.neighbourly:
        say(f"another one without the other rows of the partition: {', '.join(found.neighbourly)}. Send those along.")
    if found.older and not found.is_equal:
        say(f"the stored features are older than {', '.join(found.older)}, which raw rows get: make them again")
