"""Trains a model on its devices: in the step's own process, or in several processes, here or on a cluster.

    one device                  this process
    several of one machine      a rank for each under torchrun, as children of this process
    several machines            a pod for each, of an Indexed Job; in each, ranks as above

Same batches, same model, whatever it is; sums are added in another order, so that the last bits differ.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from ml_assets.compute import Compute, Devices
from ml_assets.orchestration.distributed.crew import Crew, follow
from ml_assets.orchestration.distributed.here import Here
from ml_assets.problem import Problem, Variant
from ml_assets.store import Handle, Store
from ml_assets.training.run import Run
from ml_assets.worker.order import Order, addresses, modules_of
from ml_assets.worker.work import Trained, fit_and_store, load_data

__all__ = ["Crew", "Trained", "train_on"]


def train_on(
    devices: Devices, problem: Problem, split: Handle, params: Any, run: Run, *, store: Store, computation: str
) -> Trained:
    """Train the problem's model on what the split says, and store it.

    Args:
        run: of this process: its seed and device, what hears of progress, and whether it is to stop.
        computation: what the checkpoints are found by.
    Raises:
        Interrupted: if it was asked to stop.
        RankLost: if a machine ended one of several processes.
        RankFailed: if one of several processes failed by itself.
        Refused: if several processes cannot read the store.
        MlAssetsError: whatever else the training raises.
    """
    features = tuple(handle.key for handle in split.inputs("features"))
    if devices.count == 1:
        return fit_and_store(problem, load_data(store, split.key, features), params, run, store)
    order = Order(
        problem=problem.name,
        candidate=problem.candidate if isinstance(problem, Variant) else "",
        modules=modules_of(problem.declared),
        stores=addresses(store),
        split=split.key,
        features=features,
        params=dataclasses.asdict(params),
        seed=run.seed,
        computation=computation,
        device=devices.kind,
    )
    return follow(_started(order, devices, problem), run, f"The training of {problem.name} on {devices.count} devices")


def _started(order: Order, devices: Devices, problem: Problem) -> Crew:
    if devices.nodes == 1:
        return Here(order, devices.local)
    from ml_assets.orchestration.distributed.indexed_job import IndexedJob

    return IndexedJob.start(order, devices.nodes, devices.local, problem.compute or Compute())
