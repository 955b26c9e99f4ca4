"""Many writers of one ref: none waits for ever, and nothing that was acknowledged is lost."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from ml_assets.store import VersionKey, open_store
from ml_assets.store.logs.refs import RefLog
from ml_assets.store.logs.turns import AGED, LONGEST, WIDTH, Turns
from ml_assets_tests.doubles.backends import Wrapped
from ml_assets_tests.doubles.bucket import Bucket
from ml_assets_tests.doubles.hourglass import Hourglass

FOLDER = "refs/main/a/model/2013-06"
WRITER = """
import json, sys
from ml_assets.store import VersionKey, open_store
from ml_assets.store.logs.refs import RefLog
url, name, moves = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = RefLog(open_store(url).backend, "refs/main/a/model/2013-06", "The ref")
made = [log.advance(VersionKey("a/model", "2013-06", f"{i:063d}{name}"), by=name, why=str(i), run=None) for i in range(moves)]
print(json.dumps([[entry.n, entry.why] for entry in made]))
"""


def key(n: int) -> VersionKey:
    return VersionKey("a/model", "2013-06", f"{n:064d}")


def test_who_has_lost_more_gives_way_for_less_and_at_last_not_at_all() -> None:
    glass = Hourglass()
    turns = Turns(lambda: glass.now, glass.sleep, chance=lambda: 1.0)
    assert [turns.give_way(lost, 0.1) for lost in range(AGED + 2)] == [True] * AGED + [False, False]
    assert glass.slept[0] == 0.1 * WIDTH
    assert glass.slept == sorted(glass.slept, reverse=True)
    assert turns.give_way(0, 3600.0)
    assert glass.slept[-1] == LONGEST


class Overtaken(Wrapped):
    """Each time, another writer is quicker, so many times."""

    times = 0

    def put_new(self, key: str, data: bytes) -> bool:
        if self.times:
            self.times -= 1
            other(self.inner).advance(VersionKey("o", None, f"{self.times:064d}"), by="eve", why="x", run=None)
        return self.inner.put_new(key, data)


def other(backend: Bucket | Wrapped) -> RefLog:
    return RefLog(backend, FOLDER, "The ref")  # type: ignore[arg-type]


def test_who_has_lost_is_told_who_won_and_need_not_look_each_time() -> None:
    glass, bucket = Hourglass(), Bucket()
    backend = Overtaken(bucket)
    turns = Turns(lambda: glass.now, glass.sleep, chance=lambda: 0.0)  # nobody pauses
    log = RefLog(backend, FOLDER, "The ref", turns=turns)
    log.advance(key(0), by="ada", why="x", run=None)
    backend.times = 9
    bucket.asked.clear()
    assert log.advance(key(1), by="ada", why="x", run=None).n == 11
    mine = bucket.requests["list"] - 9, bucket.requests["put"] - 9  # without those of the others, who look each time
    assert mine == (1 + 5, 10)


def test_who_has_won_after_a_race_lets_others_go_first_the_next_time() -> None:
    glass, bucket = Hourglass(), Bucket()
    backend = Overtaken(bucket)
    ticks = iter(range(10**6))
    log = RefLog(backend, FOLDER, "The ref", turns=Turns(lambda: next(ticks), glass.sleep, chance=lambda: 0.5))
    log.advance(key(0), by="ada", why="x", run=None)
    log.advance(key(1), by="ada", why="x", run=None)
    assert glass.slept == []
    backend.times = 1
    log.advance(key(2), by="ada", why="x", run=None)
    assert len(glass.slept) == 1
    log.advance(key(3), by="ada", why="x", run=None)
    assert len(glass.slept) == 2
    log.advance(key(4), by="ada", why="x", run=None)
    assert len(glass.slept) == 2, "it had not to race"


def test_moves_of_many_at_once_make_a_gapless_log_with_each_of_them_in_it(url: str) -> None:
    backend = open_store(url).backend
    start = threading.Barrier(6)

    def move(writer: int) -> list[int]:
        log = RefLog(backend, FOLDER, "The ref")
        start.wait()
        return [log.advance(key(100 * writer + i), by=str(writer), why=str(i), run=None).n for i in range(5)]

    with ThreadPoolExecutor(6) as pool:
        moved = list(pool.map(move, range(6)))
    entries = RefLog(backend, FOLDER, "The ref").entries()
    assert [entry.n for entry in entries] == list(range(1, 31))
    for writer, numbers in enumerate(moved):
        assert [entry.n for entry in entries if entry.by == str(writer)] == numbers == sorted(numbers)


@pytest.mark.slow
def test_sixteen_processes_make_a_gapless_log_with_each_acknowledged_move_in_it(tmp_path: object) -> None:
    url, moves = f"{tmp_path}/store", 40
    open_store(url).put(0)
    arguments = [[sys.executable, "-c", WRITER, url, f"{n:x}", str(moves)] for n in range(16)]
    writers = [subprocess.Popen(each, stdout=subprocess.PIPE, text=True) for each in arguments]
    said = [writer.communicate(timeout=280)[0] for writer in writers]
    told = [json.loads(each) for each in said]
    entries = RefLog(open_store(url).backend, FOLDER, "The ref").entries()
    assert [entry.n for entry in entries] == list(range(1, 16 * moves + 1))
    for name, made in enumerate(told):
        assert [[entry.n, entry.why] for entry in entries if entry.by == f"{name:x}"] == made
        assert len(made) == moves
