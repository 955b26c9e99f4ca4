"""Which tensors of two models differ, and by how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class TensorDiff:
    """One tensor that differs.

    Attributes:
        how: ``added``, ``removed``, ``(4, 2) float32 -> (8, 2) float32``; empty where only numbers differ.
        numbers: how many of them do.
        largest: the largest absolute difference; None where numbers cannot be compared.
    """

    name: str
    how: str = ""
    numbers: int = 0
    largest: float | None = None


def weights_diff(old: Mapping[str, torch.Tensor], new: Mapping[str, torch.Tensor]) -> tuple[TensorDiff, ...]:
    """The tensors that differ: those that are of another kind first, then by how far their numbers are apart."""
    found = _differing(old, new)
    return tuple(sorted(found, key=lambda one: (not one.how, -(one.largest or 0.0), one.name)))


def _differing(old: Mapping[str, torch.Tensor], new: Mapping[str, torch.Tensor]) -> Iterator[TensorDiff]:
    for name in sorted({*old, *new}):
        if name not in new:
            yield TensorDiff(name, "removed")
        elif name not in old:
            yield TensorDiff(name, "added")
        elif _kind(old[name]) != _kind(new[name]):
            yield TensorDiff(name, f"{_kind(old[name])} -> {_kind(new[name])}")
        elif different := _numbers(old[name], new[name]):
            yield TensorDiff(name, "", *different)


def _numbers(old: torch.Tensor, new: torch.Tensor) -> tuple[int, float | None] | None:
    """How many differ, and by how much at most; None if none does. No number equals no number."""
    import torch

    one, other = (value.to(torch.complex128 if value.is_complex() else torch.float64) for value in (old, new))
    apart = (one != other) & ~(one.isnan() & other.isnan())
    if not apart.any():
        return None
    gap = (one - other)[apart].abs().max().item()
    return int(apart.sum()), gap if gap == gap else None  # noqa: PLR0124  # no number


def _kind(tensor: torch.Tensor) -> str:
    return f"{tuple(tensor.shape)} {str(tensor.dtype).removeprefix('torch.')}"
