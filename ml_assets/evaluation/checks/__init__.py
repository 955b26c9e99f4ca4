"""Checks as pure functions ``(value, …) -> CheckOutcome``, run where the value already is.

dataset      volume, schema, keys, unique, labels, labelled, dated
features     features_sound, leak
split        disjoint, once, classes, groups, window_complete
study        inside_space, trials_ended
candidates   candidates_trained
model        reloads
evaluation   gates
predictions  served
audit        no_regret
"""

from ml_assets.evaluation.checks.audit import no_regret
from ml_assets.evaluation.checks.candidates import candidates_trained
from ml_assets.evaluation.checks.dataset import keys_there, labels_known, labels_valid, unique_entities
from ml_assets.evaluation.checks.features import features_sound
from ml_assets.evaluation.checks.leak import no_single_feature_predicts_too_well
from ml_assets.evaluation.checks.model import gates_hold, reloads_identically
from ml_assets.evaluation.checks.outcome import WAIVED, CheckOutcome, waived
from ml_assets.evaluation.checks.predictions import served
from ml_assets.evaluation.checks.repairs import Repairs
from ml_assets.evaluation.checks.schema import Validated, schema_of, validated
from ml_assets.evaluation.checks.split import (
    both_classes_present,
    groups_apart,
    no_row_twice,
    split_disjoint,
    window_complete,
)
from ml_assets.evaluation.checks.study import best_is_inside, trials_ended
from ml_assets.evaluation.checks.times import rows_dated
from ml_assets.evaluation.checks.volume import PARTITIONS, Before, volume

__all__ = [
    "PARTITIONS",
    "WAIVED",
    "Before",
    "CheckOutcome",
    "Repairs",
    "Validated",
    "best_is_inside",
    "both_classes_present",
    "candidates_trained",
    "features_sound",
    "gates_hold",
    "groups_apart",
    "keys_there",
    "labels_known",
    "labels_valid",
    "no_regret",
    "no_row_twice",
    "no_single_feature_predicts_too_well",
    "reloads_identically",
    "rows_dated",
    "schema_of",
    "served",
    "split_disjoint",
    "trials_ended",
    "unique_entities",
    "validated",
    "volume",
    "waived",
    "window_complete",
]
