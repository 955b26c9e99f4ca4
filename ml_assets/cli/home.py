"""Where runs are recorded: the Dagster home of the working folder, or one of our own below .ml_assets/ where it has none."""

from __future__ import annotations

import os
from pathlib import Path

from ml_assets.cli.show import progress
from ml_assets.problems import definitions_module
from ml_assets.settings import Settings

CONFIGURATION = Path(__file__).parent / "starter" / "dagster.yaml"
OURS = Path(".ml_assets") / "home"


def home(settings: Settings) -> Path:
    """The folder with the ``dagster.yaml`` that counts; where there is none, one is made, and that is said."""
    folder = place_of_home(settings)
    if settings.dagster_home or (folder / "dagster.yaml").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = folder / f"dagster.yaml.{os.getpid()}"
    unfinished.write_text(CONFIGURATION.read_text())
    unfinished.replace(folder / "dagster.yaml")  # whole, or not there
    progress(
        f"there is no dagster.yaml in {Path.cwd()}: runs are recorded in .ml_assets/dagster, as {OURS}/dagster.yaml says; "
        f"DAGSTER_HOME={folder} dagster dev -m {definitions_module(Path.cwd())} shows them"
    )
    return folder


def place_of_home(settings: Settings) -> Path:
    """Where that is, whether or not there is anything yet."""
    here = Path(settings.dagster_home or Path.cwd())
    return here if settings.dagster_home or (here / "dagster.yaml").exists() else Path.cwd() / OURS
