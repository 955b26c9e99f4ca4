"""What a training needs to run on, and what it gets. A cluster gives exactly this to its pod, however it was launched.

On a laptop it is a wish: the same training runs on the GPU that is there, or on the processor.

    compute                 laptop, or no such GPUs     one machine with the GPUs     a cluster
    gpus=0, nodes=1         cpu x 1                     cpu x 1                       cpu x 1
    gpus=1, nodes=1         cpu x 1                     cuda x 1                      cuda x 1
    gpus=8, nodes=1         cpu x 1                     cuda x 8                      cuda x 8
    nodes=2                 cpu x 1                     cpu x 1                       cpu x 2, one on each node

To be imported from ``ml_assets.problem``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.errors import InvalidProblem


@dataclass(frozen=True)
class Compute:
    """The resources of one training.

    Attributes:
        cpus: cores of each node.
        memory_gib: memory of each node.
        gpus: GPUs of each node.
        gpu_type: the GPU's product name as its nodes are labelled, e.g. ``NVIDIA-L4``; empty: any.
        nodes: machines that train together; more than one needs a cluster.
        shared_memory_gib: what ``/dev/shm`` holds, which loaders and NCCL need; counts towards the memory.
        disk_gib: scratch space of each node.
        spot: whether it may run on machines that can be taken away: it goes on elsewhere from its last checkpoint.
        queue: name of the Kueue queue that admits it; empty: none.
        retries: how often a training that fails by itself is tried again. What the machine did to it (preempted, evicted,
            out of memory, gone) does not count.
    """

    cpus: float = 1
    memory_gib: float = 2
    gpus: int = 0
    gpu_type: str = ""
    nodes: int = 1
    shared_memory_gib: float = 0
    disk_gib: float = 0
    spot: bool = False
    queue: str = ""
    retries: int = 0

    def __post_init__(self) -> None:
        for fault in _faults(self):
            raise InvalidProblem(f"{self}: {fault}")

    @property
    def threads(self) -> int:
        """How many each of them computes with, on a cluster."""
        return max(1, int(self.cpus) // max(1, self.gpus))


@dataclass(frozen=True)
class Devices:
    """What a training runs on: ``local`` GPUs, or a processor, of each of so many ``nodes``; a process (rank) for each."""

    local: int = 1
    nodes: int = 1
    kind: str = "cpu"

    @property
    def count(self) -> int:
        """How many there are in all."""
        return self.local * self.nodes

    def __str__(self) -> str:
        return f"{self.kind} x {self.count}"


def devices_for(compute: Compute | None, gpus_here: int, *, on_cluster: bool) -> Devices:
    """What is asked for, where it can be had; else the processor of one machine.

    Args:
        gpus_here: how many GPUs this machine shows.
    """
    if compute is None:
        return Devices()
    if on_cluster:
        return Devices(max(1, compute.gpus), compute.nodes, "cuda" if compute.gpus else "cpu")
    is_here = compute.nodes == 1 and gpus_here >= compute.gpus > 0
    return Devices(compute.gpus, kind="cuda") if is_here else Devices()


def _faults(compute: Compute) -> list[str]:
    faults = []
    if compute.cpus <= 0 or compute.memory_gib <= 0:
        faults.append("cpus and memory_gib are what a node has, and more than 0.")
    if min(compute.gpus, compute.shared_memory_gib, compute.disk_gib, compute.retries) < 0 or compute.nodes < 1:
        faults.append("there is at least one node, and nothing is less than 0.")
    if compute.gpu_type and not compute.gpus:
        faults.append("gpu_type says which GPU, and gpus asks for none. Write gpus=1.")
    if compute.shared_memory_gib >= compute.memory_gib:
        faults.append("shared memory is part of memory_gib, which must be larger.")
    return faults
