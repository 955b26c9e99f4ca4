"""Definitions whose trainings wait for each other: they end only if they run at the same time.

Loaded by name in other processes, so everything comes from the environment: ``ML_ASSETS_STORE`` and ``ML_ASSETS_LANDING``.
"""

from __future__ import annotations

import os
import pathlib  # by its own name: tests that patch a Path would count as code of whoever mentions one
import time
from dataclasses import replace

import dagster as dg
import numpy as np

from ml_assets.orchestration import build_definitions
from ml_assets.problem import Candidate, FeatureTable, Problem, Range, TrainingData, TrainingRun, Tuning
from ml_assets.settings import Settings
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.world import trust_all

PATIENCE_S = 240


def together(name: str, others: int, fail: bool = False) -> Problem:
    """Ice cream under another name, whose training waits until ``others`` trainings have begun, itself included."""

    def train(data: TrainingData, params: ice_cream.LineParams, run: TrainingRun) -> ice_cream.Line:
        place = pathlib.Path(Settings.from_environment().landing) / "begun"
        place.mkdir(exist_ok=True)
        (place / f"{os.getpid()}-{name}").touch()
        until = time.monotonic() + PATIENCE_S
        while len(list(place.iterdir())) < others:
            if time.monotonic() > until:
                raise TimeoutError(f"{name} trains alone")
            time.sleep(0.02)
        if fail:
            os._exit(1)  # as if the kernel had killed it
        return ice_cream.train(data, params, run)

    return replace(ice_cream.PROBLEM, name=name, train=train)


def judged_meanwhile() -> Problem:
    """Ice cream whose second beach is trained until the model of the first was judged."""

    def judged() -> pathlib.Path:
        return pathlib.Path(Settings.from_environment().landing) / "begun" / "judged"

    def train(data: TrainingData, params: ice_cream.LineParams, run: TrainingRun) -> ice_cream.Line:
        until = time.monotonic() + PATIENCE_S
        while data.train.keys["day"].iloc[0].startswith(ice_cream.BEACHES[1]) and not judged().exists():
            if time.monotonic() > until:
                raise TimeoutError("the first model is judged only when all are trained")
            time.sleep(0.02)
        return ice_cream.train(data, params, run)

    def baseline(rows: FeatureTable, test: FeatureTable) -> np.ndarray:
        judged().touch()
        return ice_cream.mean_of_train(rows, test)

    return replace(ice_cream.PROBLEM, name="ada", train=train, baseline=baseline)


def of(*problems: Problem) -> dg.Definitions:
    trust_all()
    settings = Settings.from_environment()
    return build_definitions(problems, open_store(settings.store), open_landing(settings.landing))


# each is made by who asks for it: a process of a step needs one of them


@dg.definitions
def pair() -> dg.Definitions:
    return of(together("ada", 2), together("bob", 2))


@dg.definitions
def doomed() -> dg.Definitions:
    return of(together("ada", 2), together("bob", 2, fail=True))


@dg.definitions
def partitions() -> dg.Definitions:
    return of(together("ada", 2))


@dg.definitions
def searched() -> dg.Definitions:
    return of(replace(together("ada", 2), tuning=Tuning({"ridge": Range(0.0, 9.0)}, trials=2, parallel=2)))


@dg.definitions
def competing() -> dg.Definitions:
    flat = Candidate(params=ice_cream.LineParams(ridge=2e4))
    return of(replace(together("ada", 2), candidates={"steep": Candidate(), "flat": flat}))


@dg.definitions
def judged() -> dg.Definitions:
    return of(judged_meanwhile())


@dg.definitions
def alone() -> dg.Definitions:
    return of(together("ada", 1))
