"""States of computations in flight: the newest whole one is found, whatever was killed or damaged, wherever they lie."""

from __future__ import annotations

import logging
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets.errors import InvalidKey
from ml_assets.store import CheckpointLog, Store, open_store
from ml_assets.store.checkpoints.log import KEPT
from ml_assets_tests.doubles.backends import Interrupted, LosesReplies
from ml_assets_tests.store.checkpoints.checkpoint_writer import KEY

OTHER = "cd" * 32


def steps(log: CheckpointLog) -> list[int]:
    return [int(key.rpartition("/")[2][:12]) for key in log.backend.list(f"checkpoints/{log.computation}")]


def test_the_newest_state_comes_back_and_only_the_two_newest_stay(url: str):
    log = open_store(url).checkpoints(KEY)
    assert log.latest() is None
    for step in (1, 20, 300, 4000):
        log.save(step, {"at": step}, interruptions=2)

    assert log.latest() == (4000, {"at": 4000}, 2)
    assert steps(log) == [300, 4000]
    assert open_store(url).checkpoints(OTHER).latest() is None

    log.forget()
    assert log.latest() is None
    assert steps(log) == []


def test_a_write_whose_reply_was_lost_is_a_write(store: Store):
    log = CheckpointLog(LosesReplies(store.backend), KEY)
    log.save(1, "a")
    log.save(1, "a")
    assert log.latest() == (1, "a", 0)


def test_a_key_that_is_none_leads_nowhere(store: Store):
    with pytest.raises(InvalidKey):
        store.checkpoints("../refs").save(1, {})


# ---------------------------------------------------------------- damage


def damaged(store: Store, nth: int, how: bytes | None) -> Path:
    """The nth of the kept files, with other bytes; None: cut short."""
    path = Path(store.url) / store.backend.list(f"checkpoints/{KEY}")[nth]
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data[: len(data) // 2] if how is None else how)
    return path


@pytest.mark.parametrize("how", [None, b"", b"noise"], ids=["short", "empty", "noise"])
def test_a_damaged_state_is_passed_over_and_said(store: Store, how: bytes | None, caplog: pytest.LogCaptureFixture):
    log = store.checkpoints(KEY)
    log.save(1, "first")
    log.save(2, "second")
    path = damaged(store, -1, how)

    with caplog.at_level(logging.WARNING):
        assert log.latest() == (1, "first", 0)

    (said,) = caplog.messages
    assert path.name in said
    assert "is passed over. It reads back as" in said


def test_where_all_are_damaged_the_training_begins_anew(store: Store, caplog: pytest.LogCaptureFixture):
    log = store.checkpoints(KEY)
    for step in (1, 2):
        log.save(step, "x")
        damaged(store, -1, b"noise")

    assert log.latest() is None
    assert len(caplog.messages) == KEPT, "each is looked at once"


def test_what_is_damaged_is_written_again_when_it_is_saved_again(store: Store):
    log = store.checkpoints(KEY)
    log.save(1, "x")
    damaged(store, -1, b"noise")
    log.save(1, "x")
    assert log.latest() == (1, "x", 0)


def test_a_state_that_another_kind_of_training_wrote_is_passed_over(store: Store, caplog: pytest.LogCaptureFixture):
    from ml_assets.store import digest

    log = store.checkpoints(KEY)
    log.save(1, "x")
    data = b"a format of the future"
    store.backend.put_new(f"checkpoints/{KEY}/{9:012d}-{digest(data)}", data)

    assert log.latest() == (1, "x", 0)
    assert "is passed over. The bytes are intact, but they are not what the codec 'checkpoint' writes" in caplog.text


# ---------------------------------------------------------------- two processes


def test_two_processes_that_compute_the_same_find_the_newest_of_both(store: Store):
    ahead, behind = store.checkpoints(KEY), open_store(store.url).checkpoints(KEY)
    ahead.save(100, "ahead")
    ahead.save(110, "ahead")
    behind.save(10, "behind")
    assert steps(ahead) == [10, 100, 110], "what was just saved stays, however old"
    behind.save(20, "behind")
    ahead.save(120, "ahead")

    assert steps(ahead) == [110, 120]
    assert behind.latest() == ahead.latest() == (120, "ahead", 0)


def test_two_states_of_one_step_are_both_whole(store: Store):
    one, other = store.checkpoints(KEY), store.checkpoints(KEY)
    one.save(5, "state", interruptions=0)
    other.save(5, "state", interruptions=1)
    one.save(5, "state", interruptions=0)
    assert steps(one) == [5, 5]
    found = one.latest()
    assert found is not None
    assert found.state == "state"


def test_who_reads_while_another_goes_on_finds_what_that_has_saved(store: Store):
    log = store.checkpoints(KEY)
    log.save(1, 1)

    class Slow(Interrupted):
        def get(self, key: str, most: int | None = None) -> bytes | None:
            if not self.happened:
                self.happened = True
                self.happen()
            return super().get(key, most)

    def go_on() -> None:
        for step in (2, 3, 4):
            log.save(step, step)

    assert CheckpointLog(Slow(store.backend, "checkpoints", go_on), KEY).latest() == (4, 4, 0)


# ---------------------------------------------------------------- kill -9


def test_a_kill_at_any_point_leaves_the_last_whole_state(tmp_path: Path):
    steps = 5
    command = [sys.executable, "-m", "ml_assets_tests.store.checkpoints.checkpoint_writer", str(tmp_path), str(steps)]
    subprocess.run(command, check=True, timeout=120)
    roots = sorted(tmp_path.iterdir(), key=lambda path: int(path.name))
    assert len(roots) > 4 * steps

    for root in roots:
        done = int((root / "saved").read_text()) if (root / "saved").exists() else 0
        log = CheckpointLog(open_store(str(root)).backend, KEY)
        found = log.latest()
        assert (found.step if found else 0) in (done, done + 1), "nothing that was saved is lost"
        assert found is None or found.state == {"w": [found.step] * 10}
        log.save(steps + 1, "goes on")
        assert log.latest() == (steps + 1, "goes on", 0)
