"""Two processes publish the same partition at the same time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from ml_assets.store import open_store

WRITER = """
import sys
from ml_assets.store import Manifest, open_store
store = open_store(sys.argv[1], user=sys.argv[2])
for i in range(10):
    content = store.put({"by": sys.argv[2], "i": i})
    store.publish(Manifest("a/model", "2013-06", content, run=sys.argv[2], by=sys.argv[2]), why=str(i))
"""


def test_two_processes_that_publish_one_partition_both_succeed_and_nothing_is_lost(tmp_path: Path) -> None:
    url = str(tmp_path / "store")
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, url, name]) for name in ("ada", "eve")]
    assert [writer.wait(timeout=240) for writer in writers] == [0, 0]
    store = open_store(url)
    log = store.log("a/model", "2013-06")
    assert [entry.n for entry in log] == list(range(1, 21))
    for name in ("ada", "eve"):
        own = [entry for entry in log if entry.by == name]
        assert [entry.why for entry in own] == [str(i) for i in range(10)]
        assert store.made_by_run(name, "a/model", "2013-06") == own[-1].target
    assert all(store.verify(entry.target) == [] for entry in log)
