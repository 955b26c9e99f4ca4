"""Trains a model where its compute says: in the step's own process, or in several processes, here or on a cluster.

    compute                 laptop, or no such GPUs     one machine with the GPUs     a cluster
    gpus=0 or 1, nodes=1    this process                this process                  this process
    gpus=8, nodes=1         this process                8 ranks under torchrun        8 ranks under torchrun, in the step's pod
    nodes=2                 this process                this process                  2 pods of an Indexed Job, ranks in each

Same batches, same model, whatever it is; sums are added in another order, so that the last bits differ.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ml_assets.compute import Compute
from ml_assets.orchestration.distributed.crew import Crew, follow
from ml_assets.orchestration.distributed.here import Here
from ml_assets.problem import Problem
from ml_assets.store import Handle, Store
from ml_assets.training.ranks import CPU, CUDA
from ml_assets.training.run import Run
from ml_assets.worker.order import Order, addresses, modules_of
from ml_assets.worker.work import Trained, fit_and_store, load_data

__all__ = ["Crew", "Ranks", "Trained", "ranks_for", "train_on"]


@dataclass(frozen=True)
class Ranks:
    """How many processes train: ``local`` on each of so many ``nodes``."""

    local: int = 1
    nodes: int = 1

    @property
    def size(self) -> int:
        """How many there are in all."""
        return self.local * self.nodes


def ranks_for(compute: Compute | None, gpus_here: int, *, on_cluster: bool) -> Ranks:
    """How many processes train: what is asked for, where it can be had; else one.

    Args:
        gpus_here: how many GPUs this machine shows.
    """
    if compute is None:
        return Ranks()
    if on_cluster:
        return Ranks(max(1, compute.gpus), compute.nodes)
    return Ranks(compute.gpus) if compute.nodes == 1 and gpus_here >= compute.gpus > 1 else Ranks()


def train_on(
    ranks: Ranks, problem: Problem, split: Handle, params: Any, run: Run, *, store: Store, computation: str
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
    if ranks.size == 1:
        return fit_and_store(problem, load_data(store, split.key, features), params, run, store)
    order = Order(
        problem=problem.name,
        modules=modules_of(problem),
        stores=addresses(store),
        split=split.key,
        features=features,
        params=dataclasses.asdict(params),
        seed=run.seed,
        computation=computation,
        device=CPU if run.device == CPU else CUDA,
    )
    return follow(_started(order, ranks, problem)(), run, f"The training of {problem.name} on {ranks.size} devices")


def _started(order: Order, ranks: Ranks, problem: Problem) -> Callable[[], Crew]:
    if ranks.nodes == 1:
        return lambda: Here(order, ranks.local)
    from ml_assets.orchestration.distributed.cluster import Pods

    return lambda: Pods.start(order, ranks.nodes, ranks.local, problem.compute or Compute())
