"""What Kueue's custom resources take, as far as we use it; and the definitions themselves, where they are at hand.

Source: ``config/components/crd/bases/kueue.x-k8s.io_{resourceflavors,clusterqueues,localqueues}.yaml`` of
kubernetes-sigs/kueue (Apache 2.0), v0.19.2, version v1beta2: the fields that we set, with their types and limits. v1beta2 is
served from 0.15 on; v1beta1 is deprecated. ``ML_ASSETS_KUEUE_CRDS`` names a folder with these three files.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml

API_VERSION = "kueue.x-k8s.io/v1beta2"
Schema = dict[str, Any]

REFERENCE: Schema = {
    "type": "string",
    "maxLength": 253,
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
QUANTITY: Schema = {"type": ["integer", "string"], "pattern": r"^[0-9]+(\.[0-9]*)?([KMGTPE]i|[numkMGTPE])?$"}
TEXTS: Schema = {"type": "object", "additionalProperties": {"type": "string"}}


def _spec(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _many(most: int, item: Schema) -> Schema:
    return {"type": "array", "minItems": 1, "maxItems": most, "items": item}


QUOTA = {**_spec(name={"type": "string"}, nominalQuota=QUANTITY), "required": ["name", "nominalQuota"]}
FLAVOR = {**_spec(name=REFERENCE, resources=_many(64, QUOTA)), "required": ["name", "resources"]}
GROUP = {
    **_spec(coveredResources=_many(64, {"type": "string"}), flavors=_many(64, FLAVOR)),
    "required": ["coveredResources", "flavors"],
}
TOLERATION = _spec(key={"type": "string"}, operator={"enum": ["Exists", "Equal"]}, effect={"type": "string"})

SPECS: dict[str, Schema] = {
    "ResourceFlavor": _spec(nodeLabels={**TEXTS, "maxProperties": 8}, tolerations=_many(8, TOLERATION)),
    "ClusterQueue": _spec(namespaceSelector=_spec(matchLabels=TEXTS), resourceGroups=_many(16, GROUP)),
    "LocalQueue": _spec(clusterQueue=REFERENCE),
}


def definitions() -> dict[str, Schema]:
    """The schema of each kind's ``spec`` in Kueue's own definitions."""
    if "ML_ASSETS_KUEUE_CRDS" not in os.environ:
        pytest.skip("Kueue's definitions are not here: ML_ASSETS_KUEUE_CRDS names their folder")
    folder = Path(os.environ["ML_ASSETS_KUEUE_CRDS"])
    made = [yaml.safe_load(path.read_text())["spec"] for path in sorted(folder.glob("*.yaml"))]
    return {each["names"]["kind"]: _spec_of(each["versions"]) for each in made}


def _spec_of(versions: list[dict[str, Any]]) -> Schema:
    (version,) = (each for each in versions if API_VERSION.endswith(f"/{each['name']}") and each["served"])
    schema: Schema = version["schema"]["openAPIV3Schema"]["properties"]["spec"]
    return schema
