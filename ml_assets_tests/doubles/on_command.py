"""A plain Dagster job on a cluster: light steps around one that trains as it is told to, and writes down what it does.

Loaded by name in pods, so everything comes from the environment: ``ML_ASSETS_LANDING`` is the folder of the diary. The training's
state is in ``saved`` there.
"""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg

from ml_assets.orchestration.cluster.executor import cluster_executor
from ml_assets.orchestration.compute import op_tags
from ml_assets.problem import Compute
from ml_assets.settings import Settings
from ml_assets_tests.doubles.diary import STEPS, Diary

COMPUTE = Compute(cpus=2, memory_gib=4, gpus=1, gpu_type="NVIDIA-L4", shared_memory_gib=1, disk_gib=10, spot=True)
MODEST = Compute(cpus=0.5, memory_gib=1)  # what any cluster has
quick_executor = cluster_executor.configured(
    {
        "max_concurrent": 4,
        "poll_seconds": 0.2,
        "check_seconds": 0.3,
        "stuck_seconds": 1.0,
        "pending_seconds": 120.0,
        "blind_seconds": 60.0,
    }
)


@dg.op
def prepare() -> int:
    diary().write(f"prepare in {os.getpid()}")
    return 0


@dg.op(tags=op_tags(COMPUTE))
def learn(start: int) -> int:
    saved = diary().folder / "saved"
    done = int(saved.read_text()) if saved.exists() else start
    diary().write(f"begin {done}")
    while done < STEPS:
        diary().wait_until_allowed(done + 1)
        done += 1
        saved.write_text(str(done))
        diary().write(f"step {done}")
    return done


@dg.op(tags=op_tags(COMPUTE))
def crash(start: int) -> int:
    print("Segmentation fault, it says", flush=True)
    os._exit(139)


@dg.op
def judge(learned: int) -> None:
    diary().write(f"judge {learned}")


def diary() -> Diary:
    return Diary(Path(Settings.from_environment().landing))


@dg.io_manager
def files(_: dg.InitResourceContext) -> dg.IOManager:
    return _Files()


class _Files(dg.IOManager):
    """Numbers between processes."""

    def handle_output(self, context: dg.OutputContext, obj: int) -> None:
        (diary().folder / f"{context.run_id}-{context.step_key}").write_text(str(obj))

    def load_input(self, context: dg.InputContext) -> int:
        up = context.upstream_output
        assert up is not None
        return int((diary().folder / f"{up.run_id}-{up.step_key}").read_text())


@dg.job(executor_def=quick_executor, resource_defs={"io_manager": files})
def training():
    judge(learn(prepare()))


@dg.job(executor_def=quick_executor, resource_defs={"io_manager": files})
def crashing():
    judge(crash(prepare()))


@dg.job(executor_def=quick_executor, resource_defs={"io_manager": files})
def modest():
    judge(learn.tag(op_tags(MODEST))(prepare()))
