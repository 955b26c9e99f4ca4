"""Will this customer buy galoshes? The umbrellas again: trained by R's ``glm``, which makes the predictions, too.

A training may be given a folder, its ``diary``: a line for each step goes into the file ``steps``, and a file whose name is the
number of a step says what happens, once, after it: ``fail``, ``kill``: who waits for R is killed once something is kept, or
``wait``, until there is a file ``go``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ml_assets.commands import Command, Parameter
from ml_assets.problem import Compute
from ml_assets.store import LandingFolder
from ml_assets_tests.doubles import umbrellas

MONTH = "2024-01"


@dataclass(frozen=True)
class GlmParams:
    """How often the weights are fitted again, and where it is written down what happens."""

    iterations: int = 6
    link: str = "logit"
    diary: str = ""


FIT = Command(
    ("Rscript", "fit.R", "{inputs}", "{outputs}", "{checkpoints}", "{parameters}"),
    files=("fit.R",),
    module=__name__,
    tables="csv",
    parameters=(
        Parameter("iterations", "integer", 6, min=1, max=25),
        Parameter("link", "string", "logit", choices=("logit", "probit")),
        Parameter("diary", "string", ""),
    ),
)
PREDICT = Command(
    ("Rscript", "predict.R", "{inputs}", "{outputs}"), files=("predict.R",), module=__name__, tables="csv"
)


def land(landing: LandingFolder, *months: str) -> None:
    for month in months or (MONTH,):
        landing.write(f"galoshes/visits/{month}.parquet", umbrellas.visits(month))


PROBLEM = replace(
    umbrellas.PROBLEM,
    name="galoshes",
    train=FIT,
    predict=PREDICT,
    params=GlmParams(),
    compute=Compute(retries=1),
    slices=(),
    description=__doc__ or "",
)
