"""`ml-assets view`: read-only pages about what the store holds, in a browser."""

from __future__ import annotations

import argparse
import sys
from typing import Any
from urllib.parse import urlsplit

import ml_assets
from ml_assets import problems
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.errors import UsageError
from ml_assets.settings import Settings

EXAMPLES = """  ml-assets view                                   on http://127.0.0.1:3001, for this machine only
  ml-assets view --host 0.0.0.0 --port 8080        for others: needs ML_ASSETS_PAGES_TOKEN
"""
PORT = 3001
PATIENCE_SECONDS = 10.0  # that a reader of pages waits for a server that does not answer


def add_to(verbs: Any) -> None:
    """Add `view`."""
    parser = command(verbs, "view", "show champions, versions, figures and lineage as read-only pages", view, EXAMPLES)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=_port, help=f"(default: that of ML_ASSETS_PAGES, or {PORT})")


def view(options: argparse.Namespace, settings: Settings) -> int:
    """Serve the pages until Ctrl-C."""
    try:
        from ml_assets.pages import app, server
    except ModuleNotFoundError as error:
        raise UsageError(f"The pages need {error.name}. Install it: pip install 'ml_assets[ui]'") from None
    usual = default_port(settings)
    port = usual if options.port is None else options.port
    token = settings.pages_token
    at = server.listen(options.host, port, token=token, pages=settings.pages)
    with at.socket:
        store, known, broken = (
            ml_assets.open_store(settings).within(PATIENCE_SECONDS),
            problems.PROBLEMS,
            problems.BROKEN,
        )
        pages = app.pages(store, known, broken=broken, hosts=at.hosts, token=token)
        if options.json:
            say_json({"address": at.url, "store": settings.store, "branch": settings.branch})
        else:
            say(f"{at.url} shows {settings.store}, branch {settings.branch}{' (asks for the token)' if token else ''}")
        sys.stdout.flush()  # it may be a pipe, and this is all that is said for a long time
        progress("stop it with Ctrl-C")
        server.serve(pages, at)
    return 0


def default_port(settings: Settings) -> int:
    """The port of a local ML_ASSETS_PAGES, where the UI links to; of one elsewhere, a proxy's, it says nothing about ours.

    Raises:
        UsageError: if that is no address.
    """
    try:
        where = urlsplit(settings.pages)
        port = where.port
    except ValueError as error:
        raise UsageError(
            f"ML_ASSETS_PAGES={settings.pages!r} is no address: {error}. Write http://host:port."
        ) from None
    return port or PORT if where.hostname in ("127.0.0.1", "localhost", "::1") else PORT


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or not 0 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give a number from 1 to 65535, or 0 for any free one")
    return int(text)
