"""The processes that train one model together, as torch.distributed joins them.

Each has its rows of every batch and its own copy (or part) of the network; what they exchange is the loop's affair. Here
they only meet, by the address that torchrun left in the environment, and part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ml_assets.errors import NoGpu

CPU, CUDA = "cpu", "cuda"
SIGNS_OF_LOSS = (
    "gloo/transport",
    "Connection closed by peer",
    "Connection reset by peer",
)  # of what is a RuntimeError only


@dataclass(frozen=True)
class Place:
    """Which of the processes this one is.

    Attributes:
        rank: among all, 0 … size - 1.
        size: how many there are.
        local: among those of this machine; its GPU has this number.
    """

    rank: int
    size: int
    local: int = 0

    def device(self, kind: str) -> str:
        """This process's own device, as torch names it."""
        return f"{CUDA}:{self.local}" if kind == CUDA else CPU


@contextmanager
def joined(place: Place, device: str) -> Iterator[None]:
    """Meet the others, and part when all is done. After an error nobody is waited for: the others may be gone.

    Raises:
        NoGpu: if there is no such GPU on this machine: a training must not go on elsewhere than it says.
    """
    import torch
    from torch import distributed

    if device != CPU:
        if torch.cuda.device_count() <= place.local:
            raise NoGpu(
                f"Rank {place.rank} of {place.size} trains on {device}, and this machine shows {torch.cuda.device_count()} "
                "GPUs. Ask for as many as a node has in the problem's compute, or mend the driver."
            )
        torch.cuda.set_device(place.local)
    backend = "gloo" if device == CPU else "cpu:gloo,cuda:nccl"  # what is agreed on need not wait for a GPU
    distributed.init_process_group(backend, rank=place.rank, world_size=place.size)
    yield
    distributed.destroy_process_group()


def has_lost_the_others(error: BaseException) -> bool:
    """Whether it says that another process is gone: then what went wrong went wrong there."""
    from torch import distributed

    lost = (distributed.DistNetworkError, distributed.DistBackendError, distributed.DistStoreError)
    return isinstance(error, lost) or any(sign in str(error) for sign in SIGNS_OF_LOSS)
