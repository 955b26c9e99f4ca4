"""States of trainings as bytes: everything a training holds comes back, and nothing else is read."""

from __future__ import annotations

import math
import random
from collections import OrderedDict

import numpy as np
import pytest
import torch
from sklearn.linear_model import SGDClassifier

from ml_assets.errors import UnreadableContent, UnsupportedType
from ml_assets.store.checkpoints.packing import pack, unpack


def again(state: object) -> object:
    return unpack(pack({}, state))[1]


PLAIN = [
    None,
    True,
    3,
    2**130,
    0.1,
    -0.0,
    "ü",
    b"\x00\xff",
    [],
    {},
    (),
    [1, [2, (3,)]],
    {"a": {"b": (None,)}},
    {0: "x", 1: "y"},
]


@pytest.mark.parametrize("value", PLAIN, ids=repr)
def test_plain_values_come_back_with_their_types(value: object):
    found = again(value)
    assert found == value
    assert type(found) is type(value)
    assert repr(found) == repr(value)


@pytest.mark.parametrize("value", [math.inf, -math.inf], ids=str)
def test_the_best_loss_of_a_training_that_has_none_comes_back(value: float):
    assert again({"best": value}) == {"best": value}


def test_no_number_comes_back_as_none_would_not():
    assert math.isnan(again([math.nan])[0])


@pytest.mark.parametrize(
    "value", [np.float64(0.5), np.int32(3), np.bool_(True), np.str_("a")], ids=lambda v: type(v).__name__
)
def test_numpy_numbers_come_back_with_their_types(value: np.generic):
    found = again({"x": value})["x"]
    assert found == value
    assert type(found) is type(value)


def test_arrays_and_bytes_come_back():
    found = again({"x": np.arange(6, dtype=np.int16).reshape(2, 3), "y": [np.zeros(0)]})
    assert found["x"].dtype == np.int16
    assert found["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["y"][0].shape == (0,)


def test_tensors_of_any_type_come_back_wherever_they_are():
    state = {"a": [torch.ones(2, dtype=torch.bfloat16)], "b": {"a": torch.arange(3)}, "c": (torch.tensor(True),)}
    found = again(state)
    assert found["a"][0].dtype == torch.bfloat16
    assert torch.equal(found["b"]["a"], torch.arange(3))
    assert found["c"][0].dtype == torch.bool


def test_an_optimizer_goes_on_as_if_nothing_had_happened():
    def trained(steps: int, network: torch.nn.Module, optimizer: torch.optim.Optimizer) -> torch.nn.Module:
        for _ in range(steps):
            optimizer.zero_grad()
            network(torch.ones(4, 3)).square().mean().backward()
            optimizer.step()
        return network

    def fresh() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        network = torch.nn.Linear(3, 2)
        return network, torch.optim.AdamW(network.parameters(), betas=(0.8, 0.9))

    whole = trained(6, *fresh())
    network, optimizer = fresh()
    trained(3, network, optimizer)
    kept = again({"network": network.state_dict(), "optimizer": optimizer.state_dict()})
    network, optimizer = fresh()
    network.load_state_dict(kept["network"])
    optimizer.load_state_dict(kept["optimizer"])

    assert torch.equal(trained(3, network, optimizer).weight, whole.weight)


def test_random_generators_go_on_as_if_nothing_had_happened():
    numbers = np.random.default_rng(3)
    numbers.normal(size=5)
    chance = random.Random(4)
    chance.random()
    kept = again({"numpy": numbers.bit_generator.state, "python": chance.getstate()})
    other, another = np.random.default_rng(), random.Random()
    other.bit_generator.state = kept["numpy"]
    another.setstate(kept["python"])

    assert other.normal() == numbers.normal()
    assert another.random() == chance.random()


def test_an_estimator_that_starts_warm_comes_back():
    model = SGDClassifier(random_state=0).partial_fit([[0.0], [1.0]], [0, 1], classes=[0, 1])
    found = again({"model": model})["model"].partial_fit([[2.0]], [1])
    assert np.array_equal(found.coef_, model.partial_fit([[2.0]], [1]).coef_)


def test_equal_states_have_equal_bytes():
    one = {"w": torch.arange(6.0).reshape(2, 3).T, "n": OrderedDict(a=1)}
    other = {"w": torch.arange(6.0).reshape(2, 3).T.contiguous(), "n": {"a": 1}}
    assert pack({"step": 1}, one) == pack({"step": 1}, other) != pack({"step": 2}, one)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ({"net": [object()]}, r"cannot keep state\['net'\]\[0\]\. No codec stores a builtins\.object"),
        ({"net": {(1, 2): 3}}, r"cannot keep state\['net'\]: it has the key \(1, 2\)"),
        ({"net": torch.nn.Linear(1, 1)}, r"cannot keep state\['net'\]\. A torch\.nn.*Module"),
        ({"w": torch.ones(2, device="meta")}, r"state\['w'\]. is on the device 'meta'"),
    ],
    ids=["object", "key", "module", "meta"],
)
def test_what_cannot_be_kept_is_named_by_where_it_is(state: object, said: str):
    with pytest.raises(UnsupportedType, match=said):
        pack({}, state)


WHOLE = pack({"step": 1}, {"w": torch.ones(3), "x": np.ones(2)})


@pytest.mark.parametrize(
    "data",
    [
        b"",
        WHOLE[:-1],
        WHOLE + b"x",
        b"\xff" * 50,
        WHOLE.replace(b'"dict"', b'"dirt"'),
        WHOLE.replace(b'"array"', b'"arrow"'),
    ],
    ids=["empty", "short", "long", "noise", "node", "codec"],
)
def test_other_bytes_are_refused(data: bytes):
    with pytest.raises(UnreadableContent):
        unpack(data)
