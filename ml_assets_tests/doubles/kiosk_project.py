"""The problem in ``kiosks/`` as somebody works on it: copied into a folder, edited, landed, planned and run, in this process."""

from __future__ import annotations

import importlib
import logging
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import pytest

from ml_assets.computation import snapshot
from ml_assets.computation.planner import Planned, Planner
from ml_assets.computation.reuse import given
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.metadata import REUSE
from ml_assets.orchestration.step import FRESH_TAG
from ml_assets.problem import Problem
from ml_assets.store import LandingFolder, Store, open_landing, open_store, trust
from ml_assets.training.params import changed_params
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.world import QUIET, trust_all, why

SOURCE = Path(__file__).parent / "kiosks"
MONTHS = ("2024-01", "2024-02")
Place = tuple[str, str]
"""An asset's noun, and a partition."""


def sales(month: str, rows: int = 60) -> pd.DataFrame:
    """What lands for a month."""
    rng = np.random.default_rng(int(month.replace("-", "")))
    at = pd.Timestamp(month, tz="UTC") + pd.to_timedelta(np.sort(rng.uniform(0, 28 * 24, rows)), unit="h").round("s")
    celsius = rng.uniform(5, 35, rows)
    return pd.DataFrame(
        {
            "sale": [f"{month}-{n:03d}" for n in range(rows)],
            "at": at.as_unit("us"),
            "kiosk": rng.choice(["pier", "square"], rows),
            "celsius": celsius,
            "cones": 4 * celsius + 10 + rng.normal(0, 3, rows),
        }
    )


@dataclass
class Project:
    """A checkout, a store, a landing folder, and a Dagster instance that has seen nothing of what others ran.

    Attributes:
        config: ``params`` and ``seed`` that its runs give a training.
    """

    folder: Path
    patch: pytest.MonkeyPatch
    config: dict[str, Any] = field(default_factory=dict)
    branch: str = "main"
    _imported: Problem | None = None

    @property
    def store(self) -> Store:
        return open_store(str(self.folder / "store"), user="ada", branch=self.branch)

    @property
    def landing(self) -> LandingFolder:
        return open_landing(str(self.folder / "landing"))

    def copied_to(self, folder: Path, patch: pytest.MonkeyPatch) -> Project:
        """The same elsewhere, as a colleague checks it out."""
        shutil.copytree(self.folder, folder, ignore=shutil.ignore_patterns("__pycache__", "instance"))
        return Project(folder, patch)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace what is written once in a file of the problem."""
        path = self.folder / "code" / "kiosks" / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))
        self._imported = None

    def land(self, month: str, data: pd.DataFrame) -> None:
        self.landing.write(f"kiosks/{month}.parquet", data)

    def problem(self) -> Problem:
        """As a process that starts after the last edit imports it."""
        if self._imported is None:
            self._imported = self._import()
        return self._imported

    def _import(self) -> Problem:
        self.patch.setattr(sys, "dont_write_bytecode", True)
        self.patch.setattr(snapshot, "STARTED", float("inf"))
        self.patch.syspath_prepend(self.folder / "code")
        for name in [name for name in sys.modules if name.partition(".")[0] == "kiosks"]:
            self.patch.delitem(sys.modules, name)
        problem = importlib.import_module("kiosks.problem").PROBLEM
        assert isinstance(problem, Problem)
        trust_all()
        for kind in problem.artifact_types:
            trust(kind)
        return problem

    def plan(self, months: Iterable[str] = MONTHS, nouns: Iterable[str] = CHAIN) -> dict[Place, Planned]:
        """What a run would do."""
        problem = self.problem()
        params = changed_params(problem.params, self.config.get("params", {}))
        gives = given(problem, params, self.config.get("seed", problem.seed))
        planned = Planner(problem, self.store, self.landing, gives).plan(nouns, list(months))
        return {(one.noun, one.partition): one for one in planned}

    def run(
        self, work: Mapping[str, Iterable[str]] | None = None, *, is_fresh: bool = False, seen: Any = None
    ) -> dict[Place, str]:
        """Run some nouns of each month (all), and say of each what its materialization says."""
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        definitions = build_definitions([self.problem()], self.store, self.landing)
        instance = seen or dg.DagsterInstance.ephemeral(tempdir=str(self.folder / "instance"))
        said: dict[Place, str] = {}
        for month, nouns in (work or dict.fromkeys(MONTHS, CHAIN)).items():
            result = definitions.resolve_implicit_global_asset_job_def().execute_in_process(
                instance=instance,
                partition_key=month,
                asset_selection=[dg.AssetKey(["kiosks", noun]) for noun in nouns],
                run_config={"ops": self._given(nouns), **QUIET},
                tags={FRESH_TAG: "true"} if is_fresh else {},
                raise_on_error=False,
            )
            assert result.success, [why(failed) for failed in result.get_step_failure_events()]
            for event in result.get_asset_materialization_events():
                materialization = event.step_materialization_data.materialization
                said[materialization.asset_key.path[-1], month] = str(materialization.metadata[REUSE].value)
        return said

    def contents(self, months: Iterable[str] = MONTHS) -> dict[Place, str]:
        """Digest of what the branch names; of what names versions, with the contents of those in their place."""
        return {(noun, month): self._content(noun, month) for month in months for noun in CHAIN}

    def _given(self, nouns: Iterable[str]) -> dict[str, Any]:
        return {"kiosks__model": {"config": self.config}} if self.config and "model" in nouns else {}

    def _content(self, noun: str, month: str) -> str:
        entry = self.store.head(f"kiosks/{noun}", month)
        assert entry is not None, f"{noun} [{month}] was not made"
        content = self.store.manifest(entry.target).content
        if noun not in ("champion", "predictions"):
            return content.digest
        value = self.store.load(entry.target)
        text = str(value) if noun == "champion" else value.to_csv()
        for month_ in (*MONTHS, "2024-03"):
            for version in self.store.versions("kiosks/model", month_):
                text = text.replace(version.version, self.store.manifest(version).content.digest)
        return text


def reused(said: Mapping[Place, str]) -> set[Place]:
    return {place for place, sentence in said.items() if sentence.startswith("reused")}


def started(folder: Path, patch: pytest.MonkeyPatch) -> Project:
    """A project that was never run, in which two months have landed."""
    shutil.copytree(SOURCE, folder / "code" / "kiosks", ignore=shutil.ignore_patterns("__pycache__"))
    project = Project(folder, patch)
    for month in MONTHS:
        project.land(month, sales(month))
    return project
