"""What stands around the code is true: pins, entry points, and that Dagster starts on what is here."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from ml_assets_tests.conftest import LONGEST
from ml_assets_tests.doubles.ports import free_port

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT = PYPROJECT["project"]
PINS = dict(line.split("==") for line in (ROOT / "constraints.txt").read_text().splitlines() if "==" in line)
LARGEST_FILE_BYTES = 200_000
STARTING_SECONDS = 120


def git(*arguments: str) -> list[str]:
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.split("\0")[:-1]


@pytest.mark.parametrize(
    "requirement",
    [*PROJECT["dependencies"], *[r for extra in PROJECT["optional-dependencies"].values() for r in extra]],
)
def test_each_direct_dependency_is_pinned_to_a_version_that_it_allows(requirement: str):
    wanted = Requirement(requirement)
    if wanted.name != PROJECT["name"]:
        assert PINS[canonicalize_name(wanted.name)] in wanted.specifier


def test_all_dagster_packages_are_of_one_release():
    core = PINS["dagster"]
    _, minor, patch = core.split(".")
    library = f"0.{int(minor) + 16}.{patch}"  # Dagster 1.0 came with libraries 0.16, and both have counted on since

    assert {pin for name, pin in PINS.items() if name.startswith("dagster")} == {core, library}
    assert PINS["dagster-k8s"] == library


def test_workspace_and_project_name_the_same_location_and_module():
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text())["load_from"]
    project = PYPROJECT["tool"]["dg"]["project"]

    assert entry["python_module"] == {
        "module_name": project["code_location_target_module"],
        "location_name": project["code_location_name"],
    }


def test_the_image_has_a_python_that_the_package_allows():
    (version,) = re.findall(r"^ARG PYTHON=(\S+)$", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)

    assert version in SpecifierSet(PROJECT["requires-python"])


def test_the_image_is_built_from_files_that_docker_is_shown():
    shown = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "deploy" / "Dockerfile").read_text(), re.M)

    assert {name.split("/")[0] for line in copied for name in line.split()} == shown


def test_the_test_files_that_are_begun_first_are_there():
    assert [name for name in LONGEST if not (ROOT / "ml_assets_tests" / name).is_file()] == []


def test_no_tracked_file_is_large():
    files = [ROOT / name for name in git("ls-files", "-z")]

    assert [path.name for path in files if path.is_file() and path.stat().st_size > LARGEST_FILE_BYTES] == []


def test_no_generated_file_is_tracked():
    assert git("ls-files", "-z", "--cached", "--ignored", "--exclude-standard") == []


def test_every_make_target_is_explained_by_make_help():
    (targets,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.M)
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert re.findall(r"^  make (\w+) +\S", told, re.M) == targets.split()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """The repository as Dagster sees it, with nothing made in it yet."""
    for name in ("ml_assets", "pyproject.toml", "workspace.yaml", "dagster.yaml"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


def environment() -> dict[str, str]:
    """This one without what would lead Dagster elsewhere."""
    kept = {k: v for k, v in os.environ.items() if k != "DAGSTER_HOME" and not k.startswith("ML_ASSETS_")}
    return {**kept, "VIRTUAL_ENV": sys.prefix, "DAGSTER_DG_UPDATE_CHECK_ENABLED": "0"}


def script(name: str) -> str:
    return str(Path(sys.executable).parent / name)


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    ["dg check defs", "dagster definitions validate", "dagster definitions validate -w workspace.yaml"],
)
def test_dagster_finds_the_definitions_valid(checkout: Path, command: str):
    program, *arguments = command.split()
    done = subprocess.run(
        [script(program), *arguments], cwd=checkout, env=environment(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(
        r"All (definitions loaded successfully|code locations passed validation)", done.stdout + done.stderr
    )


@pytest.mark.slow
def test_the_ui_comes_up_with_the_location_loaded(checkout: Path):
    with started(checkout, "dg dev") as port:  # which starts `dagster dev`
        assert locations(port) == {"ml_assets": "RepositoryLocation"}


@contextmanager
def started(folder: Path, command: str) -> Iterator[int]:
    """The port on which a development server answers, until the block ends."""
    program, *arguments = command.split()
    port = free_port()
    log = folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [script(program), *arguments, "--port", str(port)],
            cwd=folder,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        wait_until_it_answers(server, port, log)
        yield port
    finally:
        stop(server)


def wait_until_it_answers(server: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while not answers(port):
        assert server.poll() is None, f"it stopped:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"it did not start:\n{log.read_text()}"
        time.sleep(0.5)


def answers(port: int) -> bool:
    try:
        return bool(locations(port))
    except OSError:
        return False


def locations(port: int) -> dict[str, str]:
    """Name of each code location -> what it is: a RepositoryLocation, or an error."""
    query = "{ workspaceOrError { ... on Workspace { locationEntries { name locationOrLoadError { __typename } } } } }"
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql",
        data=json.dumps({"query": query}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as reply:
        entries = json.load(reply)["data"]["workspaceOrError"]["locationEntries"]
    return {entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename", "loading") for entry in entries}


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask it to stop as Ctrl-C does; what is left of its session after that is killed."""
    server.send_signal(signal.SIGINT)
    try:
        server.wait(timeout=60)
    finally:
        if server.poll() is None:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()
