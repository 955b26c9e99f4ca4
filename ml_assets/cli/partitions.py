"""``--partition P`` and ``--partitions A..B``, the same for every command; ``Kind.between`` says what they mean."""

from __future__ import annotations

import argparse
import shlex

from ml_assets.errors import UsageError


def add_partitions(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Offer one partition or a range."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--partition", metavar="P", help="one partition, e.g. 2013-06 or '2013-06|EWR'")
    group.add_argument(
        "--partitions", metavar="A..B", help="from A to B, both included; leave one out for the first or last"
    )


def bounds(options: argparse.Namespace) -> tuple[str | None, str | None]:
    """First and last partition asked for; None where it is the end."""
    if options.partition:
        return options.partition, options.partition
    if not options.partitions:
        return None, None
    first, dots, last = options.partitions.partition("..")
    if not dots:
        raise UsageError(f"--partitions {options.partitions!r} is no range. Write A..B, e.g. 2013-01..2013-06.")
    return first or None, last or None


def again(options: argparse.Namespace) -> str:
    """The same choice, for a command that is proposed; nothing of it means anything to a shell."""
    if options.partition:
        return f" --partition {shlex.quote(options.partition)}"
    return f" --partitions {shlex.quote(options.partitions or '..')}"
