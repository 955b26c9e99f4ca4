"""Should a new model be trained? A pure decision with reasons, like promotion's; orchestration carries it out."""

from __future__ import annotations

from dataclasses import dataclass

from ml_assets.problem import RetrainWhen


@dataclass(frozen=True)
class Retrain:
    """A new model is trained."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """The models that there are go on."""

    reasons: tuple[str, ...]


Decision = Retrain | Wait


def decide(when: RetrainWhen, *, model_age_days: float | None, landed: str = "", has_model: bool = False) -> Decision:
    """Decide whether to train.

    Args:
        model_age_days: how long ago the problem's newest model was made; None if there is none.
        landed: the partition whose files just landed; empty if none did.
        has_model: that partition has a model already, made from what its files were before.
    """
    if landed and when.new_partition:
        return Retrain((f"{landed} landed.",))
    if landed and has_model:
        return Retrain((f"{landed} landed again: its model was made from what the files were before.",))
    if model_age_days is None:
        return Retrain(("There is no model yet.",)) if landed else Wait(("There is no model that could grow old.",))
    if when.older_than_days is None:
        return Wait(("The problem asks for no new model, neither when data lands nor after a time.",))
    age = f"The newest model was made {model_age_days:.1f} days ago; {when.older_than_days:g} are allowed."
    return Retrain((age,)) if model_age_days > when.older_than_days else Wait((age,))
