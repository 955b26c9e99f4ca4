"""Models as MLflow folders: loaded in other processes, from other places, by what lies in the folder."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from packaging.requirements import Requirement

from ml_assets.errors import Refused
from ml_assets.exports import mlflow_folder
from ml_assets.problem import FeatureTable, TrainingData
from ml_assets.store import codecs
from ml_assets_tests.doubles import parcels
from ml_assets_tests.exports.conftest import Leave, told


def of_every_column(model: dict[str, float], features: pd.DataFrame) -> np.ndarray:
    """A number that depends on each column, also on what is missing in it."""
    city = features["city"].str.len().fillna(model["missing"])
    size = features["size"].cat.codes.map({-1: 7, 0: 0, 1: 1, 2: 2})
    return (features["weight"].fillna(99) + city + size + features["stops"] + features["fragile"]).to_numpy(float)


def with_missing_text() -> FeatureTable:
    table = parcels.rows()
    city = table.features["city"].where(np.arange(len(table)) % 7 > 0)
    return replace(table, features=table.features.assign(city=city))


EVERY_COLUMN = replace(
    parcels.problem_of(lambda data: None, of_every_column, "regression"),
    name="every_column",
    train=lambda data, params, run: {"missing": 1.5},
)


def score_of_network(model: dict[str, Any], features: pd.DataFrame) -> np.ndarray:
    import torch

    known = torch.tensor(features["stops"].to_numpy(dtype=np.float64))
    answer: np.ndarray = torch.sigmoid(known * model["weight"] - 2).numpy()
    return answer


def weight(data: TrainingData, params: Any, run: Any) -> dict[str, Any]:
    import torch

    return {"weight": torch.tensor(0.4, dtype=torch.float64)}


NETWORK = replace(parcels.PROBLEM, name="network_of_parcels", train=weight, predict=score_of_network)

STRANGER = """
import mlflow.pyfunc, numpy as np, pandas as pd
model = mlflow.pyfunc.load_model(sys.argv[1])
np.save(sys.argv[3], model.predict(pd.read_json(sys.argv[2], orient="split", dtype={"city": str})))
print(sys.modules["ml_assets"].__file__)
print(model.metadata.signature.inputs.input_names())
"""


@pytest.mark.slow
def test_a_folder_that_was_moved_answers_elsewhere_with_nothing_installed_but_what_it_lists(
    leave: Leave, tmp_path: Path
):
    table = parcels.binary()
    exported = leave(parcels.PROBLEM, table, "mlflow")
    rows = table.features.iloc[int(parcels.SEEN * len(table)) :].reset_index(drop=True)
    (tmp_path / "elsewhere").mkdir()
    moved = Path(shutil.move(exported.folder, tmp_path / "elsewhere" / "model"))
    rows.assign(size=rows["size"].astype(object)).to_json(tmp_path / "rows.json", orient="split", double_precision=15)

    files = tmp_path / "rows.json", tmp_path / "said.npy"
    told_by = with_nothing_else_installed(STRANGER, moved, tmp_path / "elsewhere", *files)

    seen = np.arange(len(table)) < int(parcels.SEEN * len(table))
    model = parcels.PROBLEM.train(TrainingData(table.rows(seen), table), parcels.ForestParams(), RunOfSeed())
    np.testing.assert_allclose(np.load(tmp_path / "said.npy"), parcels.PROBLEM.predict(model, rows), atol=1e-12)
    assert Path(told_by[0]).is_relative_to(moved)
    assert told_by[1] == str(list(rows.columns))
    assert no_pickle(moved)


class RunOfSeed:
    seed = 0


def no_pickle(folder: Path) -> bool:
    """No file of one, and no library that makes them among the requirements."""
    about = (folder / "requirements.txt").read_text() + (folder / "MLmodel").read_text()
    return "pickle" not in about and not [*folder.rglob("*.pkl"), *folder.rglob("*.pickle"), *folder.rglob("*.joblib")]


@pytest.mark.slow
def test_every_type_of_column_comes_through_and_what_it_needs_is_listed(leave: Leave):
    exported = leave(EVERY_COLUMN, with_missing_text(), "mlflow")
    about = told(exported.folder)

    assert exported.comparison.equal
    example = json.loads((exported.folder / "input_example.json").read_text())
    assert example["columns"] == ["weight", "city", "stops", "size", "fragile"]
    lines = (exported.folder / "requirements.txt").read_text().split()
    assert lines[1:] == about["requirements"]


@pytest.mark.slow
def test_what_is_listed_is_enough_for_a_network(leave: Leave, tmp_path: Path):
    exported = leave(NETWORK, parcels.binary(), "mlflow")

    assert with_nothing_else_installed(FIVE, exported.folder, tmp_path) == ["5 answers"]


NOTHING_ELSE = """
import json, sys
from importlib.machinery import PathFinder
others = set(json.loads(sys.argv.pop()))

