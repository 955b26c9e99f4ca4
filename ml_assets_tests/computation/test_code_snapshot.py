"""Files that were edited after they may have been read."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from ml_assets.computation import snapshot
from ml_assets.computation.code import edited_while_running
from ml_assets.computation.code import snapshot as snapshot_of
from ml_assets.computation.finder import LARGEST_BYTES


def test_a_file_that_is_written_while_this_runs_is_told(tmp_path: Path):
    file = tmp_path / "model.py"
    file.touch()

    assert edited_while_running([file, Path(os.__file__)]) == [file]


def test_a_copy_that_keeps_an_old_time_is_told(tmp_path: Path):
    file = tmp_path / "model.py"
    file.touch()
    os.utime(file, (0, 0))

    assert edited_while_running([file]) == [file]


def test_a_file_that_is_gone_is_told(tmp_path: Path):
    assert edited_while_running([tmp_path / "gone.py"]) == [tmp_path / "gone.py"]


def test_the_start_is_that_of_the_process_and_not_of_the_import():
    program = (
        "import time; loaded = time.time(); time.sleep(0.3)\n"
        "from ml_assets.computation.snapshot import STARTED; print(STARTED, loaded)"
    )
    before = time.time()
    started, loaded = map(float, subprocess.check_output([sys.executable, "-c", program], text=True).split())

    assert before - 0.1 <= started <= loaded  # the kernel counts in hundredths


def test_a_file_saved_just_before_the_process_starts_is_not_told(tmp_path: Path):
    program = "import sys; from pathlib import Path; from ml_assets.computation.snapshot import edited_while_running as edited; "
    program += "print(edited([Path(sys.argv[1])]))"
    file = tmp_path / "model.py"
    for _ in range(5):
        command = f'touch "{file}"; "{sys.executable}" -c "$PROGRAM" "{file}"; true'
        told = subprocess.check_output(["bash", "-c", command], text=True, env={**os.environ, "PROGRAM": program})
        assert told == "[]\n"


def test_a_forked_process_counts_from_where_its_code_was_loaded():
    started = snapshot.STARTED
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        os.write(write, repr(snapshot.STARTED).encode())
        os._exit(0)
    os.waitpid(child, 0)

    assert float(os.read(read, 100)) == started


def test_a_snapshot_follows_to_other_packages_and_keeps_their_paths(tmp_path: Path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {
        "acme/__init__.py": "",
        "acme/deep/model.py": "from lone_module import helper\n\n\ndef train(): return helper()\n",
        "acme/notes.txt": "words",
        "acme/large.bin": "0" * (LARGEST_BYTES + 1),
        "lone_module.py": "def helper(): return 1\n",
        "other.py": "",
    }.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    files = snapshot_of("acme.deep.model:train")

    assert {name for name in files if not name.startswith("ml_assets/")} == {
        "acme/__init__.py",
        "acme/deep/model.py",
        "acme/notes.txt",
        "lone_module.py",
    }
    assert "ml_assets/store/codecs/skops_trusts.json" in files, "what modules read is kept with them"
    assert files["lone_module.py"] == b"def helper(): return 1\n"
