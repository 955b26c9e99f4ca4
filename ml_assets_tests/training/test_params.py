"""What a run may give a training."""

from __future__ import annotations

import pytest

from ml_assets.errors import InvalidParams
from ml_assets.training.params import check_given
from ml_assets_tests.doubles import gelato, ice_cream


@pytest.mark.parametrize(
    ("problem", "config"),
    [
        (ice_cream.PROBLEM, {}),
        (ice_cream.PROBLEM, {"params": {"ridge": 1}, "seed": 3}),
        (gelato.PROBLEM, {"seed": 3}),
        (gelato.PROBLEM, {"candidate": "flat"}),
    ],
)
def test_a_training_is_given_what_it_has(problem, config):
    check_given(problem, config)


@pytest.mark.parametrize(
    ("problem", "config", "said"),
    [
        (ice_cream.PROBLEM, {"params": {"rigde": 1}}, "Did you mean 'ridge'"),
        (ice_cream.PROBLEM, {"candidate": "flat"}, "ice_cream has one training, and no candidate 'flat' to choose"),
        (gelato.PROBLEM, {"candidate": "flt"}, "gelato has no candidate 'flt'. Known: mean, line, flat"),
        (gelato.PROBLEM, {"params": {"ridge": 1}}, "candidates mean, line, flat, each with parameters of its own"),
    ],
)
def test_what_it_has_not_is_refused(problem, config, said):
    with pytest.raises(InvalidParams, match=said):
        check_given(problem, config)
