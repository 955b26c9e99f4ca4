"""``export.json``: what an exported model is, what it takes, what it answers, and how it was compared with its source."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ml_assets.exports.asked import Asked
from ml_assets.exports.compare import Comparison, Limit

FILE = "export.json"
FORMAT = 1  # of this file


def described(asked: Asked) -> dict[str, Any]:
    """The model, as every format describes it."""
    key, problem = asked.key, asked.problem
    return {
        "export_json": FORMAT,
        "model": {
            "problem": problem.name, "asset": key.asset, "partition": key.partition, "version": key.version,
            "digest": asked.digest,
        },
        "task": problem.task,
        "columns": [_column(asked, name, dtype) for name, dtype in asked.model.features.items()],
        "answer": {"shape": ["rows", *asked.answers.shape[1:]], "dtype": str(asked.answers.dtype), "means": _means(asked)},
        **({"classes": list(asked.classes)} if asked.classes else {}),
    }  # fmt: skip


def compared(comparison: Comparison, limit: Limit) -> dict[str, Any]:
    """What was found before the export was released."""
    return {
        "compared": {**comparison.to_json(), "limit": "every bit equal" if limit.apart is None else vars(limit)},
    }


def libraries(*names: str) -> dict[str, str]:
    """Distribution -> installed version, of those that are there."""
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def write(description: Mapping[str, Any], folder: Path) -> None:
    """Write it into a folder."""
    (folder / FILE).write_text(json.dumps(description, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _column(asked: Asked, name: str, dtype: str) -> dict[str, Any]:
    known = (asked.model.categories or {}).get(name)
    return {"name": name, "dtype": dtype, **({"categories": known["categories"]} if known else {})}


def _means(asked: Asked) -> str:
    if asked.problem.task == "binary":
        return "probability that the label is 1"
    if asked.problem.task == "multiclass":
        return "probability of each class, in the order of classes"
    return "value, lower and upper bound" if asked.answers.ndim == 2 else "value"
