"""What README.md, docs/PROBLEM.md and docs/TRAINING.md say is so."""

from __future__ import annotations

import re
import shlex
import sys
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from types import ModuleType
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets import cli, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.problem import FeatureTable, Problem, TrainingData
from ml_assets.problems import PROBLEMS
from ml_assets.promotion.ledger import Ledger
from ml_assets.settings import Settings
from ml_assets.store import open_landing
from ml_assets.training.run import Run

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PROBLEM_PAGE = (ROOT / "docs" / "PROBLEM.md").read_text()
TRAINING_PAGE = (ROOT / "docs" / "TRAINING.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.M | re.S)


def commands(text: str) -> list[list[str]]:
    lines = [line for block in blocks(text, "sh") for line in block.splitlines() if line]
    return [shlex.split(line, comments=True) for line in lines]


ML_ASSETS = [arguments for program, *arguments in commands(README) if program == "ml-assets"]
MAKE = [arguments for program, *arguments in commands(README) if program == "make"]


def test_the_readme_is_short():
    assert len(README.splitlines()) < 150


def test_every_verb_is_shown():
    verbs = re.findall(r"^    ([\w-]+)(?: |$)", cli.parser().format_help(), re.M)

    assert {arguments[0] for arguments in ML_ASSETS} == set(verbs)


@pytest.mark.parametrize("arguments", ML_ASSETS + [c[1:] for c in commands(PROBLEM_PAGE)], ids=" ".join)
def test_a_command_line_is_understood(arguments: list[str]):
    assert cli.parser().parse_args(arguments)


def test_the_make_targets_exist():
    (targets,) = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.M)

    assert {arguments[0] for arguments in MAKE} <= set(targets.split())


@pytest.mark.parametrize(
    "page",
    ["README.md", "deploy/README.md", "docs/PROBLEM.md", "docs/TRAINING.md", "docs/COMMANDS.md", "docs/SERVING.md"],
)
def test_links_lead_to_files(page: str):
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", (ROOT / page).read_text())

    assert [link for link in links if not (ROOT / page).parent.joinpath(link).exists()] == []


def test_the_tree_names_what_there_is():
    named = re.findall(r"^([\w./]+) {2,}\S", README.split("## The tree")[1], re.M)

    assert [path for path in named if not (ROOT / path).exists()] == []
    parts = [path for path in (ROOT / "ml_assets").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    assert {path.name for path in parts} - {"__init__.py"} == {
        Path(path).name for path in named if path.startswith("ml_assets/")
    }


def test_the_graph_is_that_of_the_assets(tmp_path: Path):
    (drawing,) = blocks(README, "mermaid")
    paths = [[end.split(" & ") for end in line.strip().split(" --> ")] for line in drawing.splitlines()[1:]]
    drawn = {pair for path in paths for ends in pairwise(path) for pair in product(*ends)}
    store, landing = open_store(Settings(store=str(tmp_path))), open_landing(str(tmp_path))
    graph = build_definitions(PROBLEMS, store, landing).resolve_asset_graph()
    between = {
        (parent.path[-1], key.path[-1])
        for key in graph.get_all_asset_keys()
        for parent in graph.get(key).parent_keys
        if parent != key and parent.path[0] == key.path[0]  # what problems share of each other is not drawn
    }

    assert drawn == between


@dataclass(frozen=True)
class NetParams:
    learning_rate: float = 1e-3


@dataclass(frozen=True)
class NetModel:
    params: NetParams
    weights: dict[str, Any]


def network_of(params: NetParams) -> Any:
    """A network that is called as the documented one is."""
    import torch

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.carriers, self.line = torch.nn.Embedding(2, 1), torch.nn.Linear(3, 1)

        def forward(self, x: torch.Tensor, carrier: torch.Tensor) -> torch.Tensor:
            answer: torch.Tensor = self.line(torch.cat([x, self.carriers(carrier)], dim=1))[:, 0]
            return answer

    return Net()


def test_the_documented_training_trains():
    features = pd.DataFrame({"distance": np.linspace(0, 1, 600), "hour": np.arange(600) % 24 / 24, "carrier": 0})
    rows = FeatureTable(pd.DataFrame({"trip": range(600)}), features, features["distance"].to_numpy())
    code: dict[str, Any] = {"NetModel": NetModel, "build": network_of}
    code["frame"] = lambda table: table.features.assign(minutes=table.label)
    exec("from __future__ import annotations\n" + blocks(TRAINING_PAGE, "python")[0], code)
    model = code["train"](TrainingData(rows, rows), NetParams(), Run(seed=1, report=print))

    assert model.params == NetParams()
    assert set(model.weights) == set(network_of(model.params).state_dict())


@pytest.fixture
def cancellations(monkeypatch: pytest.MonkeyPatch) -> Problem:
    """The problem that docs/PROBLEM.md writes, as the module it says it is."""
    module = ModuleType("ml_assets.problems.cancellations")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(blocks(PROBLEM_PAGE, "python")[0], module.__dict__)
    problem: Problem = module.PROBLEM
    return problem


def bills(month: str) -> pd.DataFrame:
    rng = np.random.default_rng(int(month.replace("-", "")))
    complaints = rng.poisson(1.0, 600)
    at = pd.Timestamp(month, tz="UTC") + pd.to_timedelta(rng.uniform(0, 28, 600), unit="D").round("s")
    return pd.DataFrame(
        {
            "bill": np.arange(600) + int(month.replace("-", "")) * 1_000,
            "billed_at": at.as_unit("us"),
            "months_with_us": rng.integers(0, 60, 600),
            "complaints": complaints,
            "plan": pd.array(rng.choice(["basic", "family"], 600), dtype="str"),
            "cancelled": (complaints + rng.logistic(size=600) > 2).astype(float),
        }
    )


def test_the_documented_problem_runs_from_landed_files_to_a_champion(tmp_path: Path, cancellations: Problem):
    store = open_store(Settings(store=str(tmp_path / "store"), user="ada"))
    landing = open_landing(str(tmp_path / "landing"))
    job = build_definitions([cancellations], store, landing).resolve_implicit_global_asset_job_def()
    with dg.DagsterInstance.ephemeral() as instance:
        for month in ("2024-01", "2024-02"):
            landing.write(f"cancellations/bills/{month}.parquet", bills(month))
            assert job.execute_in_process(instance=instance, partition_key=month).success

    assert Ledger.of(store, cancellations, None).current().model.partition == "2024-01"
    assert len(store.load(store.head("cancellations/predictions", "2024-02").target)) == 600
