"""What the processes of a training are told, wherever they run."""

from __future__ import annotations

from typing import Any

import pytest

from ml_assets.compute import Devices
from ml_assets.orchestration import distributed
from ml_assets.orchestration.distributed import train_on
from ml_assets.training.run import Run
from ml_assets_tests.doubles import gelato, tides


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_ranks_on_other_machines_use_the_gpus_that_the_one_who_starts_them_does_not_have(tmp_path, monkeypatch, kind):
    orders: list[Any] = []
    monkeypatch.setattr(distributed, "_started", lambda order, devices, problem: orders.append(order))
    monkeypatch.setattr(distributed, "follow", lambda crew, run, name: "trained")
    store = tides.store_in(str(tmp_path / "store"))
    split, here = tides.split_in(store), Run(0, print, device="cpu")

    train_on(Devices(1, 2, kind), tides.PROBLEM, split, tides.TideParams(), here, store=store, computation="c" * 64)

    assert [order.device for order in orders] == [kind]


def test_the_order_of_a_candidate_names_it_and_where_the_problem_is(tmp_path, monkeypatch):
    orders: list[Any] = []
    monkeypatch.setattr(distributed, "_started", lambda order, devices, problem: orders.append(order))
    monkeypatch.setattr(distributed, "follow", lambda crew, run, name: "trained")
    store = tides.store_in(str(tmp_path / "store"))
    flat = gelato.PROBLEM.variants["flat"]

    train_on(
        Devices(2, 1, "cpu"), flat, tides.split_in(store), flat.params, Run(0, print), store=store, computation="c" * 64
    )

    assert [(order.problem, order.candidate, order.modules) for order in orders] == [
        ("gelato", "flat", ("ml_assets_tests.doubles.gelato",))
    ]
