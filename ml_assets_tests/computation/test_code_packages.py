"""Versions of packages by the modules that code imports."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from ml_assets.computation import packages
from ml_assets.computation.code import code_of, package_versions
from ml_assets.computation.packages import installed_as, version_of


def test_a_module_is_told_by_the_distribution_that_brings_it():
    found = package_versions({"sklearn", "PIL"})

    assert {name: version_of(known_by) for name, known_by in found.items()} == {
        "pillow": importlib.metadata.version("pillow"),
        "scikit-learn": importlib.metadata.version("scikit-learn"),
    }
    assert found["scikit-learn"] == installed_as("scikit-learn") == installed_as("Scikit_Learn")


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

    assert version_of(package_versions(["acme"])["acme"]) == "1.1"


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
            found.append(version_of(package_versions(["acme"])["acme-tools"]))

    assert found == ["1.0", "1.1"]


def installed(site: Path, *record: str, files: dict[str, str], version: str = "1.0") -> str:
    """What acme is known by when an installer has put these files and this RECORD into a folder."""
    metadata = site / f"acme-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme\nVersion: {version}\n")
    if record:
        (metadata / "RECORD").write_text("\n".join(record) + "\n")
    for name, text in files.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "path", [str(site)])
        return package_versions(["acme"])["acme"]


FIRST = {"acme/__init__.py": "x = 1\n"}
OTHER = {"acme/__init__.py": "x = 2\n"}
RECORD = ("acme/__init__.py,sha256=aaa,6", "acme-1.0.dist-info/RECORD,,")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(RECORD, ("acme/__init__.py,sha256=bbb,6", RECORD[1]), id="a module"),
        pytest.param(RECORD, (*RECORD, "acme/more.py,sha256=ccc,0"), id="a module more"),
        pytest.param(
            (*RECORD, "acme/_fast.so,sha256=ddd,9"), (*RECORD, "acme/_fast.so,sha256=eee,9"), id="compiled code"
        ),
        pytest.param(
            (*RECORD, "acme/weights.json,sha256=f,9"), (*RECORD, "acme/weights.json,sha256=g,9"), id="data beside code"
        ),
        pytest.param(
            (*RECORD, '"acme/a,b.py",sha256=f,9'), (*RECORD, '"acme/a,b.py",sha256=g,9'), id="a name with a comma"
        ),
    ],
)
def test_other_files_of_the_same_version_are_another_package(tmp_path: Path, before: tuple[str], after: tuple[str]):
    found = [installed(tmp_path / str(n), *record, files=FIRST) for n, record in enumerate((before, after))]

    assert [version_of(one) for one in found] == ["1.0", "1.0"]
    assert found[0] != found[1]


@pytest.mark.parametrize("record", [(), ("acme/__init__.py,,", "acme-1.0.dist-info/RECORD,,")], ids=["none", "no hash"])
def test_files_without_a_recorded_hash_count_by_their_bytes(tmp_path: Path, record: tuple[str]):
    found = [installed(tmp_path / str(n), *record, files=files) for n, files in enumerate((FIRST, OTHER, FIRST))]

    assert found[0] == found[2] != found[1]


def test_where_and_how_it_was_installed_changes_nothing(tmp_path: Path):
    by_pip = (
        *RECORD,
        "acme-1.0.dist-info/INSTALLER,sha256=pip,4",
        "acme-1.0.dist-info/direct_url.json,sha256=here,4",
        "acme/__pycache__/__init__.cpython-311.pyc,,",
        "../../../bin/acme,sha256=with-the-path-of-its-python,200",
    )
    found = [
        installed(tmp_path / str(n), *record, files=FIRST) for n, record in enumerate((RECORD, by_pip, by_pip[::-1]))
    ]

    assert len(set(found)) == 1


def test_what_is_installed_to_be_edited_is_code_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """As setuptools and others do it: a .pth names the folder, beside metadata that says nothing of its files."""
    (tmp_path / "src" / "acme_edited").mkdir(parents=True)
    (tmp_path / "src" / "acme_edited" / "__init__.py").write_text("def rate():\n    return 1\n")
    (tmp_path / "src" / "acme_edited.egg-info").mkdir()
    (tmp_path / "src" / "acme_edited.egg-info" / "PKG-INFO").write_text("Name: acme-edited\nVersion: 1.0\n")
    (tmp_path / "problem_of_acme.py").write_text("import acme_edited\n\ndef use():\n    return acme_edited.rate()\n")
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "src"), *sys.path])

    before = code_of("problem_of_acme:use")
    (tmp_path / "src" / "acme_edited" / "__init__.py").write_text("def rate():\n    return 2\n")
    after = code_of("problem_of_acme:use")

    assert "acme_edited:rate" in before.parts
    assert before.version != after.version
