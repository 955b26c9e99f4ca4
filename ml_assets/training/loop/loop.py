"""How a network is fitted: the numbers of the loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ml_assets.errors import InvalidParams


@dataclass(frozen=True)
class Loop:
    """Mini-batches, AdamW, a schedule of learning rates, and the best epoch by the validation rows.

    Attributes:
        epochs: most passes over the train rows.
        batch_rows: rows of one step, over all ranks and all pieces of it; the last batch of an epoch may have fewer.
        learning_rate: at its height, after the warm-up.
        weight_decay: AdamW's, of all weights.
        warmup_fraction: part of the steps in which the learning rate rises from 0, in a straight line.
        schedule: how it goes on: ``cosine`` falls to 0 at the last step, ``constant`` stays.
        clip_norm: longest gradient, as a 2-norm over all weights; 0: not clipped.
        accumulate: pieces that a batch is worked on in, one after another, where the whole does not fit in memory. The
            result is that of one piece, up to rounding.
        precision: ``bfloat16`` multiplies matrices in 16 bits (weights, sums and losses stay in 32): faster on GPUs.
        compile: whether ``torch.compile`` makes code for the network: a minute at the start, less per step.
        patience: epochs without a better validation loss after which it ends; 0: it never ends early.
        sharded: whether weights, gradients and optimizer are divided among the ranks (FSDP), for what one cannot hold.
        deterministic: whether operations that answer otherwise each time are refused by torch.
    """

    epochs: int = 10
    batch_rows: int = 512
    learning_rate: float = 1e-3
    weight_decay: float = 1e-2
    warmup_fraction: float = 0.05
    schedule: Literal["cosine", "constant"] = "cosine"
    clip_norm: float = 1.0
    accumulate: int = 1
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    patience: int = 0
    sharded: bool = False
    deterministic: bool = True

    def __post_init__(self) -> None:
        for fault in _faults(self):
            raise InvalidParams(f"{self}: {fault}")


def _faults(loop: Loop) -> list[str]:
    """What makes no sense, each as a sentence that says what to do. (Comparisons are written so that NaN is a fault.)"""
    faults = []
    if loop.epochs < 1 or loop.batch_rows < 1:
        faults.append("epochs and batch_rows are counted from 1.")
    if not 0 < loop.learning_rate < float("inf"):
        faults.append("learning_rate must be a number more than 0, such as 1e-3.")
    if not (0 <= loop.weight_decay < float("inf") and 0 <= loop.clip_norm < float("inf")):
        faults.append("weight_decay and clip_norm are 0 (none) or more.")
    if not 0 <= loop.warmup_fraction <= 1:
        faults.append("warmup_fraction is a part of the steps, from 0 to 1.")
    if loop.schedule not in ("cosine", "constant"):
        faults.append("schedule is 'cosine' or 'constant'.")
    if loop.precision not in ("float32", "bfloat16"):
        faults.append("precision is 'float32' or 'bfloat16'.")
    if not 1 <= loop.accumulate <= loop.batch_rows:
        faults.append("accumulate is a number of pieces of a batch: from 1 to batch_rows.")
    if loop.patience < 0:
        faults.append("patience is a number of epochs; 0 means that it never ends early.")
    return faults
