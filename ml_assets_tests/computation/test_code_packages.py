"""Versions of packages by the modules that code imports."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from ml_assets.computation import packages
from ml_assets.computation.code import package_versions


def test_a_module_is_told_by_the_distribution_that_brings_it():
    assert package_versions({"sklearn", "PIL"}) == {
        "pillow": importlib.metadata.version("pillow"),
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }


def test_every_installed_module_has_the_distributions_that_importlib_finds():
    listed = importlib.metadata.packages_distributions()
    modules = {name: set(found) for name, found in listed.items() if name.isidentifier() and not name.startswith("_")}
    modules.pop("ml_assets")  # known by its text

    assert len(modules) > 30
    assert {name: set(package_versions([name])) for name in modules} == modules


def test_a_module_that_is_not_installed_says_so():
    assert package_versions(["no_such_module"]) == {"no_such_module": "not installed"}


def test_a_module_that_was_copied_there_counts_by_its_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "acme").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for text in ("x = 1\n", "x = 2\n"):
        (tmp_path / "acme" / "__init__.py").write_text(text)
        packages._without_version.cache_clear()  # as another process
        found.append(package_versions(["acme"])["acme"])

    assert found[0] != found[1]
    assert all(version.startswith("no version, files ") for version in found)


def test_what_an_interrupted_installation_left_behind_is_no_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "acme").mkdir()
    for version in ("1.0", "1.1"):
        (tmp_path / f"acme-{version}.dist-info").mkdir()
    (tmp_path / "acme-1.1.dist-info" / "METADATA").write_text("Name: acme\nVersion: 1.1\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert package_versions(["acme"]) == {"acme": "1.1"}


@pytest.mark.parametrize("listing", ["RECORD", "top_level.txt"])
def test_a_new_version_is_a_new_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listing: str):
    found = []
    for version in ("1.0", "1.1"):
        site = tmp_path / version
        metadata = site / f"acme_tools-{version}.dist-info"
        metadata.mkdir(parents=True)
        (site / "acme").mkdir()
        (metadata / listing).write_text("acme/__init__.py,,\n" if listing == "RECORD" else "acme\n")
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: acme-tools\nVersion: {version}\n\nName: other\n"
        )
        with monkeypatch.context() as patched:
            patched.setattr(sys, "path", [str(site), *sys.path])
            found.append(package_versions(["acme"]))

    assert found == [{"acme-tools": "1.0"}, {"acme-tools": "1.1"}]
