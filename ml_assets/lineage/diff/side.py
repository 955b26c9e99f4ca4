"""One of the two versions that are compared, and what of it is read: each thing once, and only when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ml_assets.assets import noun_that
from ml_assets.errors import UnreadableContent
from ml_assets.evaluation.judge import Evaluation
from ml_assets.evaluation.judgement import Judgement
from ml_assets.evaluation.scored_rows import BOUNDS
from ml_assets.lineage.judged import EVALUATION, MODEL, newest_evaluation, noun_of
from ml_assets.problem import FeatureTable
from ml_assets.store import Manifest, Store, VersionKey

if TYPE_CHECKING:
    import pandas as pd
    import torch

ANSWERS = ("prediction", "baseline", "model_version")  # columns that are compared as answers, not as rows


@dataclass(frozen=True)
class Side:
    """A version with its manifest, its rows, and the evaluation that it is or that judged it."""

    store: Store
    key: VersionKey

    @property
    def noun(self) -> str:
        """``model``, of ``flight_delays/model``."""
        return noun_of(self.key)

    @cached_property
    def manifest(self) -> Manifest:
        """What was recorded."""
        return self.store.manifest(self.key)

    @cached_property
    def environment(self) -> Mapping[str, Any]:
        """Where it was made; empty where that was not recorded."""
        digest = self.manifest.environment
        return self.store.environment(digest) if digest else {}

    @property
    def code_version(self) -> str:
        """Digest of the code that made it; empty for a version that is older than such records."""
        recorded = self.manifest.code.get("computation") or {}
        return str(recorded.get("code", ""))

    @cached_property
    def evaluation(self) -> Side | None:
        """Itself if it is one; of a model the newest; None where there is none."""
        if self.noun == EVALUATION:
            return self
        key = newest_evaluation(self.store, self.key) if self.noun == MODEL else None
        return Side(self.store, key) if key else None

    @cached_property
    def weights(self) -> dict[str, torch.Tensor]:
        """Its tensors by their full names, ``estimator.weights.0.bias``; without the classes that they are fields of."""
        found = self.store.tensors(self.manifest.content, of=str(self.key))
        return {
            f"{path}.{name}".lstrip("."): tensor for path, inside in found.items() for name, tensor in inside.items()
        }

    @property
    def has_rows(self) -> bool:
        """Whether the value is a table or contains one; told without reading it."""
        content = self.manifest.content
        fields = content.meta.get("fields", {}) if content.codec == "record" else {}
        return content.codec == "table" or any(field["codec"] == "table" for field in fields.values())

    @property
    def has_tables(self) -> bool:
        """Whether the value is several tables, each under a name."""
        return self.manifest.content.codec == "tables"

    @property
    def has_answers(self) -> bool:
        """Whether its rows say what a model answered."""
        return self.noun in (noun_that("serves"), EVALUATION)

    @cached_property
    def value(self) -> Any:
        """What it is; every byte is verified."""
        return self.store.load(self.key)

    @property
    def rows(self) -> pd.DataFrame:
        """Its rows without answers: of features together with what identifies them and their label."""
        if isinstance(self.value, FeatureTable):
            keys = self.value.keys[[name for name in self.value.keys if name not in self.value.features]]
            return keys.join(self.value.features).assign(label=self.value.label)
        if not self.has_answers:
            return self.answers
        return self.answers[[name for name in self.answers if _stem(str(name)) not in ANSWERS]]

    @property
    def answers(self) -> pd.DataFrame:
        """Its rows as they are: predictions, or the scored rows of an evaluation."""
        table: Any = self.value.scored if isinstance(self.value, Judgement) else self.value
        if not hasattr(table, "columns"):
            raise UnreadableContent(
                f"{self.key} holds a {type(table).__name__}, and only tables, feature tables and evaluations have rows that "
                "can be compared. Compare it in a notebook: store.load(…)."
            )
        frame: pd.DataFrame = table
        return frame

    @cached_property
    def report(self) -> Evaluation:
        """What an evaluation found."""
        if not isinstance(self.value, Judgement):
            raise UnreadableContent(
                f"{self.key} holds a {type(self.value).__name__} instead of a Judgement: it was not made by ml_assets. "
                "Materialize the evaluation again."
            )
        return Evaluation.from_json(self.value.report)


def _stem(name: str) -> str:
    """``prediction``, of ``prediction_3`` and of ``prediction_lower``."""
    stem, _, end = name.rpartition("_")
    return stem if end.lstrip("-").isdigit() or end in BOUNDS else name
