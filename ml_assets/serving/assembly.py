"""From the names of problems to an application that serves them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.assets import noun_that
from ml_assets.errors import UsageError
from ml_assets.lineage.reference import resolve
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.serving.alarm import Alarm
from ml_assets.serving.app import Model, Serving
from ml_assets.serving.lane import Lane
from ml_assets.serving.limits import Limits
from ml_assets.serving.line import Line, lines_of
from ml_assets.serving.metrics import Metrics, Shared
from ml_assets.serving.raw import Raw
from ml_assets.serving.recording.recorder import Recorder, Recording
from ml_assets.serving.shadow import Shadow
from ml_assets.serving.trial import tried
from ml_assets.store import Store


@dataclass(frozen=True)
class Wanted:
    """What is to be served.

    Attributes:
        names: of problems, ``flight_delays``, or of one line of theirs, ``arrival_minutes@EWR``.
        shadows: name -> reference to the model that is asked beside its champion.
        tolerance: how far answers of a model may be from those of its evaluation.
        counted_in: the folder where workers leave their numbers; None where there is one.
        worker: the number of this process.
        alarm: told of champions that cannot serve.
        recording: how answers are recorded; None: they are not.
    """

    names: Sequence[str]
    shadows: Mapping[str, str] = field(default_factory=dict)
    tolerance: float = 0.0
    limits: Limits = field(default_factory=Limits)
    counted_in: Path | None = None
    worker: int = 0
    alarm: Alarm = field(default_factory=Alarm)
    recording: Recording | None = None


def problem_and_line(name: str) -> tuple[Problem, str | None]:
    """What a name means: ``ice_cream@south/east``."""
    problem, at, line = name.partition("@")
    return problem_named(problem), line if at else None


def serving(store: Store, wanted: Wanted) -> Serving:
    """What answers for these names; nothing is loaded yet but shadows.

    Raises:
        UsageError, UnknownVersion: if one is no problem, or no line of it, or a shadow is no model of it.
    """
    metrics, limits = Metrics(), wanted.limits
    models = {line.name: Model(line, _raw(line, limits)) for line in _lines(store, wanted, metrics)}
    for name, reference in wanted.shadows.items():
        if name not in models:
            raise UsageError(f"--shadow {name}={reference}: {name} is not served here. There are {', '.join(models)}.")
        line = models[name].line
        models[name] = Model(line, models[name].raw, _shadow(line, reference, limits, wanted.tolerance))
    lane = Lane(limits.waiting, limits.seconds, lambda waiting: metrics.set("waiting", waiting))
    shared = Shared(metrics, wanted.counted_in, wanted.worker)
    return Serving(models, lane, shared, limits, _recorder(store, wanted.recording, models, metrics))


def _recorder(
    store: Store, recording: Recording | None, models: Mapping[str, Model], metrics: Metrics
) -> Recorder | None:
    def columns() -> Iterator[str]:
        for loaded in (model.line.loaded for model in models.values()):
            yield from (column.name for column in (*loaded.columns, *loaded.keys)) if loaded else ()

    return Recorder(store, recording, metrics, columns) if recording else None


def _lines(store: Store, wanted: Wanted, metrics: Metrics) -> Iterator[Line]:
    for name in wanted.names:
        problem, asked = problem_and_line(name)
        for line in lines_of(problem, store, asked):
            named = problem.name if line is None else f"{problem.name}@{line}"
            yield Line(store, problem, line, named, metrics, wanted.tolerance, wanted.alarm)


def _raw(line: Line, limits: Limits) -> Raw:
    return Raw(line.store, line.problem, line.line, limits.poll_seconds)


def _shadow(line: Line, reference: str, limits: Limits, tolerance: float) -> Shadow:
    key = resolve(line.store, reference)
    if key.asset != f"{line.problem.name}/{noun_that('trains')}":
        raise UsageError(f"{key} is no model of {line.problem.name}. Name one, e.g. {line.problem.name}/model@P.")
    loaded = tried(line.store, line.problem, key, tolerance)
    return Shadow(loaded, Lane(limits.waiting, limits.seconds), line.metrics, line.name)
