"""Chance in a training: where it comes from, how it is kept, and that the process has its own back afterwards.

The order of rows and what ``augment`` draws are functions of the seed and a number, and are never kept. What a network
draws (dropout) comes from the generators of the process, which are seeded for the training and part of its checkpoints.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from torch import Tensor


def derived(seed: int, *what: str | int) -> int:
    """A seed of 63 bits for one purpose: ``derived(seed, "order", epoch)``."""
    told = repr((seed, *what)).encode()
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "little") >> 1


@contextmanager
def seeded(seed: int, device: str = "cpu") -> Iterator[None]:
    """Draw from ``seed`` alone, in Python, NumPy and torch; afterwards the process goes on as if nothing had been drawn.

    Build a network inside of it, so that its first weights are the same each time.
    """
    import numpy as np
    import torch

    before = generators(device)
    random.seed(derived(seed, "python"))
    np.random.seed(derived(seed, "numpy") % 2**32)
    torch.default_generator.manual_seed(derived(seed, "torch"))
    if torch.device(device).type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(derived(seed, "cuda"))
    try:
        yield
    finally:
        set_generators(before, device)


@contextmanager
def repeatable(wanted: bool) -> Iterator[None]:
    """Let torch choose operations that give the same bits each time, and refuse those that cannot."""
    import torch
    from torch.backends import cudnn

    memory = cast("Any", torch.utils.deterministic)
    was, only_warned = (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
    )
    filled, tried = memory.fill_uninitialized_memory, cudnn.benchmark
    torch.use_deterministic_algorithms(wanted)
    memory.fill_uninitialized_memory = False  # would write every new tensor once more, for the sake of faulty code only
    cudnn.benchmark = tried and not wanted
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(was, warn_only=only_warned)
        memory.fill_uninitialized_memory, cudnn.benchmark = filled, tried


def generators(device: str) -> dict[str, Tensor]:
    """The state of the process's generators as tensors, of the same shapes each time.

    Python's and NumPy's are whole numbers below 2^32 and one float, which a float64 holds exactly.
    """
    import numpy as np
    import torch

    _, internal, gauss = random.getstate()
    numpy: Any = np.random.get_state(legacy=False)
    states = {
        "python": torch.tensor([*internal, math.nan if gauss is None else gauss], dtype=torch.float64),
        "numpy": torch.tensor(
            [*numpy["state"]["key"].tolist(), numpy["state"]["pos"], numpy["has_gauss"], numpy["gauss"]],
            dtype=torch.float64,
        ),
        "torch": torch.get_rng_state(),
    }
    if torch.device(device).type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_generators(states: Mapping[str, Tensor], device: str) -> None:
    """Go on from states that ``generators`` told; those of a kind of device that is not here are left out."""
    import numpy as np
    import torch

    *internal, gauss = states["python"].tolist()
    random.setstate((3, tuple(map(int, internal)), None if math.isnan(gauss) else gauss))
    *keys, position, has_gauss, cached = states["numpy"].tolist()
    np.random.set_state(("MT19937", np.array(keys, dtype=np.uint32), int(position), int(has_gauss), cached))
    torch.set_rng_state(states["torch"])
    if "cuda" in states and torch.device(device).type == "cuda":
        torch.cuda.set_rng_state(states["cuda"], device)
