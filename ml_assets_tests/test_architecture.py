"""Who may import whom: the table below is the architecture, and every import of the package is held against it."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

PACKAGE = Path(__file__).parents[1] / "ml_assets"
FRONT = "ml_assets"  # the package's own __init__.py

MAY_IMPORT = {
    "errors": "",
    "settings": "errors",
    "alerts": "errors",
    "categories": "errors",
    "classes": "errors",
    "partitions": "errors",
    "rules": "errors",
    "compute": "errors",
    "tuning": "compute errors",
    "values": "",
    "sources": "settings errors",
    "problem": "partitions rules compute tuning sources errors",
    "feature_group": "problem errors",
    "assets": "problem sources errors",
    # settings, because the environment says how S3 is reached
    "store": "categories settings errors",
    "feature_query": "store errors",
    "testing": "store errors",
    "training": "problem categories classes values errors",
    "evaluation": "problem classes errors",
    "problems": "training evaluation feature_group problem settings errors",
    # the store, because a model is a folder of it
    "commands": "training problem partitions store settings errors",
    "drift": "problem errors",
    "monitoring": "drift evaluation problem classes errors",
    "artifacts": "training evaluation monitoring problem store",
    "worker": "artifacts problems training evaluation problem store settings errors",
    "figures": "drift evaluation monitoring problem classes",
    "promotion": "assets training evaluation problem store errors",  # the store, because the ledger is one of its ref logs
    # promotion, because pins are a log beside the ledger
    "retention": "assets promotion problem store errors",
    # promotion, because decisions read the ledger; training, because parameters are changed there
    "computation": "assets promotion training problem sources compute store settings errors",
    "lineage": "assets computation promotion monitoring evaluation problem categories classes store values errors",
    # store, because versions are named; lineage, because what data says is escaped
    "ci": "assets computation lineage promotion evaluation problem store errors",
    # promotion, because the ledger of champions is told; training, because curves are
    "mirrors": "alerts lineage promotion training store errors",
    # computation, because what is bundled with a model is the code that it reaches
    "exports": "artifacts assets computation promotion problems training problem categories classes store settings "
    "errors",
    FRONT: "artifacts lineage problems problem store settings",
    "pages": f"{FRONT} assets lineage promotion evaluation drift monitoring figures problems problem store settings errors",
    # pages, because both listen and are guarded alike
    "serving": f"{FRONT} alerts assets pages computation lineage promotion monitoring training evaluation partitions problems "
    "problem categories classes store values errors",
    "orchestration": f"{FRONT} artifacts assets retention alerts mirrors worker problems computation promotion lineage figures "
    "drift monitoring training evaluation commands problem sources store compute tuning settings values serving errors",
    "cli": f"{FRONT} alerts assets retention ci evaluation exports mirrors pages serving orchestration problems computation "
    "promotion lineage monitoring training problem store settings errors",
    "component": f"{FRONT} orchestration problem problems settings",
    "definitions": f"{FRONT} orchestration problems settings",
}
ONLY_IN = {
    "dagster": "orchestration definitions component",
    "adbc_driver_postgresql": "sources",
    "duckdb": "feature_query lineage sources",
    "jinja2": "pages",
    "matplotlib": "no part",
    "mlflow": "exports",
    "obstore": "store",
    "onnxmltools": "exports",
    "onnxruntime": "exports",
    "openlineage": "mirrors",
    "skl2onnx": "exports",
    "skops": "store",
    "sqlglot": "feature_query",
    "starlette": "pages serving",
    "uvicorn": "pages serving",
    "valohai_yaml": "commands",
    "os.environ": "settings",
    "os.getenv": "settings",
}
NOWHERE = ("pickle", "_pickle", "cloudpickle", "dill", "joblib", "shelve", "marshal", "importlib.import_module")
SAVE_IN = {"importlib.import_module": "problems/_loading.py"}  # problems are found, not listed
HEAVY = (
    "PIL", "catboost", "duckdb", "keras", "lightgbm", "matplotlib", "mlflow", "numpy", "onnx", "onnxmltools", "onnxruntime",
    "openlineage", "pandas", "pandera", "polars", "pyarrow", "scipy", "skl2onnx", "skops", "sklearn", "sqlglot", "tokenizers",
    "torch", "transformers", "valohai_yaml", "xgboost",
)  # fmt: skip


@dataclass(frozen=True)
class Import:
    """One name that a file imports.

    Attributes:
        part: the row of the table that the file belongs to.
        name: in full: ``from os import environ`` and the expression ``os.environ`` are both ``os.environ``.
        when: the module is loaded, a function is called, or only a type checker reads it.
    """

    part: str
    name: str
    where: str
    when: Literal["load", "call", "types"]

    def of(self, *libraries: str) -> bool:
        """Whether this is one of the libraries or something in it; ``dagster`` includes ``dagster_k8s`` and its like."""
        top = self.name.split("_")[0] if self.name.startswith("dagster_") else self.name
        return any(f"{top}.".startswith(f"{library}.") for library in libraries)


class Reader(ast.NodeVisitor):
    """Collects the imports of one file, also those inside functions and under ``if TYPE_CHECKING``."""

    def __init__(self, path: Path, package: Path) -> None:
        relative = path.relative_to(package)
        top = relative.parts[0].removesuffix(".py")
        self.part = FRONT if top == "__init__" else top
        self.where = str(relative)
        self.when: Literal["load", "call", "types"] = "load"
        self.found: list[Import] = []

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._add(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._add(f"{'.' * node.level}{node.module or ''}.{alias.name}", node)

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if isinstance(node.value, ast.Name) and node.value.id in ("os", "importlib"):
            self._add(f"{node.value.id}.{node.attr}", node)
        self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for default in [*node.args.defaults, *node.args.kw_defaults, *node.decorator_list]:
            if default is not None:
                self.visit(default)
        self._inside("call", node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815  # the name that ast looks for

    def visit_If(self, node: ast.If) -> None:
        is_for_types = ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        self._inside("types" if is_for_types else self.when, node.body)
        self._inside(self.when, node.orelse)

    def _inside(self, when: Literal["load", "call", "types"], body: list[ast.stmt]) -> None:
        before, self.when = self.when, when
        for statement in body:
            self.visit(statement)
        self.when = before

    def _add(self, name: str, node: ast.AST) -> None:
        self.found.append(Import(self.part, name, f"{self.where}:{node.lineno}", self.when))  # type: ignore[attr-defined]


def imports(package: Path) -> Iterator[Import]:
    for path in sorted(package.rglob("*.py")):
        reader = Reader(path, package)
        reader.visit(ast.parse(path.read_text()))
        yield from reader.found


def against_the_table(found: Import) -> str | None:
    if found.name.startswith("."):
        return "relative; write the whole name"
    if not found.of("ml_assets"):
        return None
    second = found.name.split(".")[1:2]
    to = second[0] if second and second[0] in MAY_IMPORT else FRONT
    allowed = {found.part, *MAY_IMPORT.get(found.part, "").split()}
    return None if to in allowed else f"{found.part} may import {MAY_IMPORT.get(found.part) or 'nothing'}"


def past_a_fence(found: Import) -> str | None:
    for library, parts in ONLY_IN.items():
        if found.of(library) and found.part not in parts.split() and found.when != "types":
            return f"{library} belongs to {parts}"
    return None


def of_something_banned(found: Import) -> str | None:
    is_its_place = SAVE_IN.get(found.name) == found.where.partition(":")[0]
    return "banned everywhere" if found.of(*NOWHERE) and not is_its_place else None


def of_a_heavy_library_at_module_level(found: Import) -> str | None:
    return "heavy: import it inside the function" if found.of(*HEAVY) and found.when == "load" else None


def of_what_lies_inside_the_store(found: Import) -> str | None:
    inside = found.of("ml_assets.store") and found.name.count(".") > 2
    return "import it from ml_assets.store" if inside and found.part != "store" else None


Rule = Callable[[Import], str | None]
RULES: tuple[Rule, ...] = (
    against_the_table,
    past_a_fence,
    of_something_banned,
    of_a_heavy_library_at_module_level,
    of_what_lies_inside_the_store,
)


def breaches(package: Path, rule: Rule) -> list[str]:
    return [f"{found.where} imports {found.name}: {why}" for found in imports(package) if (why := rule(found))]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_there_is_no_import(rule: Rule):
    assert breaches(PACKAGE, rule) == []


def test_the_table_has_a_row_for_every_part_and_no_circle():
    parts = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set(MAY_IMPORT) == parts - {"__init__"} | {FRONT}

    seen: set[str] = set()
    for part, allowed in MAY_IMPORT.items():
        assert set(allowed.split()) <= seen, f"{part} may import only what stands above it"
        seen.add(part)


BREACHES = [
    ("problems/toy.py", "from ml_assets.store import open_store", against_the_table),
    ("store/store.py", "def f():\n    import ml_assets.problem", against_the_table),
    ("evaluation/judge.py", "if TYPE_CHECKING:\n    from ml_assets import orchestration", against_the_table),
    ("training/model.py", "from ml_assets import open_store", against_the_table),
    ("lineage/graph.py", "from .reference import parse", against_the_table),
    ("novelty/new.py", "from ml_assets.errors import MlAssetsError", against_the_table),
    ("cli/run.py", "def f():\n    from dagster import asset", past_a_fence),
    ("cli/run.py", "async def f():\n    import dagster_k8s", past_a_fence),
    ("evaluation/judge.py", "try:\n    from matplotlib.figure import Figure\nexcept ValueError: ...", past_a_fence),
    ("store/backend.py", "import os\nx = os.environ['HOME']", past_a_fence),
    ("store/backend.py", "def f(environ=os.environ): ...", past_a_fence),
    ("store/backend.py", "from os import getenv as g", past_a_fence),
    ("store/codecs/any.py", "def f():\n    from pickle import loads", of_something_banned),
    ("store/codecs/any.py", "import importlib\nimportlib.import_module('torch')", of_something_banned),
    ("problems/toy.py", "import importlib\nimportlib.import_module('torch')", of_something_banned),
    ("problems/_loading.py", "import pickle", of_something_banned),
    ("problems/toy.py", "import numpy as np", of_a_heavy_library_at_module_level),
    ("problems/toy.py", "class A:\n    from sklearn.svm import SVC", of_a_heavy_library_at_module_level),
    ("lineage/graph.py", "from ml_assets.store.logs.refs import RefLog", of_what_lies_inside_the_store),
]


@pytest.mark.parametrize(("path", "code", "rule"), BREACHES, ids=[f"{p}: {c!r}" for p, c, _ in BREACHES])
def test_a_breach_is_found(tmp_path: Path, path: str, code: str, rule: Rule):
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    file.write_text(code)

    assert len(breaches(tmp_path, rule)) == 1


ALLOWED = [
    ("orchestration/model.py", "import dagster as dg\nfrom ml_assets.store import Store"),
    ("problems/toy.py", "if TYPE_CHECKING:\n    import numpy as np\ndef f():\n    import pandas"),
    ("settings.py", "import os\ndef read(environ=os.environ): ..."),
    ("cli/look.py", "import ml_assets\nfrom ml_assets.lineage.graph import Node"),
]


@pytest.mark.parametrize(("path", "code"), ALLOWED, ids=[path for path, _ in ALLOWED])
def test_what_is_allowed_is_no_breach(tmp_path: Path, path: str, code: str):
    file = tmp_path / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(code)

    assert [breach for rule in RULES for breach in breaches(tmp_path, rule)] == []


def loaded_by(program: str) -> set[str]:
    """The top-level modules in a new process after the program."""
    ask = "\nimport json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
    done = subprocess.run([sys.executable, "-c", program + ask], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def core_modules() -> list[str]:
    """Every module but those that bring Dagster."""
    paths = [path.relative_to(PACKAGE.parent).with_suffix("") for path in sorted(PACKAGE.rglob("*.py"))]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if name.split(".")[1:2] not in (["orchestration"], ["definitions"], ["component"])]


def test_importing_the_whole_core_loads_neither_dagster_nor_a_heavy_library():
    modules = core_modules()
    loaded = loaded_by(f"import {', '.join(modules)}")

    assert len(modules) > 50
    assert loaded & {"dagster", *HEAVY} == set()


def test_loading_the_code_location_costs_dagster_and_blake3_and_nothing_more():
    added = loaded_by("import ml_assets.definitions") - loaded_by("import dagster")

    assert added - sys.stdlib_module_names == {"ml_assets", "blake3"}


NOTEBOOK = """
import sys
sys.modules["dagster"] = None  # from here on `import dagster` fails

from ml_assets import open_store
from ml_assets.problem import TrainingData
from ml_assets.settings import Settings
from ml_assets.store import Manifest
from ml_assets.training.model import fit, predict
from ml_assets.training.run import Run
from ml_assets.training.rows import feature_table
from ml_assets_tests.doubles.umbrellas import PROBLEM, visits

store = open_store(Settings(store="memory://notebook"))
key, _ = store.publish(Manifest("umbrellas/dataset", "2024-01", store.put(visits("2024-01"))), why="by hand")
table = feature_table(PROBLEM, [], store.load(key))
model = fit(PROBLEM, TrainingData(table, table), PROBLEM.params, Run(0, print))
key, _ = store.publish(Manifest("umbrellas/model", "2024-01", store.put(model)), why="by hand")
loaded = store.load(store.head("umbrellas/model", "2024-01").target)
assert (predict(PROBLEM, loaded, table.features) == predict(PROBLEM, model, table.features)).all()
assert sys.modules["dagster"] is None
"""


def test_a_notebook_trains_stores_and_loads_where_dagster_cannot_be_imported():
    assert {"ml_assets", "pandas", "sklearn"} <= loaded_by(NOTEBOOK)
