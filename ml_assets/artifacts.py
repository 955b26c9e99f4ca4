"""The types of what the assets store. A process that loads it must trust them first."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from ml_assets.evaluation.audit import Audit
from ml_assets.evaluation.candidates import Candidates
from ml_assets.evaluation.explanation import Report
from ml_assets.evaluation.judgement import Judgement
from ml_assets.monitoring.monitored import Monitored
from ml_assets.problem import FeatureTable, Problem
from ml_assets.store import trust, trust_code
from ml_assets.training.model import TrainedModel
from ml_assets.training.tuning.candidates import Answered
from ml_assets.training.tuning.study import Study


def trust_all(problems: Iterable[Problem]) -> None:
    """Whatever the assets of these problems store can be loaded in this process from now on."""
    for cls in (FeatureTable, TrainedModel, Judgement, Audit, Monitored, Report, Study, Answered, Candidates):
        trust(cls)
    for code in (code for one in problems for code in one.stored_types):
        if dataclasses.is_dataclass(code):
            trust(code)
        else:
            trust_code(code)
