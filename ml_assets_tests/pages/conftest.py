"""The pages as a browser asks for them, without a network: a request in, status, headers and body out."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ml_assets.pages.app import pages
from ml_assets.problem import Problem
from ml_assets.store import Store
from ml_assets_tests.conftest import PROBLEMS


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes
    raised: Exception | None = None

    @property
    def text(self) -> str:
        return self.body.decode()

    @property
    def page(self) -> Page:
        page = Page()
        page.feed(self.text)
        return page


class Page(HTMLParser):
    """What a browser makes of the HTML: the tags with their attributes, and the text between them."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words = ""

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def links(self) -> list[str]:
        return [attributes["href"] for attributes in self.all("a")]


def ask(app: Any, address: str, *, method: str = "GET", **headers: str) -> Reply:
    """One request; headers by name, with ``_`` for ``-``."""
    parts = urlsplit(address)
    given = {"host": "localhost:3001", **{name.replace("_", "-"): value for name, value in headers.items()}}
    scope = {
        "type": "http",
        "method": method,
        "path": unquote(parts.path),
        "raw_path": parts.path.encode(),
        "query_string": parts.query.encode(),
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in given.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 3001),
        "client": ("127.0.0.1", 1),
        "root_path": "",
    }
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    raised = None
    try:
        asyncio.run(app(scope, receive, send))
    except Exception as error:  # as a server does: it logs what is raised after an answer was sent
        if not sent:
            raise
        raised = error
    start, *rest = sent
    seen = {name.decode(): value.decode("latin-1") for name, value in start["headers"]}
    return Reply(start["status"], seen, b"".join(message.get("body", b"") for message in rest), raised)


Ask = Callable[..., Reply]


def site(store: Store, problems: Sequence[Problem] = PROBLEMS, **options: Any) -> Ask:
    """The pages of a store, to be asked."""
    app = pages(store, problems, **options)
    return lambda address, **more: ask(app, address, **more)


@pytest.fixture
def get(shared: Store) -> Ask:
    """Asks the pages of the shared store."""
    return site(shared)
