"""Many processes move one ref at once: how long a move takes in the median and at worst, and how often it is tried.

    python -m benchmarks.races [--ceph] [processes] [moves of each]

Fails where the log has a gap, or lacks a move that was acknowledged.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from unittest import mock

from benchmarks.landing_tick import ceph
from ml_assets.store import VersionKey, open_store
from ml_assets.store.logs.refs import RefLog

FOLDER = "refs/main/raced/model/_"


def log_of(url: str) -> RefLog:
    return RefLog(open_store(url).backend, FOLDER, "The ref", ends={})


def race(url: str, processes: int, moves: int) -> bool:
    open_store(url).put(0)
    command = [sys.executable, "-m", "benchmarks.races", "--move", url, str(moves)]
    started = [subprocess.Popen([*command, str(n)], stdin=-1, stdout=-1, text=True) for n in range(processes)]
    for each in started:
        each.stdout.readline()  # type: ignore[union-attr]
    began = time.perf_counter()
    for each in started:
        each.stdin.write("go\n")  # type: ignore[union-attr]
        each.stdin.flush()  # type: ignore[union-attr]
    told = [json.loads(each.communicate()[0]) for each in started]
    wall = time.perf_counter() - began
    seconds, tries = ([move[at] for one in told for move in one] for at in (0, 1))
    print(
        f"{processes} processes, {moves} moves each: {len(seconds) / wall:.1f} moves/s; a move takes "
        f"{statistics.median(seconds):.2f} s in the median, {max(seconds):.2f} s at worst, and "
        f"{statistics.mean(tries):.1f} tries, {max(tries)} at most"
    )
    entries = log_of(url).entries()
    made = sorted([n, f"{who} {i}"] for who, one in enumerate(told) for i, (_, _, n) in enumerate(one))
    holds = [[entry.n, entry.why] for entry in entries] == made and len(made) == processes * moves
    print(
        f"the log has {len(entries)} entries; "
        + ("no gap, and each acknowledged move" if holds else "A GAP, OR LACKS A MOVE")
    )
    return holds


def move(url: str, moves: int, who: int) -> None:
    """What each process does."""
    log, told = log_of(url), []
    with mock.patch.object(RefLog, "_tried", autospec=True, side_effect=RefLog._tried) as tried:
        print("ready", flush=True)
        sys.stdin.readline()
        for i in range(moves):
            tried.reset_mock()
            began = time.perf_counter()
            entry = log.advance(
                VersionKey("raced/model", None, f"{who:032d}{i:032d}"), by="", why=f"{who} {i}", run=None
            )
            told.append((time.perf_counter() - began, tried.call_count, entry.n))
    print(json.dumps(told))


if __name__ == "__main__":
    if "--move" in sys.argv:
        url, moves, who = sys.argv[2:]
        move(url, int(moves), int(who))
        sys.exit()
    processes, moves = [int(word) for word in sys.argv[1:] if word.isdigit()] or (8, 50)
    if "--ceph" in sys.argv:
        with ceph() as place:
            sys.exit(0 if race(place, processes, moves) else 1)
    with tempfile.TemporaryDirectory() as folder:
        sys.exit(0 if race(f"{folder}/store", processes, moves) else 1)
