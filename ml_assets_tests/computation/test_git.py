"""Which commit the code is, asked of real repositories."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ml_assets.computation.git import code_identity, git_identity, repository_of, web_address
from ml_assets_tests.doubles import umbrellas


def identity(folder: Path) -> dict[str, object]:
    """As it is now, not as it was when first asked."""
    return dict(git_identity.__wrapped__(folder))


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A committed package in a repository that ignores what is built."""
    package = tmp_path / "repository/package"
    package.mkdir(parents=True)
    (package / "features.py").write_text("x = 1\n")
    (package.parent / ".gitignore").write_text("built/\n")
    git(package.parent, "init", "--quiet")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "--quiet", "-m", "one")
    return package


def test_unchanged_code_is_its_commit(code):
    assert identity(code) == {"git_commit": git(code, "rev-parse", "HEAD"), "git_dirty": False}


def edited(code: Path) -> None:
    (code / "features.py").write_text("x = 2\n")


def deleted(code: Path) -> None:
    (code / "features.py").unlink()


def renamed(code: Path) -> None:
    (code / "features.py").rename(code / "other.py")


def executable(code: Path) -> None:
    (code / "features.py").chmod(0o755)


def edited_and_executable(code: Path) -> None:
    edited(code)
    executable(code)


def added(code: Path) -> None:
    (code / "new").mkdir()
    (code / "new/deep.py").write_text("y = 1\n")


def linked(code: Path) -> None:
    (code / "link.py").symlink_to("features.py")


def oddly_named(code: Path) -> None:
    Path(os.fsdecode(os.fsencode(code) + b"/\xff\n.py")).write_text("y = 1\n")


CHANGES = (edited, deleted, renamed, executable, edited_and_executable, added, linked, oddly_named)


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_makes_it_dirty_and_the_digest_is_the_same_staged_or_not(code, change):
    clean = identity(code)
    change(code)
    dirty = identity(code)
    assert dirty == {**clean, "git_dirty": True, "git_diff": dirty["git_diff"]}
    assert len(dirty["git_diff"]) == 64
    git(code, "add", "--all", ".")
    assert identity(code) == dirty


def test_the_digest_tells_one_change_from_another(code, tmp_path):
    found = set()
    for change in CHANGES:
        copy = tmp_path / change.__name__
        shutil.copytree(code.parent, copy)
        change(copy / "package")
        found.add(identity(copy / "package")["git_diff"])
    assert len(found) == len(CHANGES)


def test_whose_configuration_it_is_does_not_matter(code, monkeypatch, tmp_path):
    renamed(code)
    added(code)
    plain = identity(code)
    for setting in ("diff.noprefix=true", "status.renames=copies", "status.showUntrackedFiles=no", "color.ui=always"):
        git(code, "config", *setting.split("="))
    git(code, "config", "core.pager", f"touch {tmp_path / 'paged'}")
    git(code, "config", "core.fsmonitor", f"touch {tmp_path / 'monitored'}")
    assert identity(code) == plain
    assert not (tmp_path / "paged").exists()
    assert not (tmp_path / "monitored").exists()


def test_asking_writes_nothing_into_the_repository(code):
    index = code.parent / ".git/index"
    os.utime(code / "features.py", (1, 1))  # git would note that it looked
    before = index.read_bytes()
    assert identity(code)["git_dirty"] is False
    assert index.read_bytes() == before


def test_changes_elsewhere_ignored_files_and_compiled_ones_do_not_count(code):
    (code.parent / "README.md").write_text("other\n")
    for name in ("built/out.py", "__pycache__/features.cpython-311.pyc"):
        (code / name).parent.mkdir()
        (code / name).write_text("made\n")
    assert identity(code)["git_dirty"] is False


