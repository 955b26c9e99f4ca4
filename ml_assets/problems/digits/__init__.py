"""Which digit did somebody write? A picture of 8 × 8 grey values, read from a form.

One partition per landed batch, a small convolutional network, seconds on a processor. A batch is a world of its own, as the
forms of one office or one scanner are: its model learns their hands from some 165 pictures of it, and has a champion of its
own. Some pictures train, some choose the epoch and some judge, by a hash of the picture's name.

Data: the test part of the UCI set *Optical Recognition of Handwritten Digits* (CC BY 4.0), 1,797 pictures by 13 writers, as
scikit-learn brings it; cut into six batches in its own order.
"""

from __future__ import annotations

from ml_assets.evaluation.metrics import ACCURACY, CALIBRATION_ERROR, LOG_LOSS
from ml_assets.problem import Better, Compute, Dynamic, EntityHash, Gate, Problem
from ml_assets.problems.digits.dataset import DIGITS, load_batch, schema
from ml_assets.problems.digits.features import build_features, picture
from ml_assets.problems.digits.model import ConvolutionParams, DigitModel, as_network, baseline, predict, train
from ml_assets.problems.digits.sample import SAMPLE_BATCHES, sample_files

PROBLEM = Problem(
    name="digits",
    task="multiclass",
    description=__doc__ or "",
    owners=("team:ml",),
    partitions=Dynamic(),
    files=("batches/{partition}.parquet",),
    dataset=load_batch,
    schema=schema,
    features=build_features,
    entity="image",
    label="digit",
    classes=tuple(range(DIGITS)),
    split=EntityHash(test_fraction=0.3, validation_fraction=0.15),
    train=train,
    predict=predict,
    baseline=baseline,
    params=ConvolutionParams(),
    metrics=(ACCURACY, LOG_LOSS, CALIBRATION_ERROR),
    gates=(Gate(ACCURACY, at_least=0.85), Gate(LOG_LOSS, above_baseline_by=0.0)),
    promote_when=Better(LOG_LOSS, by=0.0, confidence=0.95),  # of 90 pictures, accuracy tells too little
    compute=Compute(cpus=2, memory_gib=4, gpus=1),
    artifact_types=(DigitModel,),
    network=as_network,
    picture=picture,
    sample_files=sample_files,
    sample_partitions=SAMPLE_BATCHES,
)
