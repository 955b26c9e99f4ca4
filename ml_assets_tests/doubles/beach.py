"""Ice cream on a beach whose training asks for a GPU, takes a step when it is told to and keeps checkpoints."""

from __future__ import annotations

from dataclasses import replace

from ml_assets.problem import Compute, TrainingData, TrainingRun
from ml_assets.settings import Settings
from ml_assets_tests.doubles import ice_cream
from ml_assets_tests.doubles.diary import STEPS, Diary


def train(data: TrainingData, params: ice_cream.LineParams, run: TrainingRun) -> ice_cream.Line:
    diary = Diary.of(Settings.from_environment().landing)
    saved = run.checkpoints.latest()
    done = saved.step if saved else 0
    diary.write(f"begin {done}")
    while done < STEPS:
        diary.wait_until_allowed(done + 1)
        done += 1
        run.checkpoints.save(done, {"done": done})
        diary.write(f"step {done}")
    return ice_cream.train(data, params, run)


COMPUTE = Compute(cpus=2, memory_gib=4, gpus=1, gpu_type="NVIDIA-L4", shared_memory_gib=1, disk_gib=10, spot=True)
PROBLEM = replace(ice_cream.PROBLEM, name="beach", train=train, compute=COMPUTE)
