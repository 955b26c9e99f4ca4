"""Assets that add one to the asset before them, in our code location: each becomes a version with manifest and digest."""

import dagster as dg
import steps

from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.settings import Settings

settings = Settings.from_environment()


def link(number: int) -> dg.AssetsDefinition:
    before = {"before": dg.AssetIn(f"link_{number - 1}")} if number else {}

    @dg.asset(name=f"link_{number}", ins=before)
    def linked(**inputs):
        made = steps.trivial(inputs.get("before", 0))
        steps.answer(made)
        return made

    return linked


defs = dg.Definitions.merge(
    build_definitions([], open_store(settings), open_landing(settings), settings=settings),
    dg.Definitions([link(number) for number in range(12)]),
)
