"""Problems in a Dagster project that is there already: as definitions to be merged, and as a component of ``dg``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import Field

from ml_assets import open_landing, open_store
from ml_assets.orchestration import executor_of, mergeable_definitions
from ml_assets.problem import Problem
from ml_assets.problems import BROKEN, PROBLEMS, BrokenProblem, load_all
from ml_assets.settings import Settings, let_gpus_repeat, let_waiting_threads_yield


def definitions_for(
    problems: Iterable[Problem | str] | None = None, settings: Settings | None = None, *, s3: Any = None
) -> dg.Definitions:
    """The assets, jobs, sensors, schedules and resources of some problems, to be merged with others::

        defs = dg.Definitions.merge(mine, ml_assets.definitions_for(problems=["acme.problems"]))

    They bring an IO manager and a landing folder of their own names, and no executor: the job of a problem has its own, and what
    is materialized beside runs as the rest of the project does.

    Args:
        problems: Problems, or names of packages that hold some. None: those that the environment, pyproject.toml or installed
            packages name, as everywhere.
        settings: where everything is kept; by default as the environment says.
        s3: by what a store and a landing folder in S3 are reached: dagster-aws's ``S3Resource``, a boto3 session or an S3
            client; by default as the environment says.
    """
    let_waiting_threads_yield()
    let_gpus_repeat()
    found, broken = _problems(problems)
    settings = settings or Settings.from_environment()
    store = open_store(settings, found, s3=s3)
    return mergeable_definitions(found, store, open_landing(settings, s3=s3), broken, settings)


def executor(settings: Settings | None = None) -> dg.ExecutorDefinition:
    """Where our steps run, as the setting ``ML_ASSETS_EXECUTION`` says, for definitions that others are merged with::

        defs = dg.Definitions.merge(dg.Definitions(..., executor=ml_assets.executor()), ml_assets.definitions_for())

    The job of a problem has it anyway. With it, so have runs that automation starts.
    """
    return executor_of(settings or Settings.from_environment())


def _problems(given: Iterable[Problem | str] | None) -> tuple[tuple[Problem, ...], tuple[BrokenProblem, ...]]:
    if given is None:
        return PROBLEMS, BROKEN
    listed = list(given)
    packages = [one for one in listed if isinstance(one, str)]
    loaded, broken = load_all(packages, Path.cwd()) if packages else ((), ())
    return (*(one for one in listed if isinstance(one, Problem)), *loaded), broken


class Problems(dg.Component, dg.Model, dg.Resolvable):
    """Machine-learning problems of ml_assets: datasets, features, models, evaluations, champions, predictions."""

    problems: list[str] = Field(
        default_factory=list,
        description="Packages that hold problems, such as acme.problems. None: those that pyproject.toml names.",
        examples=[["acme.problems"]],
    )

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """See ``definitions_for``."""
        return definitions_for(self.problems or None)
