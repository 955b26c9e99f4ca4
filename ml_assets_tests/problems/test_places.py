"""Problems are in the packages that the environment, a pyproject.toml or an installed package names, else in our examples."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from itertools import count
from pathlib import Path

import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.problems import load_all
from ml_assets.problems._places import EXAMPLES, folder_of, packages
from ml_assets.settings import problems_named
from ml_assets.store import open_landing
from ml_assets_tests.doubles import umbrellas

GOOD = """
import dataclasses
from ml_assets_tests.doubles import umbrellas

def dataset(partition, source):
    return umbrellas.load(partition, source)

PROBLEM = dataclasses.replace(umbrellas.PROBLEM, name="NAME", dataset=dataset)
"""
names = count()
ROOT = Path(__file__).parents[2]


@pytest.fixture
def team(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The name of a package, not installed, in whose ``problems`` is one called rain."""
    name = f"acme_{next(names)}"
    write(tmp_path, f"{name}/problems/rain.py", GOOD.replace("NAME", "rain"))
    monkeypatch.setattr(sys, "path", [*sys.path])
    yield name
    for module in [module for module in sys.modules if module.startswith(name)]:
        del sys.modules[module]


def write(folder: Path, path: str, text: str) -> None:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    for package in file.relative_to(folder).parents[:-1]:
        (folder / package / "__init__.py").touch()


def installed(monkeypatch: pytest.MonkeyPatch, *named: str) -> None:
    points = [EntryPoint(name, name, "ml_assets.problems") for name in named]
    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: points)


def test_who_names_packages_first_is_believed(tmp_path, monkeypatch):
    installed(monkeypatch)
    assert packages((), tmp_path) == (EXAMPLES,)
    installed(monkeypatch, "two.problems", "one.problems")
    assert packages((), tmp_path) == ("one.problems", "two.problems")
    (tmp_path / "pyproject.toml").write_text('[tool.ml_assets]\nproblems = ["acme.problems", "ml_assets.problems"]\n')
    assert packages((), tmp_path) == ("acme.problems", "ml_assets.problems")
    assert packages(("other.problems", "other.problems"), tmp_path) == ("other.problems",)


def test_the_environment_names_several_separated_by_commas():
    assert problems_named({"ML_ASSETS_PROBLEMS": "acme.problems, ml_assets.problems,"}) == (
        "acme.problems",
        "ml_assets.problems",
    )
    assert problems_named({}) == problems_named({"ML_ASSETS_PROBLEMS": ""}) == ()


def test_a_pyproject_that_names_none_is_as_if_there_were_none(tmp_path, monkeypatch):
    installed(monkeypatch)
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "acme"\n')
    assert packages((), tmp_path) == (EXAMPLES,)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool.ml_assets\n", "is no TOML"),
        ('[tool.ml_assets]\nproblems = "acme.problems"\n', r'Write a list of packages: problems = \["acme.problems"\]'),
        ("[tool.ml_assets]\nproblems = [1]\n", "Write a list of packages"),
    ],
)
def test_a_pyproject_that_nobody_understands_breaks_all_problems_and_says_so(tmp_path, text, said):
    (tmp_path / "pyproject.toml").write_text(text)
    with pytest.raises(InvalidProblem, match=said):
        packages((), tmp_path)
    good, (broken,) = load_all((), tmp_path)
    assert good == ()
    assert (broken.name, "InvalidProblem" in broken.summary) == ("pyproject", True)


def test_a_package_that_is_not_installed_is_found_in_the_working_folder(tmp_path, team):
    good, broken = load_all([f"{team}.problems"], tmp_path)
    assert ([problem.name for problem in good], broken) == (["rain"], ())
    assert folder_of(f"{team}.problems", tmp_path) == tmp_path / team / "problems"


def test_a_package_that_is_nowhere_is_broken_and_the_others_are_there(tmp_path, team):
    good, (broken,) = load_all([f"{team}.problems", "nowhere.problems", f"{team}.nothing"][:2], tmp_path)
    assert [problem.name for problem in good] == ["rain"]
    assert broken.name == "nowhere_problems"
    assert "There is no package nowhere.problems" in broken.traceback


@pytest.mark.parametrize("missing", ["nothing", "problems.rain.drops"])
def test_a_package_inside_one_that_is_there_is_missed_by_its_name(tmp_path, team, missing):
    with pytest.raises(InvalidProblem, match=f"There is no package {team}.{missing}"):
        folder_of(f"{team}.{missing}", tmp_path)


def test_a_package_that_raises_when_it_is_imported_is_broken_by_what_it_raises(tmp_path, team):
    (tmp_path / team / "__init__.py").write_text("import surely_not_installed\n")
    good, (broken,) = load_all([f"{team}.problems"], tmp_path)
    assert (good, broken.name) == ((), f"{team}_problems")
    assert "No module named 'surely_not_installed'" in broken.summary


def test_of_two_problems_with_one_name_the_first_counts(tmp_path, team):
    write(tmp_path, f"{team}/more/rain.py", GOOD.replace("NAME", "rain"))
    good, (broken,) = load_all([f"{team}.problems", f"{team}.more"], tmp_path)
    assert [problem.name for problem in good] == ["rain"]
    assert broken.name == f"{team}_more_rain"
    assert "Rename one of them" in broken.summary


@pytest.mark.slow
def test_a_repository_of_ones_own_runs_is_judged_by_its_own_commits_and_is_rebuilt(tmp_path, team):
    write(tmp_path, f"{team}/problems/rain.py", GOOD.replace("NAME", "rain"))
    (tmp_path / "pyproject.toml").write_text(f'[tool.ml_assets]\nproblems = ["{team}.problems"]\n')
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    (tmp_path / ".gitignore").write_text("__pycache__\n.ml_assets\nstorage\nhistory\nschedules\n.logs_queue\n")
    commit = ("-c", "user.name=ada", "-c", "user.email=ada@example.com", "commit", "-qm", "rain")
    for command in (("init", "-q"), ("add", "."), commit):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    landing = open_landing(str(tmp_path / ".ml_assets" / "landing"))
    landing.write("rain/visits/2024-01.parquet", umbrellas.visits("2024-01"))

    command = (sys.executable, "-c", "import sys; from ml_assets.cli import main; sys.exit(main(sys.argv[1:]))")
    assert "rain/model" in run(tmp_path, *command, "run", "rain", "--partition", "2024-01")
    head = run(tmp_path, "git", "rev-parse", "HEAD").strip()
    shown = run(tmp_path, *command, "show", "rain/model@2024-01", "--json")
    assert f'"git_commit": "{head}"' in shown
    assert '"git_dirty": false' in shown
    assert "1 rebuilt, 1 identical" in run(tmp_path, *command, "reproduce", "rain/model@2024-01")


def run(folder: Path, *command: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
