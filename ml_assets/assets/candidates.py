"""split -> candidates: which of a problem's trainings is best, where it has several; and each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.assets.declaration import Asset, CheckSpec, Input
from ml_assets.assets.model import FIT

if TYPE_CHECKING:
    from ml_assets.problem import Problem


def _described(problem: Problem) -> str:
    return f"{', '.join(problem.candidates)}: trained on the same rows, judged on the validation rows. The best is the model."


CANDIDATE = Asset(
    name="candidate",
    made_by="ml_assets.training.tuning.candidates:answered",
    description=lambda problem: "What the model of one candidate answers for the validation rows.",
    inputs=(Input("split"),),
    follows=("features",),
    uses=("train", "predict", "task", "classes"),
    begins=("ml_assets.training.tuning.candidates:answered", *FIT),
    params="written",
)
CANDIDATES = Asset(
    name="candidates",
    made_by="ml_assets.orchestration.candidates:candidates",
    description=_described,
    inputs=(Input("split"),),
    follows=("features",),
    uses=("candidates", "train", "predict", "metrics", "task", "classes", "event_time", "group"),
    begins=("ml_assets.orchestration.candidates:candidates", "ml_assets.training.tuning.candidates:answered", *FIT),
    checks=(CheckSpec("candidates_trained", "Every candidate trained, and answers with numbers.", blocking=False),),
    kinds=("pandas",),
    shows=("train", "predict"),
    when=lambda problem: bool(problem.candidates),
    params="written",
    parts=(CANDIDATE,),
    serves_training=True,
)
