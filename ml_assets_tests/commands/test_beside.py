"""A command in the container beside this one: a shell of this machine, and where it may be one, process 1 of its own."""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_assets.commands import Command
from ml_assets.commands.beside import script
from ml_assets.errors import CommandFailed, CommandLost, Interrupted, Refused
from ml_assets.training.run import Run
from ml_assets_tests.commands.test_command import SAVES, Shelf, is_running, train

IMAGE = "sh:1"
AS_PROCESS_1 = ("unshare", "--user", "--map-root-user", "--pid", "--mount-proc", "--fork", "--kill-child=KILL")


@functools.cache
def may_be_process_1() -> bool:
    can = shutil.which("unshare") is not None
    return can and subprocess.run([*AS_PROCESS_1, "true"], capture_output=True, check=False).returncode == 0


@dataclass(frozen=True)
class Container:
    """The one beside: its process."""

    process: subprocess.Popen[bytes]
    folder: Path

    def end(self) -> int:
        """As Kubernetes does, when the step's container has ended."""
        first = self.process.pid
        if self.process.args[0] == "unshare":
            first = int(Path(f"/proc/{first}/task/{first}/children").read_text())
        for _ in range(10):  # a shell that was just about to read hears of the signal only with the next
            os.kill(first, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                return self.process.wait(3)
        raise AssertionError("it goes on")


SHELLS = {"sh": ("sh",), "bash": ("bash",), "busybox": ("busybox", "sh"), "process 1": (*AS_PROCESS_1, "sh")}


def container(folder: Path, shell: tuple[str, ...] = ("sh",), user: int | None = None) -> Container:
    environ = {"PATH": os.environ["PATH"], "OF_THE_IMAGE": "yes"}
    command = [*shell, "-c", script(), "sh", str(folder)]
    return Container(subprocess.Popen(command, env=environ, start_new_session=True, user=user), folder)


@pytest.fixture(params=SHELLS.values(), ids=SHELLS)
def beside(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch) -> Iterator[Container]:
    if shutil.which(request.param[0]) is None or (request.param[0] == "unshare" and not may_be_process_1()):
        pytest.skip("there is none here")
    folder = tmp_path / "it's shared"
    folder.mkdir()
    monkeypatch.setenv("ML_ASSETS_BESIDE", str(folder))
    monkeypatch.setenv("ML_ASSETS_BESIDE_IMAGE", IMAGE)
    made = container(folder, request.param)
    yield made
    if made.process.poll() is None:
        assert made.end() == 0


def command(line: str, **fields: object) -> Command:
    return Command(("sh", "-c", line), image=IMAGE, tables="csv", **fields)


@pytest.mark.parametrize("beside", [("sh",)], indirect=True)
def test_it_runs_there_with_the_variables_of_its_image_and_its_own_and_none_of_ours(beside: Container, monkeypatch):
    monkeypatch.setenv("OURS", "secret")
    monkeypatch.setenv("ASKED_FOR", "it's $(false)\n`too`")
    told = command('env > "$OUTPUTS/env"; pwd > "$OUTPUTS/pwd"', environment=("ASKED_FOR",), variables={"A": "c"})
    left = {name: data.decode() for name, data in train(told).items()}
    lines = left["env"].splitlines()
    assert {"OF_THE_IMAGE=yes", "A=c", "LC_ALL=C.UTF-8", "ASKED_FOR=it's $(false)"} <= set(lines)
    assert not [line for line in lines if line.startswith(("OURS", "HOME", "ML_ASSETS"))]
    assert left["pwd"].startswith(str(beside.folder))
    assert [path.name for path in beside.folder.iterdir()] == ["orders"], "nothing stays"


def test_it_is_given_files_and_leaves_some_one_after_another(beside: Container):
    for _ in range(3):
        assert train(command('cat "$INPUTS/train/label.csv" > "$OUTPUTS/m"'))["m"].startswith(b'"label"\n')


def test_metrics_are_heard_while_it_runs(beside: Container, tmp_path: Path):
    heard = []

    def told(step, metrics):
        heard.append((step, dict(metrics)))
        (tmp_path / f"go{step}").touch()

    line = f"""for n in 1 2 3; do echo "{{\\"step\\": $n, \\"loss\\": $((9 - n))}}"
        while [ ! -e {tmp_path}/go$n ]; do sleep 0.01; done; done; touch "$OUTPUTS/m\""""
    train(command(line), Run(0, print, told=told))
    assert heard == [(1, {"loss": 8.0}), (2, {"loss": 7.0}), (3, {"loss": 6.0})]


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        ("echo went wrong >&2; exit 3", CommandFailed, r"ended with exit code 3\. It said last:\nwent wrong"),
        ("exit 255", CommandFailed, "ended with exit code 255"),
        ("kill -SEGV $$", CommandFailed, "was ended by SIGSEGV"),
        ("kill -KILL $$", CommandLost, "was ended by SIGKILL"),
        ("true", CommandFailed, "ended well and left nothing"),
    ],
    ids=["exit code", "highest", "fault", "killed", "nothing left"],
)
def test_how_it_ends_is_told(beside: Container, line: str, error, said: str):
    with pytest.raises(error, match=said):
        train(command(line))