def test_the_content_of_a_submodule_counts(code, tmp_path):
    library = tmp_path / "library"
    library.mkdir()
    git(library, "init", "--quiet")
    (library / "a.py").write_text("a = 1\n")
    git(library, "add", ".")
    git(library, "commit", "--quiet", "-m", "one")
    git(code, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library), "library")
    git(code, "commit", "--quiet", "-m", "two")
    assert identity(code)["git_dirty"] is False
    found = []
    for text in ("a = 2\n", "a = 3\n"):
        (code / "library/a.py").write_text(text)
        found.append(identity(code)["git_diff"])
    assert len(set(found)) == 2


def test_of_huge_files_the_size_counts_and_small_ones_are_read_all_the_same(code, monkeypatch):
    monkeypatch.setattr("ml_assets.computation.git.MOST_BYTES", 100)
    huge = code / "a_dump.bin"
    huge.write_bytes(bytes(1000))
    (code / "small.py").write_text("y = 1\n")
    before = identity(code)["git_diff"]
    huge.write_bytes(bytes([1]) * 1000)
    assert identity(code)["git_diff"] == before
    huge.write_bytes(bytes(1001))
    assert identity(code)["git_diff"] != before
    huge.write_bytes(bytes(1000))
    (code / "small.py").write_text("y = 2\n")
    assert identity(code)["git_diff"] != before


def test_nothing_is_claimed_without_a_repository_a_commit_or_git(tmp_path, code, monkeypatch):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert identity(empty) == {}
    git(empty, "init", "--quiet")
    (empty / "a.py").write_text("a = 1\n")
    assert identity(empty) == {}
    assert identity(tmp_path / "missing") == {}
    monkeypatch.setenv("PATH", str(empty))
    assert identity(code) == {}


def test_packages_installed_inside_a_project_are_not_its_code(code):
    installed = code.parent / "built/site-packages/package"
    installed.mkdir(parents=True)
    (installed / "a.py").write_text("a = 1\n")
    assert identity(installed) == {}


def test_inside_a_hook_of_another_repository_it_is_not_mistaken_for_that(code, tmp_path, monkeypatch):
    expected = identity(code)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / ".git/index"))
    assert identity(code) == expected


def test_a_git_that_does_not_get_done_is_not_waited_for(code, tmp_path, monkeypatch):
    (tmp_path / "git").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("ml_assets.computation.git.ANSWERS_WITHIN_SECONDS", 0.1)
    assert identity(code) == {}


def test_within_a_process_the_answer_stays_what_it_was(code):
    clean = git_identity(code)
    edited(code)
    assert git_identity(code) == clean != identity(code)


def test_the_identity_of_the_code_is_that_of_this_package():
    assert code_identity() == git_identity(Path(__file__).parents[2] / "ml_assets")


@pytest.mark.parametrize(
    ("remote", "address"),
    [
        ("https://git.example/ml/acme.git", "https://git.example/ml/acme"),
        ("https://ada:secret@git.example:8443/ml/acme/", "https://git.example:8443/ml/acme"),
        ("ssh://git@git.example:22/ml/acme.git", "https://git.example/ml/acme"),
        ("git@git.example:ml/acme.git", "https://git.example/ml/acme"),
        ("http://git.example/ml/acme.git", "http://git.example/ml/acme"),
        ("../acme", ""),
        ("/srv/git/acme.git", ""),
        ("file:///srv/git/acme.git", ""),
    ],
)
def test_the_address_of_a_remote_is_one_that_a_browser_opens_without_credentials(remote, address):
    assert web_address(remote) == address


def test_the_repository_of_a_problem_is_that_of_the_package_it_is_written_in(code, monkeypatch):
    git(code.parent, "remote", "add", "origin", "git@git.example:ml/acme.git")
    (code / "__init__.py").write_text("def dataset(partition, source): ...\n")
    git(code.parent, "add", ".")
    git(code.parent, "commit", "--quiet", "-m", "two")
    monkeypatch.syspath_prepend(code.parent)
    import package

    assert repository_of(replace(umbrellas.PROBLEM, dataset=package.dataset)) == "https://git.example/ml/acme"
    del sys.modules["package"]
    assert repository_of(replace(umbrellas.PROBLEM, dataset=len)) == ""
