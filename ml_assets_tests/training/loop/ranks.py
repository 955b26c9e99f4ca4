"""Ranks as processes: forked from one that has torch already, joined by gloo over a file.

    python -m ml_assets_tests.training.loop.ranks FOLDER NUMBER_OF_RANKS-WHAT …

Each writes what came out to FOLDER/NUMBER_OF_RANKS-WHAT/whole/<rank>.json and …/resumed/<rank>.json, beside
<rank>.interrupted.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import distributed
from torch.distributed import fsdp  # noqa: F401 (before it is forked, not in each rank)

from ml_assets.errors import Interrupted
from ml_assets.training.loop import Loop
from ml_assets_tests.training.loop.saving import LOOP, Drawing, Every, Plain, run, told, train

WHAT = {
    "plain": (LOOP, Plain),
    "drawing": (dataclasses.replace(LOOP, accumulate=2), Drawing),
    "sharded": (dataclasses.replace(LOOP, sharded=True, accumulate=2), Plain),
}


@dataclass(frozen=True)
class Of:
    rank: int
    size: int


def main(folder: Path, size: int, what: str) -> None:
    """An uninterrupted training, then one that is interrupted and goes on."""
    for part, stop_after in (("whole", 0), ("resumed", 7), ("resumed", 0)):
        place = folder / part
        place.mkdir(parents=True, exist_ok=True)
        children = [child for rank in range(size) if (child := forked(place, Of(rank, size), what, stop_after))]
        statuses = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        if any(statuses):
            sys.exit(f"{part}, stopped after {stop_after}: the ranks ended with {statuses}")


def forked(folder: Path, ranks: Of, what: str, stop_after: int) -> int:
    child = os.fork()
    if child:
        return child
    distributed.init_process_group(
        "gloo", init_method=f"file://{folder}/meeting-{stop_after}", rank=ranks.rank, world_size=ranks.size
    )
    loop, network = WHAT[what]
    status = 1
    try:
        result = trained(folder, ranks, loop, network, stop_after)
        (folder / f"{ranks.rank}.{'interrupted' if stop_after else 'json'}").write_text(json.dumps(result))
        distributed.destroy_process_group()
        status = 0
    finally:
        os._exit(status)


def trained(folder: Path, ranks: Of, loop: Loop, network: type, stop_after: int) -> dict:
    looks = iter(range(1, 10_000))

    def asked() -> bool:  # the last rank alone is asked: all must stop
        return 0 < stop_after <= next(looks) and ranks.rank == ranks.size - 1

    checkpoints = Every(folder / "store", 4)
    try:
        fitted = train(run(checkpoints, ranks, asked_to_stop=asked), loop, network, augment=None)
    except Interrupted as error:
        return {"interrupted": str(error)}
    weights = {name: value.tolist() for name, value in fitted.weights.items()}
    return {"told": told(fitted), "weights": weights, "loss": fitted.validation_loss, "epoch": fitted.best_epoch}


if __name__ == "__main__":
    torch.set_num_threads(1)
    train(run(), network=Plain, augment=None)  # what torch imports at a first step, is there for all that are forked
    for case in sys.argv[2:]:
        ranks, _, name = case.partition("-")
        main(Path(sys.argv[1]) / case, int(ranks), name)
