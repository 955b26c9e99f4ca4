"""`ml-assets mirror`: tell the tracking server and the OpenLineage endpoint what they lack, where no daemon does."""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.home import home
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import UsageError
from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.orchestration.openlineage import Lineage

EXAMPLES = """  ml-assets mirror          with ML_ASSETS_MLFLOW=https://mlflow.example: models, evaluations, champions
  ml-assets mirror          with ML_ASSETS_OPENLINEAGE=file:///var/lineage/: what steps read and made
"""


def add_to(verbs: Any) -> None:
    """Add `mirror`."""
    command(verbs, "mirror", "tell MLflow and OpenLineage, where settings name them, what they lack", mirror, EXAMPLES)


def mirror(options: argparse.Namespace, settings: Settings) -> int:
    """Tell everything once; 1 if something could not be told."""
    if not settings.mlflow and not settings.openlineage:
        raise UsageError(
            "There is nobody to tell. Set ML_ASSETS_MLFLOW to the address of a tracking server, or ML_ASSETS_OPENLINEAGE to a "
            "file:// or https:// address."
        )
    said, troubles = dict[str, str](), list[str]()
    if settings.mlflow:
        said["mlflow"] = _tell_tracking(settings, troubles)
    if settings.openlineage:
        said["openlineage"] = _tell_lineage(settings, troubles)
    for trouble in troubles:
        progress(trouble)
    if options.json:
        say_json({"told": said, "troubles": troubles})
    else:
        for name, told in said.items():
            say(f"{name}: {'not told' if told in troubles else told}")
    return 1 if troubles else 0


def _tell_tracking(settings: Settings, troubles: list[str]) -> str:
    from ml_assets.mirrors.tracking import tracking_server
    from ml_assets.orchestration.mirrors import tell_all

    server, names = tracking_server(settings.mlflow), [problem.name for problem in problems.PROBLEMS]
    return tell_all(names, ml_assets.open_store(settings), server, say=troubles.append)[1]


def _tell_lineage(settings: Settings, troubles: list[str]) -> str:
    from ml_assets.mirrors.events import require_openlineage
    from ml_assets.orchestration.launch import instance_in
    from ml_assets.orchestration.mirrors import lineage_of

    require_openlineage()
    store, landing = ml_assets.open_store(settings), ml_assets.open_landing(settings)
    known = {problem.name: problem for problem in problems.PROBLEMS}
    with instance_in(home(settings)) as instance:
        return _told(lineage_of(instance, known, store, landing, settings.openlineage), troubles)


def _told(lineage: Lineage, troubles: list[str]) -> str:
    told, left = 0, True
    while left:
        looked = lineage.look(time.time())
        told, left = told + looked.told, looked.left and not looked.trouble
        troubles += filter(None, (*looked.refused, looked.trouble))
    return f"{told} event(s) told."
