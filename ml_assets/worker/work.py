"""What one process does for a model: fit it, store it, and prove that the stored one answers as the trained one does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

from ml_assets.evaluation.checks import CheckOutcome, reloads_identically
from ml_assets.problem import Problem, TrainingData, TrainingRun
from ml_assets.store import Content, Handle, Store, VersionKey
from ml_assets.training.model import TrainedModel, fit, predict
from ml_assets.training.split import roles_alone, training_data
from ml_assets.training.window import Window

RELOAD_ROWS = 2_000  # of the validation rows; more would cost as much as a training does


@dataclass(frozen=True)
class Trained:
    """A model that was trained and stored.

    Attributes:
        check: whether it answers, loaded again, as it did in training.
        rows_to_fit, rows_to_choose: how many it saw.
        resumed: from where it went on, as people are told, if other processes than this one trained.
        knows: of what it was trained on, see ``TrainedModel.knows``.
    """

    content: Content
    check: CheckOutcome
    rows_to_fit: int
    rows_to_choose: int
    resumed: str = ""
    knows: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As rank 0 tells it."""
        rows = [self.rows_to_fit, self.rows_to_choose]
        told = {"done": self.content.to_json(), "check": asdict(self.check), "rows": rows, "resumed": self.resumed}
        return {**told, "knows": dict(self.knows)}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Trained:
        """The inverse of ``to_json``."""
        fit, choose = told["rows"]
        check = CheckOutcome(**told["check"])
        return cls(Content.from_json(told["done"]), check, fit, choose, told["resumed"], told["knows"])


def load_data(store: Store, split: VersionKey, features: Sequence[VersionKey]) -> TrainingData:
    """The rows that a split gives to training, of exactly these tables; they are read when they are asked for.

    Args:
        features: the tables of the window, oldest first.
    Raises:
        StoreError: if something is not there, or was changed.
    """
    window, roles = Window({str(key.partition): Handle(store, key).opened() for key in features}), Handle(store, split)
    return training_data(window.every_row(), roles_alone(roles.opened().batches(columns=["role"])))


def fit_and_store(problem: Problem, data: TrainingData, params: Any, run: TrainingRun, store: Store) -> Trained:
    """Train the problem's model and store it."""
    return stored(problem, fit(problem, data, params, run), data, store)


def stored(problem: Problem, model: TrainedModel, data: TrainingData, store: Store) -> Trained:
    """Store a model, load it again, and compare the answers of the two."""
    content = store.put(model)
    sample = next(data.validation.batches(RELOAD_ROWS)).features
    check = reloads_identically(partial(predict, problem), model, store.get(content), sample)
    return Trained(content, check, len(data.train), len(data.validation), knows=model.knows)
