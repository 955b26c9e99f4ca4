"""The learning rate of each step, a function of its number: nothing to keep in a checkpoint."""

from __future__ import annotations

import math

from ml_assets.training.loop.loop import Loop


def learning_rate(loop: Loop, step: int, steps: int) -> float:
    """Of step number ``step`` (0 … steps - 1): up in a straight line while it warms up, then as the schedule says.

    Source: cosine: Loshchilov and Hutter, SGDR (2017), eq. 5, one period, down to 0.
    """
    warm = round(loop.warmup_fraction * steps)
    if step < warm:
        return loop.learning_rate * (step + 1) / warm
    if loop.schedule == "constant":
        return loop.learning_rate
    done = (step - warm) / max(1, steps - warm)
    return loop.learning_rate * (1 + math.cos(math.pi * done)) / 2
