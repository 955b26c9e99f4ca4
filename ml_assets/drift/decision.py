"""Should a new model be trained? A pure decision with reasons, like promotion's; orchestration carries it out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ml_assets.problem import RetrainWhen


@dataclass(frozen=True)
class Retrain:
    """A new model is trained."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Wait:
    """The models that there are go on.

    Attributes:
        held: what keeps a training back that is due otherwise: ``cooldown`` or ``same``; empty where none is due.
    """

    reasons: tuple[str, ...]
    held: str = ""


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


@dataclass(frozen=True)
class Measured:
    """The first metric of a partition, with its interval.

    Attributes:
        partition: whose rows these are.
        value: in the metric's unit.
        low, high: what it is beyond chance.
    """

    partition: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Watched:
    """What monitoring says of the partitions that the champion has served: of each kind the newest that tells.

    Attributes:
        metric: the name of the first metric.
        higher_is_better: its direction.
        partition: the newest of them.
        drifted: feature -> how far it has moved there, of those that have moved beyond chance.
        realised: the metric where outcomes are known.
        estimated: the same as estimated before that.
    """

    metric: str
    higher_is_better: bool
    partition: str
    drifted: Mapping[str, float] = field(default_factory=dict)
    realised: Measured | None = None
    estimated: Measured | None = None


def alarms(when: RetrainWhen, watched: Watched) -> tuple[str, ...]:
    """What a problem wants a new model for, each as a sentence."""
    return (*_drift(when, watched), *_worse(when, watched))


def decide_on(when: RetrainWhen, watched: Watched, *, days_since: float | None = None, same: bool = False) -> Decision:
    """Decide whether to train for what monitoring says.

    Args:
        days_since: how long ago monitoring last started a training; None if it never did.
        same: a training would see what the newest model has seen, and come out the same.
    """
    found = alarms(when, watched)
    if not found:
        return Wait((f"{watched.partition}: nothing that the problem wants a new model for.",))
    if same:
        return Wait(
            (*found, "But a training would see the same data, code and parameters, and come out the same."), "same"
        )
    if days_since is not None and days_since < when.cooldown_days:
        last = f"But monitoring started a training {days_since:.1f} days ago; {when.cooldown_days:g} must pass between two."
        return Wait((*found, last), "cooldown")
    return Retrain(found)


def _drift(when: RetrainWhen, watched: Watched) -> Iterator[str]:
    if when.drift_above is None:
        return
    far = {name: index for name, index in watched.drifted.items() if index > when.drift_above}
    for name, index in sorted(far.items(), key=lambda pair: (-pair[1], pair[0])):
        yield f"{name} has moved by {index:.3g} in {watched.partition}; {when.drift_above:g} is allowed."


def _worse(when: RetrainWhen, watched: Watched) -> Iterator[str]:
    said = (
        ("is", when.performance_below, watched.realised),
        ("is estimated to be", when.estimated_below, watched.estimated),
    )
    for how, limit, found in said:
        if limit is None or found is None:
            continue
        is_worse = found.high < limit if watched.higher_is_better else found.low > limit
        if is_worse:
            interval = f"interval [{found.low:.4g}, {found.high:.4g}]"
            yield f"{watched.metric} {how} {found.value:.4g} in {found.partition} ({interval}); {limit:g} is asked for."
