"""A script that is forked sees what one in a new interpreter sees, and ends as it does; what is tested in pods stands on this."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

TELL = """#!{python}
import json, os, signal, sys, warnings

def is_open(descriptor):
    try:
        return bool(os.fstat(descriptor))
    except OSError:
        return False

if __name__ == "__main__":
    print(json.dumps({{
        "argv": sys.argv[1:],
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "input": sys.stdin.read(),
        "own session": os.getsid(0) == os.getpgid(0) == os.getpid(),
        "open": [descriptor for descriptor in range(64) if is_open(descriptor)],
        "interrupts": signal.getsignal(signal.SIGINT) is signal.default_int_handler,
        "catches": [int(n) for n in (signal.SIGTERM, signal.SIGCHLD, signal.SIGHUP) if signal.getsignal(n) != signal.SIG_DFL],
        "first folders": sys.path[:2],
        "of ours": [name for name in sys.modules if name.startswith("ml_assets")],
        "warns": (warnings.warn("old", DeprecationWarning), warnings.filters[0][0])[1],
    }}))
    print("and an error", file=sys.stderr)
"""
ENDS = {
    "comes to the end": ("import atexit; atexit.register(print, 'bye')", 0, "bye"),
    "ends early": ("import sys; sys.exit(7)", 7, ""),
    "ends with words": ("import sys; sys.exit('no')", 1, "no"),
    "fails": ("1 / 0", 1, "ZeroDivisionError"),
    "waits for its threads": ("from threading import Timer; Timer(0.1, print, ['done']).start()", 0, "done"),
    "is killed": ("import os; os.kill(os.getpid(), 9)", -9, ""),
}


@pytest.fixture(params=["new interpreter", "forked"])
def start(request, tmp_path) -> Callable[..., Any]:
    how = subprocess.Popen if request.param == "new interpreter" else request.getfixturevalue("forked").start

    def start(program: str, *arguments: str, **env: str) -> Any:
        script = tmp_path / "script"
        script.write_text(program if program.startswith("#!") else f"#!{sys.executable}\n{program}\n")
        script.chmod(0o755)
        return how(
            ["script", *arguments],
            env={"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **env},
            cwd=str(tmp_path),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    return start


def came_of(process: Any) -> tuple[int, str]:
    """Its exit code and what it printed."""
    with process.stdout:
        printed = process.stdout.read().decode()
    return process.wait(60), printed


def test_a_script_has_what_it_was_given_and_nothing_else(start, tmp_path, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_USER", "ada")  # where the test runs, not where the script does
    process = start(TELL.format(python=sys.executable), "a b", "--c", PYTHONPATH="/somewhere", PYTHONWARNINGS="ignore")
    code, printed = came_of(process)
    assert code == 0, printed
    error, said = sorted(printed.splitlines())
    told = json.loads(said)

    assert error == "and an error"
    assert told["environment"].pop("LC_CTYPE", "C.UTF-8") == "C.UTF-8"  # Python's own, where no locale is given
    assert told == {
        "argv": ["a b", "--c"],
        "environment": {"PATH": told["environment"]["PATH"], "PYTHONPATH": "/somewhere", "PYTHONWARNINGS": "ignore"},
        "folder": str(tmp_path),
        "input": "",
        "own session": True,
        "open": [0, 1, 2],
        "interrupts": True,
        "catches": [],
        "first folders": [str(tmp_path), "/somewhere"],
        "of ours": [],
        "warns": "ignore",
    }


@pytest.mark.parametrize(("program", "code", "says"), ENDS.values(), ids=ENDS)
def test_a_script_ends_as_it_ends(start, program, code, says):
    ended, printed = came_of(start(program))

    assert ended == code
    assert says in printed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL], ids=lambda number: number.name)
def test_a_script_can_be_ended(start, number):
    process = start("import time; print('up', flush=True); time.sleep(600)")
    assert process.stdout.readline() == b"up\n"
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0.01)

    os.kill(process.pid, number)

    assert process.wait(60) == -number
    process.stdout.close()


def test_two_scripts_draw_and_hold_nothing_in_common(start):
    program = (
        "import random, numpy; print(random.random(), numpy.random.random()); numpy.random.seed(1); numpy.left = 1"
    )
    drawn = [came_of(start(program))[1].split() for _ in range(2)]
    left = came_of(start("import numpy; print(hasattr(numpy, 'left'))"))

    assert not {*drawn[0]} & {*drawn[1]}
    assert left == (0, "False\n")