def test_a_program_that_its_image_has_not_is_said(beside: Container):
    with pytest.raises(CommandFailed, match=r"exit code 127\. It said last:\n.*Rscrpt"):
        train(Command(("Rscrpt", "fit.R"), image=IMAGE))


def test_all_that_it_says_is_heard_also_much_and_after_it_closed_its_streams(beside: Container):
    heard = []
    line = """n=0; while [ $n -lt 20000 ]; do n=$((n + 1)); echo "{\\"step\\": $n, \\"loss\\": 1}"; done
        exec >&- 2>&-; sleep 0.5; touch "$OUTPUTS/m\""""
    assert train(command(line), Run(0, print, told=lambda step, metrics: heard.append(step))) == {"m": b""}
    assert heard[-1] == 20000


def test_what_it_leaves_running_ends_with_it(beside: Container):
    pid = int(train(command('sleep 1000 & echo $! > "$OUTPUTS/m"'))["m"])
    if beside.process.args[0] != "unshare":  # where its number is ours
        for _ in range(2):
            train(command('touch "$OUTPUTS/m"'))  # the order to end it was heard before that
        assert not is_running(pid)


def test_a_training_that_is_asked_to_stop_has_saved_and_goes_on(beside: Container):
    shelf, heard = Shelf(), []
    run = Run(0, print, checkpoints=shelf, told=lambda step, metrics: heard.append(step))
    saves = SAVES.replace("{checkpoints}", '"$CHECKPOINTS"')
    with pytest.raises(Interrupted, match="asked to stop after step 1 and saved"):
        asked = Run(0, print, checkpoints=shelf, told=run.told, asked_to_stop=lambda: bool(heard))
        train(command(saves + "trap 'exit 0' TERM; sleep 1000 & wait"), asked)
    assert train(command(saves + 'cp "$CHECKPOINTS/n" "$OUTPUTS"'), run) == {"n": b"2\n"}
    assert heard == [1, 2]


def test_a_training_that_ignores_the_question_is_killed(beside: Container, monkeypatch):
    monkeypatch.setattr("ml_assets.commands.process.SAVES_WITHIN_SECONDS", 0.3)
    with pytest.raises(Interrupted):
        train(command("trap '' TERM; while :; do sleep 0.1; done"), Run(0, print, asked_to_stop=lambda: True))


@pytest.mark.parametrize("beside", [("sh",)], indirect=True)
def test_a_container_that_is_lost_is_the_machines_doing_and_another_one_carries_on(beside: Container, tmp_path: Path):
    def told(step, metrics):
        os.kill(beside.process.pid, signal.SIGTERM)  # it takes all along, as the end of a container does

    with pytest.raises(CommandLost, match="was ended by SIGKILL"):
        train(command("""echo '{"loss": 1}'; exec sleep 1000"""), Run(0, print, told=told))
    again = container(beside.folder)
    assert train(command('touch "$OUTPUTS/m"')) == {"m": b""}
    assert again.end() == 0


@pytest.mark.parametrize("beside", [("sh",)], indirect=True)
def test_a_container_that_begins_late_is_waited_for(beside: Container):
    beside.end()
    late: list[Container] = []
    timer = threading.Timer(0.2, lambda: late.append(container(beside.folder)))
    timer.start()
    assert train(command('touch "$OUTPUTS/m"')) == {"m": b""}
    timer.join()
    assert late[0].end() == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root may be another user")
def test_its_container_may_have_another_user(monkeypatch):
    with tempfile.TemporaryDirectory() as folder:  # pytest's folders are for one user
        Path(folder).chmod(0o777)  # as Kubernetes' empty folders are
        monkeypatch.setenv("ML_ASSETS_BESIDE", folder)
        monkeypatch.setenv("ML_ASSETS_BESIDE_IMAGE", IMAGE)
        made = container(Path(folder), user=65534)
        assert train(command('id -u > "$OUTPUTS/m"; cat "$INPUTS"/*/* > /dev/null; : > "$CHECKPOINTS/c"; : > x')) == {
            "m": b"65534\n"
        }
        assert made.end() == 0


def test_a_container_that_never_answers_is_said(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_BESIDE", str(tmp_path))
    monkeypatch.setenv("ML_ASSETS_BESIDE_IMAGE", IMAGE)
    monkeypatch.setattr("ml_assets.commands.beside.STARTS_WITHIN_SECONDS", 0.1)
    with pytest.raises(
        CommandFailed, match=r"did not begin it within 0\.1 s\. Its image has to have sh, mkfifo and env"
    ):
        train(command("true"))
    with pytest.raises(Refused, match="runs in the image another:1 alone"):
        train(Command("true", image="another:1"))
    assert train(Command("touch {outputs}/m")) == {"m": b""}, "one without an image runs here"
