"""Champions as clients ask them, without a network: a request in, status, headers and body out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from ml_assets.alerts.alert import Alert
from ml_assets.serving.alarm import Alarm
from ml_assets.serving.app import Serving, application
from ml_assets.serving.assembly import Wanted, serving
from ml_assets.serving.line import Line
from ml_assets.store import Store, VersionKey, open_store
from ml_assets_tests.doubles import judged

FEATURES = {"clouds": 0.5, "above_usual": 0.25, "shop": "east"}


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """An application in an event loop of its own, as a server would hold it."""

    serving: Serving
    alarm: Alarm
    told: list[Alert]
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = application(self.serving, **self.options)

    @property
    def alerts(self) -> list[str]:
        """What was sent to where alerts go."""
        self.alarm.send_waiting()
        return [alert.text for alert in self.told]

    def line(self, name: str = "umbrellas") -> Line:
        return self.serving.models[name].line

    def ask(self, address: str, body: Any = None, method: str = "", **headers: str) -> Reply:
        return asyncio.run(self.asked(address, body, method, **headers))

    async def asked(self, address: str, body: Any = None, method: str = "", **headers: str) -> Reply:
        """One request; headers by name, with ``_`` for ``-``."""
        parts, sent = urlsplit(address), list[Any]()
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        given = {"host": "localhost:8080", **{name.replace("_", "-").lower(): value for name, value in headers.items()}}
        scope = {
            "type": "http", "method": method or ("GET" if body is None else "POST"), "path": unquote(parts.path),
            "raw_path": parts.path.encode(), "query_string": parts.query.encode(), "scheme": "http", "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in given.items()],
            "server": ("127.0.0.1", 8080), "client": ("127.0.0.1", 1),
        }  # fmt: skip

        async def receive() -> Any:
            return {"type": "http.request", "body": data, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        start, *rest = sent
        seen = {name.decode().lower(): value.decode("latin-1") for name, value in start["headers"]}
        return Reply(start["status"], seen, b"".join(message.get("body", b"") for message in rest))

    def predict(self, body: Any, query: str = "", name: str = "umbrellas", **headers: str) -> Reply:
        kind = {"content_type": "application/json"} | headers
        return self.ask(f"/problems/{name}/predict{query}", body, "POST", **kind)

    def infer(self, body: Any, name: str = "umbrellas", **headers: str) -> Reply:
        return self.ask(f"/v2/models/{name}/infer", body, "POST", **headers)


Serve = Callable[..., Server]


def served(store: Store, *names: str, looked: bool = True, hosts: Any = None, token: str = "", **more: Any) -> Server:
    """Champions of a store, loaded; nobody watches the ledger but a test."""
    told: list[Alert] = []
    alarm = Alarm(told.append)
    found = serving(store, Wanted(names or ("umbrellas",), alarm=alarm, **more))
    for model in found.models.values():
        if looked:
            model.line.look()
    return Server(found, alarm, told, {"hosts": hosts or frozenset(), "token": token})


@pytest.fixture
def server(shared: Store) -> Server:
    return served(shared)


def records(rows: int = 2, **changed: Any) -> dict[str, Any]:
    return {"rows": [FEATURES | changed for _ in range(rows)]}


def tensors(rows: int = 2, **changed: Any) -> dict[str, Any]:
    """A request of the Open Inference Protocol; ``clouds={"datatype": …}`` changes one input."""
    types = {"clouds": "FP64", "above_usual": "FP64", "shop": "BYTES"}
    inputs: Sequence[dict[str, Any]] = [
        {"name": name, "shape": [rows], "datatype": types[name], "data": [value] * rows} | changed.get(name, {})
        for name, value in FEATURES.items()
    ]
    return {"inputs": inputs}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Where parcels are known: features of every kind, and models that are made in a moment."""
    monkeypatch.setattr("ml_assets.problems.PROBLEMS", (judged.PROBLEM,))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def champion(store: Store) -> VersionKey:
    """The champion of parcels."""
    key = judged.judged(store)
    judged.crown(store, key)
    return key


@pytest.fixture
def parcel_server(store: Store, champion: VersionKey) -> Server:
    return served(store, judged.NAME)


PARCEL = {"weight": 2.5, "city": "Rome", "stops": 4, "size": "M", "fragile": True}
