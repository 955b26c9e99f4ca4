"""What is recorded of the surroundings of a materialization."""

from __future__ import annotations

import subprocess

from ml_assets.orchestration.metadata import _git_identity, environment, materialization_metadata


def test_code_is_dirty_when_any_of_its_files_differs_from_the_commit(tmp_path):
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], check=True
        )

    (tmp_path / "problems").mkdir()
    (tmp_path / "problems" / "features.py").write_text("x = 1\n")
    git("init", "--quiet")
    git("add", ".")
    git("commit", "--quiet", "-m", "one")
    clean = dict(_git_identity(tmp_path))
    assert clean["git_dirty"] is False
    assert len(clean["git_commit"]) == 40
    (tmp_path / "problems" / "features.py").write_text("x = 2\n")
    assert dict(_git_identity(tmp_path))["git_dirty"] is True


def test_without_a_repository_nothing_is_claimed(tmp_path):
    assert dict(_git_identity(tmp_path)) == {}


def test_the_environment_lists_the_packages_that_matter():
    assert {"dagster", "scikit-learn", "pandas", "numpy"} <= set(environment()["packages"])


def test_what_people_came_for_is_shown_before_the_plumbing(finished):
    key = finished.head("umbrellas/evaluation", "2024-03")
    shown = list(materialization_metadata(finished.store, key, finished.store.manifest(key)))
    assert shown.index("auroc/value") < shown.index("inputs") < shown.index("size_mib") < shown.index("look_at_it")
