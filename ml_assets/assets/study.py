"""split -> study: the search for the parameters of the model, where the problem says so; and each of its trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.declaration import Asset, CheckSpec, Input
from ml_assets.assets.model import FIT

if TYPE_CHECKING:
    from ml_assets.problem import Problem

_TRIED = (
    "ml_assets.training.tuning.trial:tried",
    "ml_assets.training.tuning.pruning:TrialRun",
    "ml_assets.training.history:History",
    *FIT,
)


def _described(problem: Problem) -> str:
    tuning = problem.tuning
    return f"{tuning.trials} trials, {tuning.parallel} at a time: the best parameters for the model." if tuning else ""


TRIAL = Asset(
    name="trial",
    made_by="ml_assets.orchestration.trial:TrialStep",
    description=lambda problem: "One set of parameters, trained and judged on the validation rows.",
    inputs=(Input("split"),),
    follows=("features",),
    uses=("train", "predict", "metrics", "task", "classes"),
    begins=_TRIED,
    first_metric=True,
)
STUDY = Asset(
    name="study",
    made_by="ml_assets.orchestration.study:study",
    description=_described,
    inputs=(Input("split"),),
    follows=("features",),
    uses=("tuning", "train", "predict", "metrics", "task", "classes"),
    begins=("ml_assets.orchestration.study:study", *_TRIED),
    checks=(
        CheckSpec("inside_space", "The best value of no parameter lies at the end of its range.", blocking=False),
        CheckSpec("trials_ended", "Fewer than half of the trials failed.", blocking=False),
    ),
    kinds=("optuna",),
    shows=("train", "predict"),
    when=lambda problem: problem.tuning is not None,
    params="written",
    parts=(TRIAL,),
    first_metric=True,
    serves_training=True,
)
