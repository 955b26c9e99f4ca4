"""The sensor that alerts: it looks at what happened, says it once in the log, and sends it where the settings say.

What it remembers between looks, what is sent twice and what never gets lost: ``ml_assets/alerts/outbox.py``.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import dagster as dg

from ml_assets.alerts.alert import plain
from ml_assets.alerts.destination import sender
from ml_assets.alerts.outbox import Outbox, Send
from ml_assets.orchestration.automation import TICK_SECONDS
from ml_assets.orchestration.incidents import Log

Say = Callable[[str], None]
_logger = logging.getLogger("ml_assets.alerts")


def alerts_sensor(
    destination: str, *, ui: str = "", clock: Callable[[], float] = time.time
) -> dg.SensorDefinition | None:
    """The sensor ``alerts``; None where nothing should be told.

    Args:
        destination: as in ``Settings.alerts``: empty, ``log``, or the address of a webhook.
        ui: where people reach the Dagster UI; empty: alerts hold no links.
        clock: seconds since 1970.

    Raises:
        UsageError: if the destination is none of these.
    """
    send = sender(destination)
    if send is None:
        return None

    @dg.sensor(
        name="ml_assets_alerts",
        minimum_interval_seconds=TICK_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells of failed runs and checks, models not promoted or waiting for approval, stale predictions; each once.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        origin = context.code_location_origin
        log = Log(context.instance, origin.location_name if origin else None, ui)
        if context.cursor is None:
            start = Outbox(log.newest())
            return _nothing_to_run(start, "Alerts begin with what happens from now on.")
        outbox, said = look(log, Outbox.from_cursor(context.cursor), send, clock, _say_to(context))
        return _nothing_to_run(outbox, said)

    return alerts


def look(log: Log, outbox: Outbox, send: Send, clock: Callable[[], float], say: Say) -> tuple[Outbox, str]:
    """Read what is new, log it, send what waits; the outbox then, and a sentence about it.

    What can go wrong in reading does so before anything is sent: a look that fails is made again as a whole.
    """
    read = outbox if outbox.full else log.read_into(outbox, clock())
    for alert in read.waiting[len(outbox.waiting) :]:
        say(plain(alert))
    left, trouble = read.sent(send, clock)
    if trouble is not None:
        say(f"{len(left.waiting)} alert(s) wait, and will be sent in order: {trouble.why}.")
    sent = len(read.waiting) - len(left.waiting)
    return left, f"{sent} alert(s) sent, {len(left.waiting)} waiting."


def _nothing_to_run(outbox: Outbox, said: str) -> dg.SensorResult:
    return dg.SensorResult(skip_reason=said, cursor=outbox.to_cursor())


def _say_to(context: dg.SensorEvaluationContext) -> Say:
    """To the process's log, which operators keep, and to the sensor's page."""

    def say(message: str) -> None:
        _logger.warning(message)
        context.log.warning(message)

    return say
