"""Trainings that are killed, again and again: forked from one process that has torch already.

    python -m ml_assets_tests.training.loop.killed FOLDER HOW_MANY SIGNAL …

Prints one JSON line per training of each signal: the digest of what came out, how often it was killed, and the most steps
that a kill lost.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import sys
from pathlib import Path

import torch

from ml_assets.errors import Interrupted
from ml_assets.training.loop import Batch
from ml_assets_tests.training.loop import saving
from ml_assets_tests.training.loop.saving import STEPS, Every, run, told, train

INTERVAL = 4  # steps between checkpoints


class Counting:
    """An augmentation that changes nothing and writes down that a step began; at a step of this life it waits to be killed."""

    def __init__(self, log: Path, kill_at: int, number: int) -> None:
        self.log, self.kill_at, self.number, self.steps = log, kill_at, number, 0

    def __call__(self, batch: Batch, generator: torch.Generator) -> Batch:
        self.steps += 1
        with self.log.open("a") as log:
            log.write(".")
        if self.steps == self.kill_at:
            os.kill(os.getpid(), self.number)
        return saving.noisy(batch, generator)


def main(folder: Path, how_many: int, signals: list[str]) -> None:
    torch.set_num_threads(1)
    print(json.dumps({"told": told(train(run()))}), flush=True)
    for name, training in itertools.product(signals, range(how_many)):
        place = folder / name / str(training)
        place.mkdir(parents=True)
        lives = lives_of(place, getattr(signal, name), random.Random(training))
        print(json.dumps({"signal": name, **lives}), flush=True)


def lives_of(place: Path, number: int, chance: random.Random) -> dict:
    """One training, killed at a random step of each of its lives until it ends; what was lost each time."""
    lost, kept = [], 0
    while not (place / "told").exists():
        life(place, number, chance.randint(1, STEPS))
        reached = kept + len((place / "steps").read_text())
        kept = int((place / "kept").read_text() or 0)
        lost.append(reached - kept)
    kills = lost[:-1]  # the last life was not killed
    return {"told": (place / "told").read_text(), "kills": len(kills), "lost": max(kills, default=0)}


def life(place: Path, number: int, kill_at: int) -> None:
    (place / "steps").write_text("")
    (place / "kept").touch()
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    checkpoints = Every(place / "store", INTERVAL, lambda step: (place / "kept").write_text(str(step)))
    try:
        counting = Counting(place / "steps", kill_at, number)
        fitted = train(run(checkpoints, asked_to_stop=lambda: bool(asked)), augment=counting)
        (place / "told").write_text(told(fitted))
    except Interrupted:
        pass
    finally:
        os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
