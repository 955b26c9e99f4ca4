"""A repository of one's own: its two commands work where the wheel of ml_assets was installed, and nothing else was done."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN = {
    ".github/workflows/tests.yaml",
    ".gitignore",
    "Dockerfile",
    "Makefile",
    "README.md",
    "acme/__init__.py",
    "acme/problems/__init__.py",
    "acme/problems/_data/wisconsin.csv",
    "acme/problems/tumours.py",
    "dagster.yaml",
    "pyproject.toml",
    "tests/test_tumours.py",
    "workspace.yaml",
}


@pytest.fixture
def empty(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_repository_is_written_and_what_to_do_next_is_said(empty, call):
    answer = call("new", "acme")
    assert answer.code == 0, answer
    assert answer.lines[-1] == "next: cd acme && make demo"
    files = [path for path in (empty / "acme").rglob("*") if path.is_file()]
    assert {str(path.relative_to(empty / "acme")) for path in files} == WRITTEN
    texts = {path.name: path.read_text() for path in files}
    assert [name for name, text in texts.items() if "$name" in text] == []
    assert 'problems = ["acme.problems"]' in texts["pyproject.toml"]
    assert texts["dagster.yaml"] == (ROOT / "dagster.yaml").read_text()
    assert len(texts["README.md"].splitlines()) < 25
    assert "FROM ${ML_ASSETS_IMAGE}\nCOPY acme /repository/acme\n" in texts["Dockerfile"]


def test_what_is_there_is_not_touched(empty, refused):
    (empty / "acme").mkdir()
    assert "acme is there already; nothing was written." in refused(3, "new", "acme")
    assert list((empty / "acme").iterdir()) == []


@pytest.mark.parametrize("name", ["Acme", "my-models", "1st", "../up", "class", "json", "tests", "ml_assets", "größe"])
def test_names_that_no_package_can_have_are_refused(empty, refused, name):
    assert "name" in refused(2, "new", name)
    assert list(empty.iterdir()) == []


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> dict[str, str]:
    """Variables of an environment into which the built wheel was installed beside the libraries that it needs."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    skip = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(ROOT / "ml_assets", source / "ml_assets", ignore=skip)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", folder, source], check=True)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", "--no-deps", "--target", folder / "installed", wheel], check=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ML_ASSETS", "DAGSTER"))}
    return {**kept, "PATH": path, "PYTHONPATH": str(folder / "installed")}


@pytest.mark.slow
def test_its_two_commands_work_where_the_wheel_was_installed(installed, tmp_path):
    def run(folder: Path, *command: str) -> str:
        done = subprocess.run(command, cwd=folder, env=installed, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    where = run(tmp_path, "python", "-c", "import ml_assets; print(ml_assets.__file__)").strip()
    assert where.startswith(installed["PYTHONPATH"])
    run(tmp_path, "ml-assets", "new", "acme")
    assert "moved" in run(tmp_path / "acme", "make", "demo"), "a champion"
    assert "2 passed" in run(tmp_path / "acme", "make", "test")
    run(tmp_path / "acme", "python", "-m", "ruff", "check", "--isolated")
