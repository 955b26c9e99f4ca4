"""Where OpenLineage events go: an address that takes them, a file of one event a line, a folder of one event a file."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from ml_assets.errors import MirrorRefused, UsageError
from ml_assets.mirrors.events import Event
from ml_assets.mirrors.server import Server

SETTING = "ML_ASSETS_OPENLINEAGE"
USUAL_PATH = "/api/v1/lineage"  # where Marquez and others take events
LOOK_BACK = 4 * 2**20  # bytes at the end of a file: more than whoever was interrupted can have told in vain

Tell = Callable[[Event], None]


def endpoint(address: str) -> Tell:
    """What tells an event where the setting says. An event that is told again is there once.

    It raises MirrorUnreachable or MirrorRefused where it cannot.

    Raises:
        UsageError: if the address is none; the message does not repeat it.
    """
    if address.startswith("file:"):
        path = Path(unquote(urlsplit(address).path))
        if not path.is_absolute():
            raise UsageError(
                f"{SETTING} names no absolute path. Write it as file:///folder/ or file:///folder/events.jsonl."
            )
        return _folder(path) if address.endswith("/") else _file(path)
    server = Server.at(address, "The OpenLineage endpoint", SETTING)
    parts = urlsplit(server.url)
    takes = server if parts.path else replace(server, url=urlunsplit(parts._replace(path=USUAL_PATH)))

    def post(event: Event) -> None:
        takes.post("", event)

    return post


def _folder(folder: Path) -> Tell:
    def write(event: Event) -> None:
        path = folder / f"{event['run']['runId']}-{event['eventType']}.json"
        if not path.exists():
            unfinished = path.with_suffix(f".{os.getpid()}.part")
            unfinished.write_bytes(_line(event))
            unfinished.replace(path)

    return _refusing(folder, write)


def _file(path: Path) -> Tell:
    return _refusing(path.parent, lambda event: _append(path, _line(event)))


def _append(path: Path, line: bytes) -> None:
    """Add a line unless it is among the last; one that somebody was interrupted in is taken away first."""
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOOK_BACK))
        last = file.read()
        whole = last[: last.rfind(b"\n") + 1]
        if len(whole) < len(last):
            file.truncate(size - len(last) + len(whole))
        if line not in whole:
            file.write(line)


def _refusing(folder: Path, write: Tell) -> Tell:
    """As ``write``, in a folder that is made where it is missing."""

    def tell(event: Event) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            write(event)
        except OSError as error:
            raise MirrorRefused(
                f"The OpenLineage events cannot be written where {SETTING} says ({error.strerror or type(error).__name__}). "
                "Nothing is lost: mend the folder or the setting, and they are written."
            ) from None

    return tell


def _line(event: Event) -> bytes:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
