"""What a training needs to run on. A cluster gives exactly this to the training's pod, however it was launched.

On a laptop it is a wish: the same training runs on the GPU that is there, or on the processor.

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
    def ranks(self) -> int:
        """How many processes train together: one per GPU, or one per node without GPUs."""
        return max(1, self.gpus) * self.nodes

    @property
    def threads(self) -> int:
        """How many each of them computes with, on a cluster."""
        return max(1, int(self.cpus) // max(1, self.gpus))


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