class WithoutOthers:
    find_distributions = PathFinder.find_distributions

    @staticmethod
    def find_spec(name, path=None, target=None):
        return None if path is None and name in others else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutOthers
"""
FIVE = """
import mlflow.pyfunc
model = mlflow.pyfunc.load_model(sys.argv[1])
print(len(model.predict(model.input_example)), "answers")
"""


def with_nothing_else_installed(program: str, folder: Path, cwd: Path, *arguments: Path) -> list[str]:
    """What a process says that can import nothing but what pip would have installed for the folder's requirements."""
    installed = closure((folder / "requirements.txt").read_text().split())
    brought = metadata.packages_distributions().items()
    others = sorted(module for module, by in brought if not {*installed, "ml-assets", "ml_assets"} & set(by))
    done = subprocess.run(
        [sys.executable, "-P", "-c", NOTHING_ELSE + program, folder, *arguments, json.dumps(others)],
        cwd=cwd,
        env={"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def closure(requirements: list[str]) -> set[str]:
    """The distributions that pip would install for these."""
    found: set[str] = set()
    wanted = [Requirement(line) for line in requirements]
    while wanted:
        one = wanted.pop()
        name = metadata.metadata(one.name)["Name"]
        if name in found:
            continue
        found.add(name)
        inner = map(Requirement, metadata.requires(one.name) or [])
        wanted += [
            r for r in inner if r.marker is None or any(r.marker.evaluate({"extra": e}) for e in one.extras or [""])
        ]
    return found


def test_a_problem_that_nobody_could_import_is_refused(leave: Leave, tmp_path: Path):
    nameless = parcels.problem_of(lambda data: {"p": 0.5}, lambda model, rows: np.full(len(rows), model["p"]), "binary")

    with pytest.raises(Refused, match="No module holds the problem nobodys under a name of its own"):
        leave(replace(nameless, name="nobodys"), parcels.binary(), "mlflow")

    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_without_mlflow_it_is_named(leave: Leave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)

    with pytest.raises(
        Refused, match=r"mlflow is needed, and it is not installed. .+ pip install 'ml_assets\[mlflow\]'"
    ):
        leave(parcels.PROBLEM, parcels.binary(), "mlflow")

    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_requirements_are_versions_that_pip_finds():
    content = {
        "codec": "record",
        "meta": {"fields": {"model": {"codec": "estimator"}, "weights": {"codec": "tensors"}}},
    }

    said = mlflow_folder._requirements({"pytest"}, content)

    assert {line.partition("==")[0] for line in said} >= {
        "blake3",
        "numpy",
        "pandas",
        "pytest",
        "scikit-learn",
        "skops",
        "torch",
    }
    assert not any("+" in line or "files" in line for line in said)


def test_what_each_codec_needs_to_read_a_model_is_listed():
    of_numpy_or_ours = {"array", "figure", "folder", "json", "record"}
    assert {codec.name for codec in codecs.CODECS} - of_numpy_or_ours <= {*mlflow_folder.BY_CODEC}
