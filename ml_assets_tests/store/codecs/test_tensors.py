"""Dicts of tensors: what comes back, what is refused, and that torch is left alone where nobody uses it."""

from __future__ import annotations

import subprocess
import sys
from collections import OrderedDict
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from torch import nn

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store import Store, trust
from ml_assets.store.codecs import encode
from ml_assets.store.codecs.tensors import from_safetensors, to_safetensors


@trust
@dataclass(frozen=True)
class Network:
    hidden: int
    weights: dict[str, torch.Tensor]


DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_tensors_come_back_as_they_were_on_the_cpu(store: Store, dtype: torch.dtype):
    tensors = {
        "b": torch.arange(6).reshape(2, 3).to(dtype),
        "a": torch.ones((), dtype=dtype),
        "c": torch.zeros(0, 2, dtype=dtype),
    }

    loaded = store.get(store.put(tensors))

    assert type(loaded) is dict
    assert same(loaded, tensors)
    assert list(loaded) == ["a", "b", "c"]


def test_a_state_dict_is_a_field_like_any_other(store: Store):
    weights = nn.Linear(3, 2).state_dict()
    assert type(weights) is OrderedDict

    loaded = store.get(store.put(Network(2, weights)))

    assert loaded.hidden == 2
    assert same(loaded.weights, weights)
    assert not loaded.weights["weight"].requires_grad


def test_equal_tensors_have_equal_bytes_however_they_lay_in_memory(store: Store):
    straight = torch.arange(6.0).reshape(2, 3)
    turned = straight.T.contiguous().T
    assert not turned.is_contiguous()

    contents = [store.put({"a": straight, "b": torch.ones(1)}), store.put({"b": torch.ones(1), "a": turned})]

    assert contents[0] == contents[1]


def test_tied_weights_come_back_under_both_names(store: Store):
    shared = torch.arange(4.0)
    whole = torch.arange(100.0)

    loaded = store.get(store.put({"in": shared, "out": shared, "part": whole[2:4], "grad": nn.Parameter(shared)}))

    assert torch.equal(loaded["in"], loaded["out"])
    assert loaded["in"].data_ptr() != loaded["out"].data_ptr()
    assert loaded["part"].untyped_storage().nbytes() <= 16, "of a view only what it shows is kept"


REFUSED = [
    (
        nn.Linear(1, 1),
        r"A torch\.nn\.modules\.linear\.Linear is a torch\.nn\.Module.*weights=module\.state_dict\(\).*in predict",
    ),
    (torch.ones(1), r"A tensor by itself is not stored.*\{'weights': tensor\}"),
    ({"w": torch.ones(1), "epochs": 3}, r"'epochs' is a builtins\.int beside tensors.*another field"),
    ({1: torch.ones(1)}, r"The tensor named 1 needs a name of type str"),
    ({"w": torch.ones(2).to_sparse()}, r"'w' is sparse, quantized or nested.*to_dense\(\)"),
    ({"w": torch.ones(2, device="meta")}, r"'w' is on the device 'meta'"),
    ({"w": torch.ones(2, dtype=torch.complex128)}, r"safetensors cannot store.*complex128"),
]


@pytest.mark.parametrize(
    ("value", "said"), REFUSED, ids=["module", "bare", "mixed", "number", "sparse", "meta", "dtype"]
)
def test_what_would_not_come_back_is_refused_with_what_to_do(value: object, said: str):
    with pytest.raises(UnsupportedType, match=said):
        encode(value)


def test_dicts_without_tensors_stay_json(store: Store):
    assert store.put({"a": 1}).codec == "json"
    assert store.put({}).codec == "json"


@pytest.mark.parametrize(
    "damage",
    [lambda d: d[:-1], lambda d: d + b"x", lambda d: b"", lambda d: b"\xff" * 64],
    ids=["short", "long", "empty", "huge"],
)
def test_bytes_that_are_no_safetensors_are_refused(damage):
    hostile = damage(to_safetensors({"w": torch.ones(8)}))

    with pytest.raises(ValueError, match="deserializing"):
        from_safetensors(hostile)


def test_a_file_of_another_kind_is_refused_by_the_store(store: Store):
    numbers = store.put(np.zeros(3))
    wrong = replace(numbers, codec="tensors", files=(replace(numbers.files[0], path="tensors.safetensors"),))

    with pytest.raises(UnreadableContent, match="not what the codec 'tensors' writes"):
        store.get(wrong)


def test_storing_other_things_loads_no_torch():
    code = "import sys; from ml_assets.store.codecs import encode; encode({'a': 1}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
