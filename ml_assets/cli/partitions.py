"""``--partition P`` and ``--partitions A..B``, the same for every command."""

from __future__ import annotations

import argparse

from ml_assets.errors import UsageError


def add_partitions(parser: argparse.ArgumentParser, *, required: bool) -> None:
    """Offer one partition or a range."""
    group = parser.add_mutually_exclusive_group(required=required)
    group.add_argument("--partition", metavar="P", help="one partition, e.g. 2013-06")
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


def between(keys: list[str], first: str | None, last: str | None) -> list[str]:
    """The keys from first to last.

    Raises:
        UsageError: if there is no such partition, or none between them.
    """
    for key in (first, last):
        if key is not None and key not in keys:
            known = f"There are {len(keys)}, from {keys[0]} to {keys[-1]}." if keys else "There are none yet."
            raise UsageError(f"There is no partition {key!r}. {known}")
    chosen = keys[keys.index(first) if first else 0 : keys.index(last) + 1 if last else None]
    if not chosen:
        raise UsageError(f"{last} comes before {first}. Write the earlier partition first.")
    return chosen
