"""What KServe's InferenceService takes besides a pod, as far as we use it; and its definition itself, where it is at hand.

Source: ``config/crd/full/serving.kserve.io_inferenceservices.yaml`` of kserve/kserve (Apache 2.0), August 2026, version v1beta1:
the fields of ``predictor`` that we set and that are no pod's. ``ML_ASSETS_KSERVE_CRD`` names that file. The first container of
a predictor is renamed to ``kserve-container`` where it is the only one, and its variable PROTOCOL says what it speaks
(``pkg/apis/serving/v1beta1/predictor_custom.go``).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

API_VERSION = "serving.kserve.io/v1beta1"
CONTAINER = "kserve-container"
STANDARD = {"serving.kserve.io/deploymentMode": "Standard"}
Schema = dict[str, Any]

WHOLE: Schema = {"type": "integer"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}
STRATEGY: Schema = {"type": "object", "properties": {"type": {"type": "string"}, "rollingUpdate": {"type": "object"}}}
PREDICTOR: Schema = {
    "type": "object",
    "properties": {
        "minReplicas": WHOLE,
        "maxReplicas": WHOLE,
        "scaleTarget": WHOLE,
        "scaleMetric": {"enum": ["cpu", "memory", "concurrency", "rps"]},
        "deploymentStrategy": STRATEGY,
        "labels": TEXTS,
        "annotations": TEXTS,
    },
}


def definition() -> Schema:
    """The schema of ``spec`` in KServe's own definition."""
    if "ML_ASSETS_KSERVE_CRD" not in os.environ:
        pytest.skip("KServe's definition is not here: ML_ASSETS_KSERVE_CRD names its file")
    made = yaml.safe_load(Path(os.environ["ML_ASSETS_KSERVE_CRD"]).read_text())["spec"]["versions"]
    (version,) = (each for each in made if API_VERSION.endswith(f"/{each['name']}") and each["served"])
    schema: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema
