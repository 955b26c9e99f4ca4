"""`ml-assets serve`: champions over HTTP."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import ml_assets
from ml_assets.cli.numbers import positive, whole
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.computation.machine import usable_cores
from ml_assets.errors import UsageError
from ml_assets.problems import problem_named
from ml_assets.settings import Settings, share_cores

if TYPE_CHECKING:
    from ml_assets.pages.server import Listening
    from ml_assets.serving.assembly import Wanted
    from ml_assets.serving.recording.recorder import Recording

EXAMPLES = """  ml-assets serve flight_delays                              on http://127.0.0.1:8080, for this machine only
  ml-assets serve flight_delays arrival_minutes@EWR --workers 4 --host 0.0.0.0      for others: needs ML_ASSETS_SERVE_TOKEN
  ml-assets serve flight_delays --shadow flight_delays=flight_delays/model@2013-06   asked beside it, counted, never returned
  ml-assets serve flight_delays --record spool --record-without carrier              what was answered becomes data
  curl localhost:8080/problems/flight_delays/predict -H 'Content-Type: application/json' -d '{"rows": [{…}]}'
"""
PORT = 8080
PATIENCE_SECONDS = 10.0  # that a look at the store waits for a server that does not answer


def add_to(verbs: Any) -> None:
    """Add `serve`."""
    parser = command(verbs, "serve", "answer for champions over HTTP, and follow their moves", serve, EXAMPLES)
    parser.add_argument(
        "problems", nargs="+", metavar="PROBLEM", help="or PROBLEM@LINE, where each line has a champion"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=whole(0, 65_535), default=PORT, help="0 for any free one (default: %(default)s)")
    parser.add_argument("--workers", type=whole(1, 512), default=1, help="processes; one per core is most (default: 1)")
    parser.add_argument(
        "--shadow", action="append", default=[], metavar="PROBLEM=REF", help="a model that is asked beside it"
    )
    parser.add_argument(
        "--tolerance", type=positive, default=0.0, metavar="X",
        help="how far a model's answers may be from those of its evaluation before it serves (default: not by a bit)",
    )  # fmt: skip
    parser.add_argument("--max-rows", type=whole(1, 10**9), default=10_000, help="of a request (default: %(default)s)")
    parser.add_argument("--max-mib", type=whole(1, 4_096), default=8, help="of a request's body (default: %(default)s)")
    parser.add_argument(
        "--queue", type=whole(1, 10**6), default=64, help="requests that may wait (default: %(default)s)"
    )
    parser.add_argument(
        "--timeout", type=positive, default=30.0, help="seconds that one may take (default: %(default)g)"
    )
    parser.add_argument(
        "--poll", type=positive, default=5.0, help="seconds between looks at the ledger (default: %(default)g)"
    )
    _add_recording(parser)


def _add_recording(parser: argparse.ArgumentParser) -> None:
    of = parser.add_argument_group("what was answered is data")
    of.add_argument(
        "--record", metavar="FOLDER", type=Path, help="where answers wait to be in the store; without it none are"
    )
    of.add_argument("--record-share", type=_share, default=1.0, help="of the requests, by their ids (default: all)")
    of.add_argument("--record-without", type=_names, default=(), metavar="COL,…", help="columns that are left out")
    of.add_argument(
        "--record-hashed", type=_names, default=(), metavar="COL,…",
        help="columns of which HMAC-SHA-256 of each value is kept, with the key of ML_ASSETS_RECORD_KEY",
    )  # fmt: skip
    of.add_argument(
        "--record-mib", type=whole(1, 1 << 20), default=256, help="that may wait in the folder (default: %(default)s)"
    )
    of.add_argument(
        "--record-seconds", type=positive, default=60.0, help="after which a batch is made (default: %(default)g)"
    )


def serve(options: argparse.Namespace, settings: Settings) -> int:
    """Serve until Ctrl-C or SIGTERM."""
    try:
        from ml_assets.pages import server as door
        from ml_assets.serving import server
    except ModuleNotFoundError as error:
        raise UsageError(f"Serving needs {error.name}. Install it: pip install 'ml_assets[serve]'") from None
    for name in options.problems:
        problem_named(name.partition("@")[0])
    recording = _recording(options, settings)
    share_cores(usable_cores(), options.workers)
    sign = door.Door("models", "serve", "ML_ASSETS_SERVE_TOKEN", "Clients send it as Authorization: Bearer.")
    at = door.listen(options.host, options.port, token=settings.serve_token, pages="", door=sign)
    with at.socket, TemporaryDirectory() as counted_in:
        _say(options, settings, at)
        wanted = _wanted(options, Path(counted_in) if options.workers > 1 else None, recording)
        app_of = _application(wanted, settings, at)
        return server.answer_in(options.workers, app_of, at, wanted.limits.stop_seconds)


def _recording(options: argparse.Namespace, settings: Settings) -> Recording | None:
    from ml_assets.serving.recording.choice import Choice
    from ml_assets.serving.recording.recorder import Recording

    without, hashed = frozenset(options.record_without), frozenset(options.record_hashed)
    choice = Choice(options.record_share, without, hashed, settings.record_key)
    if options.record is None:
        if choice != Choice(key=choice.key):
            raise UsageError(
                "Nothing is recorded without --record FOLDER. Add it, or leave out what is to be recorded how."
            )
        return None
    try:
        options.record.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"--record {options.record} cannot be used: {error}. Name a folder that can be written."
        ) from None
    of_each = (options.record_mib << 20) // options.workers
    return Recording(options.record, choice, of_each, seconds=options.record_seconds)


def _wanted(options: argparse.Namespace, counted_in: Path | None, recording: Recording | None) -> Wanted:
    from ml_assets.serving.assembly import Wanted
    from ml_assets.serving.limits import Limits

    limits = Limits(options.max_mib << 20, options.max_rows, options.queue, options.timeout, options.poll)
    shadows = dict(_pair(text) for text in options.shadow)
    return Wanted(options.problems, shadows, options.tolerance, limits, counted_in, recording=recording)


def _application(wanted: Wanted, settings: Settings, at: Listening) -> Callable[[int], Any]:
    """Makes the application of a worker, in its process."""
    from dataclasses import replace

    from ml_assets.alerts.destination import sender
    from ml_assets.serving.alarm import Alarm
    from ml_assets.serving.app import application
    from ml_assets.serving.assembly import serving
    from ml_assets.serving.watch import Watch

    send = sender(settings.alerts)

    def application_of(worker: int) -> Any:
        store, alarm = ml_assets.open_store(settings).within(PATIENCE_SECONDS), Alarm(send if worker == 0 else None)
        found = serving(store, replace(wanted, worker=worker, alarm=alarm))
        lines = [model.line for model in found.models.values()]
        watch = Watch(lines, found.shared, alarm, wanted.limits.poll_seconds)
        return application(found, watch, hosts=at.hosts, token=settings.serve_token)

    return application_of


def _say(options: argparse.Namespace, settings: Settings, at: Listening) -> None:
    if options.json:
        say_json({"address": at.url, "problems": options.problems, "store": settings.store, "branch": settings.branch})
    else:
        token = " (asks for the token)" if settings.serve_token else ""
        say(f"{at.url} serves {', '.join(options.problems)} of {settings.store}, branch {settings.branch}{token}")
    sys.stdout.flush()  # it may be a pipe, and this is all that is said for a long time
    progress("stop it with Ctrl-C")


def _pair(text: str) -> tuple[str, str]:
    name, is_there, reference = text.partition("=")
    if not is_there or not name or not reference:
        raise UsageError(
            f"--shadow {text!r} names no model. Write PROBLEM=REF, e.g. flight_delays=flight_delays/model@2013-06."
        )
    return name, reference


def _names(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (name.strip() for name in text.split(","))))


def _share(text: str) -> float:
    number = positive(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text!r}: give a share of the requests, such as 0.1")
    return number
