"""Where steps run is one setting of one set of definitions."""

from __future__ import annotations

import dagster as dg
import pytest

from ml_assets.errors import ClusterRefused, UsageError
from ml_assets.orchestration import executor_of
from ml_assets.orchestration.cluster.attempts import launcher_of
from ml_assets.settings import Settings


@pytest.mark.parametrize("execution", ["local", "kubernetes"])
def test_the_setting_chooses_the_executor(execution):
    settings = Settings.from_environment({"ML_ASSETS_EXECUTION": execution})

    assert executor_of(settings).name == execution


def test_nothing_set_is_local():
    assert executor_of(Settings.from_environment({})).name == "local"


def test_a_place_that_nobody_knows_is_refused_with_those_that_there_are():
    with pytest.raises(UsageError, match=r"'k8s': steps do not run there. Set it to one of: local, kubernetes"):
        executor_of(Settings(execution="k8s"))


def test_pods_without_a_run_launcher_that_knows_them_are_refused_with_what_to_set():
    with dg.DagsterInstance.ephemeral() as instance, pytest.raises(ClusterRefused) as refusal:
        launcher_of(instance)

    assert "run_launcher to ClusterRunLauncher of ml_assets.orchestration.cluster.run_launcher" in str(refusal.value)
