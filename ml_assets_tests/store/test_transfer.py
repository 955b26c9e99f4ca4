"""Who waits for a large transfer is told how far it is, and not too often."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from ml_assets.store import Patience, open_backend
from ml_assets.store.transfer import LARGE, MIB, parts, told

TEN = bytes(10 * MIB)


@pytest.fixture(autouse=True)
def _all_is_heard(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "ml_assets.store")


def seconds(step: float) -> Iterator[float]:
    return itertools.count(0.0, step)


def test_a_slow_transfer_is_told_after_five_seconds_and_then_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    clock = seconds(4.0)
    pieces = list(told("read s3://b/x", [TEN] * 40, 400 * MIB, lambda: next(clock)))
    assert pieces == [TEN] * 40
    assert caplog.messages == [
        "read s3://b/x: 20 of 400 MiB after 8.0 s, 2.5 MiB/s.",
        "read s3://b/x: 170 of 400 MiB after 1 min 8 s, 2.5 MiB/s.",
        "read s3://b/x: 320 of 400 MiB after 2 min 8 s, 2.5 MiB/s.",
    ]


@pytest.mark.parametrize(("count", "step"), [(6, 9.0), (40, 0.1)], ids=["small", "quick"])
def test_nothing_is_said_of_what_is_small_or_quick(count: int, step: float, caplog: pytest.LogCaptureFixture) -> None:
    clock = seconds(step)
    assert len(list(told("read x", [TEN] * count, count * 10 * MIB, lambda: next(clock)))) == count
    assert not caplog.messages


@pytest.mark.parametrize("from_file", [False, True], ids=["bytes", "file"])
def test_both_ways_are_told(from_file: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    clock, data = seconds(5.0), bytes(LARGE + 7)
    backend = open_backend("memory://", Patience(clock=lambda: next(clock)))
    source = tmp_path / "data"
    source.write_bytes(data)
    backend.put_file("blobs/x", source if from_file else data)
    assert {line.partition(": ")[0] for line in caplog.messages} == {"write memory:///blobs/x"}
    caplog.clear()
    assert sum(map(len, backend.stream("blobs/x") or ())) == len(data)
    assert {line.partition(": ")[0] for line in caplog.messages} == {"read memory:///blobs/x"}


def test_parts_are_the_whole(tmp_path: Path) -> None:
    data = bytes(range(256)) * 5
    (tmp_path / "data").write_bytes(data)
    for source in (data, tmp_path / "data"):
        assert b"".join(parts(source, 500)) == data
        assert [len(part) for part in parts(source, 500)] == [500, 500, 280]
