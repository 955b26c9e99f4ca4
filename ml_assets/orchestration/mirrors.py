"""The sensors that tell others: an MLflow tracking server of models and champions, an OpenLineage endpoint of what steps did.

Both find out what is missing there, and tell it; what cannot be told now is missing still at the next look. They start no runs,
and no run knows of them. `ml-assets mirror` does the same by hand.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType

import dagster as dg

from ml_assets.errors import MirrorRefused, MirrorUnreachable
from ml_assets.mirrors.endpoint import endpoint
from ml_assets.mirrors.events import require_openlineage
from ml_assets.mirrors.server import Server
from ml_assets.mirrors.tracking import Told, state_of, tell, tracking_server
from ml_assets.orchestration.automation import running_on
from ml_assets.orchestration.openlineage import DAMAGED, Lineage
from ml_assets.problem import Problem
from ml_assets.settings import Settings
from ml_assets.store import LandingFolder, Store, digest

LOOK_EVERY_SECONDS = 30
TELLING_SECONDS = 20  # of one look; Dagster ends it after 60

Say = Callable[[str], None]
_logger = logging.getLogger("ml_assets.mirrors")


def mirror_sensors(
    problems: Iterable[Problem],
    store: Store,
    landing: LandingFolder,
    settings: Settings,
    clock: Callable[[], float] = time.time,
) -> Iterator[dg.SensorDefinition]:
    """A sensor for each mirror that the settings name.

    Raises:
        UsageError: if an address is none.
    """
    listed = {problem.name: problem for problem in problems}
    if settings.mlflow:
        yield _tracking_sensor(list(listed), store, tracking_server(settings.mlflow), clock)
    if settings.openlineage:
        yield _lineage_sensor(listed, store, landing, settings.openlineage, clock)


def _tracking_sensor(
    problems: Iterable[str], store: Store, server: Server, clock: Callable[[], float]
) -> dg.SensorDefinition:
    @dg.sensor(
        name="ml_assets_mlflow",
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=running_on(store.branch),
        description="Tells a tracking server of models, evaluations and champions that it lacks.",
    )
    def mlflow(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        until, say = clock() + TELLING_SECONDS, _say_to(context)
        known, said = tell_all(
            problems, store, server, say=say, known=_known(context.cursor, server), has_time=lambda: clock() < until
        )
        cursor = json.dumps({"server": _of(server), "states": known})
        return dg.SensorResult(skip_reason=said, cursor=cursor)

    return mlflow


def tell_all(
    problems: Iterable[str],
    store: Store,
    server: Server,
    *,
    say: Say,
    known: Mapping[str, str] = MappingProxyType({}),
    has_time: Callable[[], bool] = lambda: True,
) -> tuple[dict[str, str], str]:
    """Tell of the problems whose state (see ``state_of``) is not known to be told; the known states then, and a sentence."""
    after, totals = dict(known), list[Told]()
    for problem in problems:
        try:
            state = state_of(store, problem)
            if known.get(problem) == state:
                continue
            told = tell(store, problem, server, has_time)
        except (*DAMAGED, MirrorRefused) as why:  # others may be told
            say(f"{problem} is not mirrored: {why}")
            continue
        except MirrorUnreachable as trouble:
            say(str(trouble))
            return after, str(trouble)
        totals.append(told)
        if told.is_all:
            after[problem] = state
    runs, versions, aliases = (sum(getattr(told, name) for told in totals) for name in ("runs", "versions", "aliases"))
    return after, f"{runs} run(s), {versions} model version(s) and {aliases} alias(es) told."


def _known(cursor: str | None, server: Server) -> dict[str, str]:
    """What the sensor remembers to have told this very server."""
    saved = json.loads(cursor or "{}")
    states: dict[str, str] = saved["states"] if saved.get("server") == _of(server) else {}
    return states


def _of(server: Server) -> str:
    return digest(server.url.encode())[:16]


def _lineage_sensor(
    problems: Mapping[str, Problem],
    store: Store,
    landing: LandingFolder,
    address: str,
    clock: Callable[[], float],
) -> dg.SensorDefinition:
    require_openlineage()
    endpoint(address)  # says now what is wrong with it

    @dg.sensor(
        name="ml_assets_openlineage",
        minimum_interval_seconds=LOOK_EVERY_SECONDS,
        default_status=running_on(store.branch),
        description="Tells an OpenLineage endpoint what the steps of runs did.",
    )
    def openlineage(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        until, log = clock() + TELLING_SECONDS, lineage_of(context.instance, problems, store, landing, address)
        looked = log.look(clock(), lambda: clock() < until)
        for why in filter(None, (*looked.refused, looked.trouble)):
            _say_to(context)(why)
        return dg.SkipReason(f"{looked.told} event(s) told. {looked.trouble}".strip())

    return openlineage


def lineage_of(
    instance: dg.DagsterInstance, problems: Mapping[str, Problem], store: Store, landing: LandingFolder, address: str
) -> Lineage:
    """The event log of an instance, to be told to an address."""
    told_to = digest(address.encode())[:16]
    return Lineage(instance, store, problems, landing.backend.url, told_to, endpoint(address))


def _say_to(context: dg.SensorEvaluationContext) -> Say:
    """To the process's log, which operators keep, and to the sensor's page."""

    def say(message: str) -> None:
        _logger.warning(message)
        context.log.warning(message)

    return say
