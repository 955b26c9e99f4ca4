"""The command: installs who can be installed, measures in turns, prints one table; 1 where a claim of ours does not hold."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmarks.peers import __doc__ as about
from benchmarks.peers.catalog import PEERS, Peer
from benchmarks.peers.environments import binaries
from benchmarks.peers.scenarios import SCENARIOS, measured
from benchmarks.peers.table import lines, rows
from benchmarks.peers.workplace import prepared


def main() -> int:
    options = arguments()
    peers = [peer for peer in PEERS if peer.key in options.only]
    places = installed(peers)
    with tempfile.TemporaryDirectory(prefix="ml_assets-peers-") as name:
        prepared(Path(name))
        table = rows(measured(places, Path(name), options.rounds, say, options.rows))
    print(*lines(table), sep="\n")
    return 0 if all(row.holds for row in table) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    keys = [peer.key for peer in PEERS]
    parser.add_argument("--only", type=_names(keys), default=keys, metavar="A,B", help=f"of {', '.join(keys)}")
    parser.add_argument(
        "--rows", type=_names(list(SCENARIOS)), default=list(SCENARIOS), help=f"of {', '.join(SCENARIOS)}"
    )
    parser.add_argument("--rounds", type=int, default=3, help="of those that take less than 20 s (default 3)")
    return parser.parse_args()


def _names(known: list[str]) -> Callable[[str], list[str]]:
    def names(text: str) -> list[str]:
        if unknown := set(text.split(",")) - set(known):
            raise argparse.ArgumentTypeError(f"{', '.join(sorted(unknown))} is not one of {', '.join(known)}")
        return text.split(",")

    return names


def installed(peers: Iterable[Peer]) -> dict[Peer, Path]:
    """Where each peer's commands are; those that cannot be installed are skipped, with a word."""
    places = {}
    for peer in peers:
        try:
            places[peer] = binaries(peer)
        except (subprocess.SubprocessError, OSError) as error:
            say(f"{peer.name} is skipped, it cannot be installed: {error}")
    return places


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
