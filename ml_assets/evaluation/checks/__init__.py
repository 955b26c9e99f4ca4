"""Checks as pure functions ``(value, …) -> CheckOutcome``, run where the value already is.

dataset      volume, schema, keys, unique, labels, labelled
features     features_sound, leak
split        disjoint, classes, window_complete
study        inside_space, trials_ended
model        reloads
evaluation   gates
predictions  served
"""

from ml_assets.evaluation.checks.dataset import keys_there, labels_known, labels_valid, unique_entities, volume
from ml_assets.evaluation.checks.features import features_sound
from ml_assets.evaluation.checks.leak import no_single_feature_predicts_too_well
from ml_assets.evaluation.checks.model import gates_hold, reloads_identically
from ml_assets.evaluation.checks.outcome import CheckOutcome
from ml_assets.evaluation.checks.predictions import served
from ml_assets.evaluation.checks.repairs import Repairs
from ml_assets.evaluation.checks.schema import Validated, schema_of, validated
from ml_assets.evaluation.checks.split import both_classes_present, split_disjoint, window_complete
from ml_assets.evaluation.checks.study import best_is_inside, trials_ended

__all__ = [
    "CheckOutcome",
    "Repairs",
    "Validated",
    "best_is_inside",
    "both_classes_present",
    "features_sound",
    "gates_hold",
    "keys_there",
    "labels_known",
    "labels_valid",
    "no_single_feature_predicts_too_well",
    "reloads_identically",
    "schema_of",
    "served",
    "split_disjoint",
    "trials_ended",
    "unique_entities",
    "validated",
    "volume",
    "window_complete",
]
