from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import nn

from ml_assets.computation.code import code_of
from ml_assets.errors import Diverged, InvalidProblem, UnusableSplit
from ml_assets.training.loop import Loop, Tensors, fit, seeded
from ml_assets.training.loop.chance import derived
from ml_assets.training.run import Run
from ml_assets_tests.training.loop.saving import LOOP, SEED, STEPS, Every, Plain, noisy, rows, run, squared, told, train

TRAIN, VALIDATION = rows(150, 1), rows(64, 2)


def fitted(loop: Loop = LOOP, network: type[nn.Module] = Plain, loss=squared, train=TRAIN, watched: Run | None = None):
    with seeded(SEED):
        built = network()
    return fit(built, loss, train, VALIDATION, loop, watched or run())


def by_hand() -> dict[str, torch.Tensor]:
    """The same training, written as one would."""
    with seeded(SEED):
        network = Plain()
    optimizer = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: 1e-2 * (1.0 if step < 1 else (1 + math.cos(math.pi * (step - 1) / (STEPS - 1))) / 2)
    )
    for epoch in range(3):
        order = torch.randperm(150, generator=torch.Generator().manual_seed(derived(SEED, "order", epoch)))
        for at in order.split(32):
            loss = ((network(TRAIN.values["x"][at]) - TRAIN.values["y"][at]) ** 2).mean()
            loss.backward()
            nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            optimizer.zero_grad()
    return network.state_dict()


def near(one: dict, other: dict, tolerance: float = 1e-5) -> None:
    for name, weight in one.items():
        torch.testing.assert_close(other[name], weight, rtol=tolerance, atol=1e-7, msg=name)


def test_the_loop_fits_what_plain_torch_would():
    found = fitted()

    assert found.best_epoch == 3, "so that these are the last weights"
    near(by_hand(), found.weights)


@pytest.mark.parametrize("accumulate", [2, 4, 32])
def test_pieces_of_a_batch_fit_what_the_whole_batch_would(accumulate: int):
    near(fitted().weights, fitted(dataclasses.replace(LOOP, accumulate=accumulate)).weights)


def test_the_weights_of_the_best_epoch_come_back():
    worse_and_worse = Loop(epochs=12, batch_rows=8, learning_rate=0.3, schedule="constant", clip_norm=0)
    watched = run()
    found = fitted(worse_and_worse, train=rows(24, 3), watched=watched)
    logged = [loss for loss in watched.history.to_json()["validation_loss"] if loss is not None]

    assert 1 <= found.best_epoch < 12
    assert found.validation_loss == min(logged)
    network = Plain()
    network.load_state_dict(found.weights)
    assert squared(network, VALIDATION.values).mean().item() == pytest.approx(found.validation_loss, rel=1e-5)


def test_patience_ends_a_training_that_gets_no_better():
    loop = Loop(epochs=12, batch_rows=8, learning_rate=0.3, schedule="constant", clip_norm=0)
    patient, without = fitted(dataclasses.replace(loop, patience=2), train=rows(24, 3)), fitted(loop, train=rows(24, 3))

    assert patient.steps == (patient.best_epoch + 2) * 3 < without.steps == 36
    assert patient.validation_loss >= without.validation_loss


def test_what_is_logged_is_the_mean_loss_of_the_rows_since_the_last_report():
    watched = run()
    still = dataclasses.replace(LOOP, learning_rate=1e-30, epochs=1)  # the network stays as it is
    fitted(still, watched=watched)
    with seeded(SEED):
        network = Plain()

    logged = watched.history.to_json()
    assert logged["step"] == [5]
    assert logged["train_loss"] == [pytest.approx(squared(network, TRAIN.values).mean().item(), rel=1e-6)]
    assert logged["validation_loss"] == [pytest.approx(squared(network, VALIDATION.values).mean().item(), rel=1e-6)]


def test_a_long_training_is_reported_a_bounded_number_of_times():
    watched = run()
    fitted(Loop(epochs=1, batch_rows=1), train=rows(1_200, 1), watched=watched)
    steps = watched.history.to_json()["step"]

    assert steps == [*range(12, 1_200, 12), 1_200]


def test_augmentation_is_done_to_the_rows_that_train_only():
    seen = []
    augmented = dataclasses.replace(TRAIN, augment=lambda batch, generator: seen.append(len(batch["x"])) or batch)
    judged = dataclasses.replace(VALIDATION, augment=lambda batch, generator: pytest.fail("judged rows were changed"))
    fit(Plain(), squared, augmented, judged, LOOP, run())

    assert sum(seen) == 3 * 150
    assert told(train(run(), augment=noisy)) != told(train(run(), augment=None))


POISON = {
    "a loss that is no number": lambda network, batch: squared(network, batch) * math.nan,
    "a loss that is infinite": lambda network, batch: squared(network, batch) / 0.0,
    "a gradient that is no number": lambda network, batch: (network(batch["x"]) * 0).abs().sqrt() + batch["y"] * 0,
}


@pytest.mark.parametrize("loss", POISON.values(), ids=POISON)
def test_a_training_that_diverges_says_so_and_leaves_no_poisoned_checkpoint(tmp_path: Path, loss):
    saved: list[int] = []
    with pytest.raises(Diverged, match=r"after step \d+ of 15.*learning rate .*Lower learning_rate"):
        fitted(loss=loss, watched=run(Every(tmp_path, 1, saved.append)))

    assert saved == []


@pytest.mark.parametrize("reduce", ["mean", "none"], ids=["a mean", "a column"])
def test_a_loss_of_another_shape_is_refused(reduce: str):
    def loss(network, batch):
        return nn.functional.mse_loss(network(batch["x"])[:, None], batch["y"][:, None], reduction=reduce)

    with pytest.raises(InvalidProblem, match=r"one value per row.*reduction='none'"):
        fitted(loss=loss)


def test_no_rows_are_refused():
    with pytest.raises(UnusableSplit, match="no validation rows"):
        fit(Plain(), squared, TRAIN, Tensors({"x": torch.zeros(0, 6)}), LOOP, run())


def test_a_network_without_weights_to_train_is_refused():
    with pytest.raises(InvalidProblem, match="no weight that can be trained"):
        fit(Plain().requires_grad_(False), squared, TRAIN, VALIDATION, LOOP, run())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's compiler uses what torch deprecates
def test_compiled_code_fits_what_the_loop_fits_without():
    near(fitted().weights, fitted(dataclasses.replace(LOOP, compile=True)).weights, tolerance=1e-3)


def test_the_version_of_code_that_uses_the_loop_is_identified():
    code = code_of(fit)

    assert code.unidentified == ()
    assert "torch" in code.packages
    assert "ml_assets.training.loop.schedule:learning_rate" in code.parts
    assert not any(part.startswith("ml_assets.store") for part in code.parts)
