"""The component as somebody meets it: in a project of ``dg``, by its commands."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import ml_assets
from ml_assets.errors import InvalidProblem
from ml_assets.orchestration.selection import Target
from ml_assets.problems import definitions_module

PYPROJECT = """
[project]
name = "acme"
version = "0.1.0"
[tool.dg]
directory_type = "project"
[tool.dg.project]
root_module = "acme"
[tool.ml_assets]
problems = ["acme.problems"]
definitions = "acme.definitions"
"""
PROBLEM = """
from dataclasses import replace
from ml_assets_tests.doubles import umbrellas
PROBLEM = replace(umbrellas.PROBLEM, name="visits")
"""
DEFINITIONS = """
from pathlib import Path
from dagster import definitions, load_from_defs_folder

@definitions
def defs():
    return load_from_defs_folder(path_within_project=Path(__file__).parent)
"""


@pytest.fixture
def project(tmp_path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    for name in ("acme", "acme/defs", "acme/problems"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").touch()
    (tmp_path / "acme" / "definitions.py").write_text(DEFINITIONS)
    (tmp_path / "acme" / "problems" / "visits.py").write_text(PROBLEM)
    return tmp_path


def dg(project: Path, *words: str) -> str:
    places = {
        "PYTHONPATH": f"{project}{os.pathsep}{Path(ml_assets.__file__).parents[1]}",
        "NO_COLOR": "1",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        [str(Path(sys.executable).with_name("dg")), *words],
        cwd=project,
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_it_is_listed_scaffolded_checked_and_loaded_by_dg(project):
    assert "ml_assets.Problems" in dg(project, "list", "components")
    dg(project, "scaffold", "defs", "ml_assets.Problems", "ml")
    file = project / "acme" / "defs" / "ml" / "defs.yaml"
    assert yaml.safe_load(file.read_text()) == {"type": "ml_assets.Problems", "attributes": {}}
    file.write_text("type: ml_assets.Problems\nattributes:\n  problems: [acme.problems]\n")
    dg(project, "check", "defs")
    listed = dg(project, "list", "defs")
    assert "visits/model" in listed
    assert "ml_assets_io_manager" in listed


def test_commands_run_the_definitions_that_the_project_names(project, monkeypatch):
    monkeypatch.chdir(project)
    assert Target.here().module == "acme.definitions"
    (project / "pyproject.toml").unlink()
    assert Target.here().module == "ml_assets.definitions"


@pytest.mark.parametrize("named", ["7", '"acme definitions"', '["acme.definitions"]'])
def test_definitions_that_are_no_module_are_refused(project, named):
    (project / "pyproject.toml").write_text(f"[tool.ml_assets]\ndefinitions = {named}\n")
    with pytest.raises(InvalidProblem, match=r'Write the name of a module: definitions = "acme.definitions"'):
        definitions_module(project)
