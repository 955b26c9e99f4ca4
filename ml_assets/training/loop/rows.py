"""Rows as a network is given them: named tensors whose first dimension is the row."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from ml_assets.errors import InvalidProblem

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import torch
    from torch import Tensor

Batch: TypeAlias = "dict[str, Tensor]"
Augment: TypeAlias = "Callable[[Batch, torch.Generator], Batch]"
MOST_OF_A_GPU = 0.25  # of its free memory: for rows that stay there


class Rows(Protocol):
    """Rows that can be taken by their numbers."""

    @property
    def augment(self) -> Augment | None:
        """``(batch, generator) -> batch``: what is done to rows that train, never to those that judge; None: nothing."""
        ...

    def __len__(self) -> int:
        """How many there are."""
        ...

    def order(self, generator: torch.Generator) -> Tensor:
        """The numbers of all rows, shape (n,), shuffled: the order of an epoch, drawn from ``generator`` alone."""
        ...

    def batch(self, indices: Tensor) -> Batch:
        """The rows with these numbers, in their order: name -> tensor, shape (len(indices), …)."""
        ...


@dataclass(frozen=True)
class Tensors:
    """Rows that fit in memory.

    Attributes:
        values: name -> tensor, shape (n, …), all of the same n.
        augment: see ``Rows``. It draws from the generator that it is given, which is on the device of the batch.
    """

    values: Mapping[str, Tensor]
    augment: Augment | None = None

    def __post_init__(self) -> None:
        sizes = {name: len(value) for name, value in self.values.items()}
        if not sizes or len(set(sizes.values())) > 1:
            raise InvalidProblem(f"Tensors of {sizes or 'nothing'}: give at least one tensor, all of as many rows.")

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def device(self) -> torch.device:
        """Where they are."""
        return next(iter(self.values.values())).device

    def order(self, generator: torch.Generator) -> Tensor:
        """All numbers, shuffled."""
        import torch

        return torch.randperm(len(self), generator=generator).to(self.device)

    def batch(self, indices: Tensor) -> Batch:
        """The rows with these numbers."""
        at = indices.to(self.device)
        return {name: value.index_select(0, at) for name, value in self.values.items()}


def from_frame(
    frame: pd.DataFrame, columns: Mapping[str, str | Sequence[str]], augment: Augment | None = None
) -> Tensors:
    """Rows of a frame.

    Args:
        columns: name in the batch -> one column, shape (n,), or several, shape (n, k). Floats become float32, whole
            numbers, truths and the codes of categories int64 (one that is missing, or that training never saw, is -1: an
            embedding needs a row for it); several columns are float32, and so is a column of whole numbers or truths of which
            some are missing (NaN).
    Raises:
        InvalidProblem: if a column is neither, or has values beyond int64.
    """
    import numpy as np
    import torch

    taken = {}
    for name, chosen in columns.items():
        if isinstance(chosen, str):
            array = _numbers(frame[chosen])
        else:
            array = np.stack([_numbers(frame[one]).astype(np.float32) for one in chosen], axis=1)
        taken[name] = torch.from_numpy(array)
    return Tensors(taken, augment)


def _numbers(column: pd.Series) -> np.ndarray:
    import numpy as np

    values = column.cat.codes if column.dtype == "category" else column
    if getattr(values.dtype, "kind", "O") not in "fiub":
        raise InvalidProblem(
            f"Column {column.name!r} is {column.dtype}, which is no number. Encode it in the problem's features() or "
            "train(), for example as a category."
        )
    if values.dtype.kind == "f" or values.hasnans:
        return np.array(values.to_numpy(dtype=np.float32, na_value=np.nan))
    if values.dtype.kind == "u" and len(values) and values.max() > np.iinfo(np.int64).max:
        raise InvalidProblem(
            f"Column {column.name!r} reaches up to {values.max()}, which int64, torch's widest whole number, does not hold. "
            "Number its values in the problem's features() or train(), for example as a category."
        )
    return np.array(values.to_numpy(dtype=np.int64))


def near(rows: Rows, device: torch.device) -> Rows:
    """The rows on the device, if it is a GPU with room for them: batches are then taken there, and nothing is copied."""
    import torch

    if device.type != "cuda" or not isinstance(rows, Tensors) or rows.device == device:
        return rows
    size = sum(value.nbytes for value in rows.values.values())
    if size > MOST_OF_A_GPU * torch.cuda.mem_get_info(device)[0]:
        return rows
    return replace(rows, values={name: value.to(device) for name, value in rows.values.items()})


def moved(batch: Batch, device: torch.device) -> Batch:
    """The batch on the device. What a GPU lacks is copied while it still works on the batch before."""
    if device.type != "cuda":
        return batch
    return {
        name: value if value.device == device else value.pin_memory().to(device, non_blocking=True)
        for name, value in batch.items()
    }
