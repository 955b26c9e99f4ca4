"""Sorbet on a beach: its model is trained by a program that only its own image has, a step at a time, and with checkpoints.

After its second step it waits until its pod is taken away; what goes on from there does not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ml_assets.commands import Command
from ml_assets.problem import Compute
from ml_assets.store import Folder
from ml_assets_tests.doubles import ice_cream

IMAGE = "sorbet:1"
PROGRAM = "fit-sorbet"
SCRIPT = """#!/bin/sh
n=$(cat $CHECKPOINTS/n 2> /dev/null || echo 0)
while [ $n -lt 4 ]; do
    n=$((n + 1))
    echo $n > $CHECKPOINTS/.n && mv $CHECKPOINTS/.n $CHECKPOINTS/n
    echo "{\\"step\\": $n, \\"loss\\": $((10 - n))}"
    echo "step $n" >> $ML_ASSETS_LANDING/steps
    [ $n -ne 2 ] || while :; do sleep 0.05; done
done
awk 'NR > 1 {s += $1; n++} END {printf "%.17g", s / n}' $INPUTS/train/label.csv > $OUTPUTS/mean
"""


@dataclass(frozen=True)
class SorbetParams:
    """There are none."""


def predict(model: Folder, table: pd.DataFrame) -> np.ndarray:
    return np.full(len(table), float(model.read("mean")))


ANSWER = "answer-sorbet"
ANSWERS = """#!/bin/sh
awk -v mean="$(cat $INPUTS/model/mean)" 'NR == 1 {print "prediction"; next} {print mean + 4 * ($1 - 20)}' \\
    $INPUTS/features/features.csv > $OUTPUTS/predictions.csv
echo "{\\"answers\\": $(tail -n +2 $OUTPUTS/predictions.csv | wc -l)}"
"""
PREPARE = "prepare-sorbet"
PREPARES = """#!/bin/sh
echo '{"columns": 1}'
cut -d, -f2 $INPUTS/data/data.csv > $OUTPUTS/features.csv
"""
PROGRAMS = {PROGRAM: SCRIPT, ANSWER: ANSWERS, PREPARE: PREPARES}

FIT = Command((PROGRAM,), tables="csv", image=IMAGE, environment=("ML_ASSETS_LANDING",))
PROBLEM = replace(
    ice_cream.PROBLEM,
    name="sorbet",
    train=FIT,
    predict=predict,
    params=SorbetParams(),
    compute=Compute(cpus=2, memory_gib=4, spot=True),
)

GRANITA = replace(
    PROBLEM,
    name="granita",
    features=Command((PREPARE,), tables="csv", returns={"celsius": "float64"}, image=IMAGE),
    train=Command(
        "awk 'NR > 1 {s += $1; n++} END {printf \"%.17g\", s / n}' {inputs}/train/label.csv > {outputs}/mean",
        tables="csv",
    ),
    predict=Command((ANSWER,), tables="csv", image=IMAGE),
    compute=None,
)
"""One whose features and predictions are made by programs of that image, and which says of no step what it needs."""
