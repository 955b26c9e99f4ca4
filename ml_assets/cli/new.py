"""`ml-assets new`: a repository of one's own, with a problem that runs, its tests and its data."""

from __future__ import annotations

import argparse
import keyword
import sys
from collections.abc import Iterator
from pathlib import Path
from string import Template
from tempfile import TemporaryDirectory
from typing import Any

from ml_assets.cli.show import command, say
from ml_assets.errors import Refused, UsageError
from ml_assets.settings import Settings

STARTER = Path(__file__).parent / "starter"
PLACES = {  # a template -> where it goes; $name is the package
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    "Makefile": "Makefile",
    "Dockerfile": "Dockerfile",
    "dagster.yaml": "dagster.yaml",
    "workspace.yaml": "workspace.yaml",
    "gitignore": ".gitignore",
    "ci.yaml": ".github/workflows/tests.yaml",
    "tumours.py.txt": "$name/problems/tumours.py",
    "test_tumours.py.txt": "tests/test_tumours.py",
}
EMPTY = ("$name/__init__.py", "$name/problems/__init__.py")
DATA = "$name/problems/_data/wisconsin.csv"
MEASURED = ("radius", "texture", "smoothness", "compactness", "concavity", "symmetry")
EXAMPLES = """  ml-assets new acme              a repository in the folder acme, its problems in the package acme.problems
  cd acme && make demo test       its two commands
"""


def add_to(verbs: Any) -> None:
    """Add `new`."""
    parser = command(verbs, "new", "write a repository for problems of your own, with one that runs", new, EXAMPLES)
    parser.add_argument("name", help="of the folder and of the package in it, e.g. acme")


def new(options: argparse.Namespace, settings: Settings) -> int:
    """Write all files or none; nothing that is there is touched."""
    name = _package(options.name)
    folder = Path.cwd() / name
    if folder.exists():
        raise Refused(f"{folder} is there already; nothing was written. Choose another name, or another folder.")
    with TemporaryDirectory(prefix=f".{name}-", dir=Path.cwd()) as unfinished:
        for path, text in _files(name):
            file = Path(unfinished) / name / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        (Path(unfinished) / name).rename(folder)
    say(f"{name}/ is a repository with one problem, tumours, in {name}/problems/tumours.py")
    say(f"next: cd {name} && make demo")
    return 0


def _package(name: str) -> str:
    """The name, if Python can import a package of this name and finds no other first."""
    if not (name.isidentifier() and name.isascii() and name.islower()) or keyword.iskeyword(name):
        raise UsageError(
            f"{name!r} is no name for a package. Take lower-case letters, digits and _, such as acme_models."
        )
    if name in sys.stdlib_module_names or name in ("ml_assets", "tests"):
        raise UsageError(f"Python has a module {name!r} of its own, which would be found first. Take another name.")
    return name


def _files(name: str) -> Iterator[tuple[str, str]]:
    """Path -> text of every file."""
    for template, place in PLACES.items():
        text = (STARTER / template).read_text()
        # what is no template of ours may hold any dollar
        yield _filled(place, name), _filled(text, name) if "$name" in text or "$$" in text else text
    for place in EMPTY:
        yield _filled(place, name), ""
    yield _filled(DATA, name), _tumours()


def _filled(text: str, name: str) -> str:
    return Template(text).substitute(name=name)


def _tumours() -> str:
    """The measurements that scikit-learn brings, as a CSV file: one row per tumour."""
    from sklearn.datasets import load_breast_cancer

    found = load_breast_cancer()
    at = [[*found.feature_names].index(f"mean {name}") for name in MEASURED]
    lines = [",".join(("tumour", *MEASURED, "malignant"))]
    for number, (row, benign) in enumerate(zip(found.data, found.target, strict=True)):
        lines.append(",".join((f"{number:03d}", *(f"{row[n]:g}" for n in at), str(1 - benign))))
    return "\n".join(lines) + "\n"
