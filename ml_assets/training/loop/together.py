"""What the ranks of one training do together; alone, nothing of it happens.

Gradients are averaged by torch (DDP, or FSDP2 where sharded); each rank's loss is scaled by the number of ranks, so that
the average is the sum. Decisions are agreed on after each step, because what follows them is done by all ranks at once.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ml_assets.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import torch
    from torch import Tensor, nn


@dataclass(frozen=True)
class Together:
    """This rank among the others.

    Raises:
        TrainingError: if there are several and they were not brought into contact.
    """

    rank: int
    size: int
    device: torch.device

    def __post_init__(self) -> None:
        from torch import distributed

        if self.size > 1 and not (distributed.is_initialized() and distributed.get_world_size() == self.size):
            raise TrainingError(
                f"This training has {self.size} ranks, and torch.distributed knows of no such group. Start it as the "
                "platform does (Problem.compute), or call torch.distributed.init_process_group in each rank first."
            )

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all ranks, the same bits on each."""
        from torch import distributed

        if self.size > 1:
            values = values.clone()
            distributed.all_reduce(values)
        return values

    def any(self, *flags: bool) -> list[bool]:
        """Which flags are true on at least one rank. It returns when all ranks have asked."""
        import torch
        from torch import distributed

        if self.size == 1:
            return list(flags)
        raised = torch.tensor(flags, dtype=torch.int32, device=self._talks_on)
        distributed.all_reduce(raised, distributed.ReduceOp.MAX)
        return [flag > 0 for flag in raised.tolist()]

    def gather(self, values: Tensor) -> list[Tensor]:
        """Each rank's values, which have the same shape."""
        import torch
        from torch import distributed

        if self.size == 1:
            return [values]
        mine = values.to(self._talks_on)
        all_of_them = [torch.empty_like(mine) for _ in range(self.size)]
        distributed.all_gather(all_of_them, mine)
        return [one.cpu() for one in all_of_them]

    @property
    def _talks_on(self) -> torch.device:
        """The processor if a backend there can: a GPU would have to be waited for."""
        import torch
        from torch import distributed

        return torch.device("cpu") if "gloo" in distributed.get_backend_config() else self.device

    def joined(self, network: nn.Module, sharded: bool) -> nn.Module:
        """The network, which gives and takes gradients when it goes backward."""
        if sharded and self.size > 1:
            return self._sharded(network)
        if self.size == 1:
            return network
        from torch.nn.parallel import DistributedDataParallel

        # Where all parameters are known to be used, torch orders its buckets anew after the first step, also after the first
        # of a resumed training: with three ranks or more the sums then have other bits. (It warns, once, that it need not.)
        return DistributedDataParallel(network, find_unused_parameters=True)

    def _sharded(self, network: nn.Module) -> nn.Module:
        """Each element of a list of layers is gathered by itself when it is its turn, the rest as a whole."""
        from torch import nn
        from torch.distributed.device_mesh import init_device_mesh
        from torch.distributed.fsdp import fully_shard

        mesh = init_device_mesh(self.device.type, (self.size,))
        layers = [layer for part in network.modules() if isinstance(part, nn.ModuleList) for layer in part]
        for layer in layers:
            fully_shard(layer, mesh=mesh)
        fully_shard(network, mesh=mesh)  # in place
        return network


def without_exchange(joined: nn.Module) -> AbstractContextManager[Any]:
    """Gradients stay here and add up: for all but the last piece of a batch."""
    from torch.distributed.fsdp import FSDPModule
    from torch.nn.parallel import DistributedDataParallel

    if isinstance(joined, DistributedDataParallel):
        return joined.no_sync()
    return _without_sharded_exchange(joined) if isinstance(joined, FSDPModule) else nullcontext()


@contextmanager
def _without_sharded_exchange(joined: Any) -> Iterator[None]:
    joined.set_requires_gradient_sync(False)
    try:
        yield
    finally:
        joined.set_requires_gradient_sync(True)


def whole(value: Tensor) -> Tensor:
    """A copy on the processor, put together from the ranks where it is sharded (then all ranks must ask)."""
    import torch
    from torch.distributed.tensor import DTensor

    mine = value.detach()
    full = mine.full_tensor() if isinstance(mine, DTensor) else mine
    return full.to("cpu", copy=True, memory_format=torch.contiguous_format)


def as_it_is_kept(full: Tensor, place: Tensor) -> Tensor:
    """The tensor on the device of ``place``, or this rank's part of it where that one is sharded."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if isinstance(place, DTensor):
        return distribute_tensor(full.to(place.device), place.device_mesh, place.placements)
    return full.to(place.device)


def all_finite(values: Iterable[Tensor]) -> bool:
    """Whether no number is NaN or infinite; of what is sharded, this rank's part."""
    import torch
    from torch.distributed.tensor import DTensor

    mine = (value.to_local() if isinstance(value, DTensor) else value for value in values)
    return bool(torch.stack([value.detach().isfinite().all() for value in mine]).all())
