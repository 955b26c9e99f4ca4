"""A mapping of names to torch tensors, such as a network's ``state_dict()`` -> safetensors. No pickle, no class, no code.

Tensors come back on the CPU, contiguous, each with memory of its own, in the order of their names: of a network with tied
weights both names come back, with equal values. A network itself is not stored: building it again would mean to import
and call what an artifact names.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ml_assets.errors import UnsupportedType
from ml_assets.store.canonical import Json
from ml_assets.store.codecs.codec import Encoded, Parts, is_instance

if TYPE_CHECKING:
    import torch

FILE = "tensors.safetensors"


class TensorsCodec:
    """Files: ``tensors.safetensors``, without metadata."""

    name = "tensors"

    def encode(self, value: Any) -> Encoded | None:
        """See ``Codec``."""
        _refuse_module(value)
        if type(value) not in (dict, OrderedDict) or not any(map(is_tensor, value.values())):
            return None
        return Encoded(self.name, {}, {FILE: to_safetensors(value)})

    def decode(self, meta: Mapping[str, Json], parts: Parts) -> Any:
        """See ``Codec``."""
        return from_safetensors(parts[FILE])


def is_tensor(value: object) -> bool:
    """Whether this is a tensor; torch is not imported to tell."""
    return is_instance(value, "torch", "Tensor")


def to_safetensors(tensors: Mapping[str, torch.Tensor]) -> bytes:
    """Equal tensors give equal bytes, wherever they were and however they lay in memory.

    Raises:
        UnsupportedType: if a name is no str, or a value is no plain tensor with numbers of its own.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save

    faults = [fault for name, value in tensors.items() if (fault := _fault(name, value))]
    if faults:
        raise UnsupportedType(faults[0])
    try:
        return save({name: _settled(tensor) for name, tensor in tensors.items()})
    except (SafetensorError, ValueError, KeyError) as error:
        raise UnsupportedType(
            f"safetensors cannot store these tensors: {error}. Convert them to another dtype."
        ) from error


def from_safetensors(data: bytes) -> dict[str, torch.Tensor]:
    """The tensors, by name; ValueError for bytes that are not wholly accounted for by their header."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return dict(sorted(load(data).items()))
    except SafetensorError as error:
        raise ValueError(str(error)) from error


def _settled(tensor: torch.Tensor) -> torch.Tensor:
    """The same numbers on the CPU, in order, in memory of their own: two names of one tensor are stored twice."""
    import torch

    there = tensor.detach().to("cpu").resolve_conj().resolve_neg()
    return there.clone(memory_format=torch.contiguous_format)


def _fault(name: object, value: object) -> str:
    """What keeps a tensor from being stored, as a sentence; empty if nothing does."""
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    if not is_tensor(value):
        return (
            f"{name!r} is a {kind} beside tensors: they are stored together only where all values are tensors. "
            "Put it into another field of the dataclass, or make it a tensor."
        )
    if type(name) is not str:
        return f"The tensor named {name!r} needs a name of type str. Rename it: {{str(name): tensor}}."
    if type(value).__name__ not in ("Tensor", "Parameter", "Buffer"):
        return f"{name!r} is a {kind}, which holds no plain numbers of its own. Gather it first: full_tensor()."
    return _fault_of_layout(name, value)


def _fault_of_layout(name: str, tensor: Any) -> str:
    if str(tensor.layout) != "torch.strided" or tensor.is_quantized or tensor.is_nested:
        return (
            f"{name!r} is sparse, quantized or nested. Convert it first: to_dense(), dequantize(), to_padded_tensor()."
        )
    if tensor.is_meta:
        return f"{name!r} is on the device 'meta': it has a shape and no numbers. Give it some: module.to_empty(…)."
    return ""


def _refuse_module(value: object) -> None:
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if is_instance(value, "torch.nn", "Module"):
        raise UnsupportedType(
            f"A {name} is a torch.nn.Module, and networks are not stored: reading one would build a class that the artifact "
            "names. Return a frozen dataclass with what built it and its numbers (weights=module.state_dict()), list "
            "that dataclass in the problem's artifact_types, and build the network again in predict."
        )
    if is_tensor(value):
        raise UnsupportedType(
            "A tensor by itself is not stored. Return it by a name, {'weights': tensor}, or as an ndarray: tensor.numpy()."
        )
