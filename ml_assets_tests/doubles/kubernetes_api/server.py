"""The API over HTTP: paths to objects, streams for watches and logs, and the faults that a test asked for."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlparse

from ml_assets_tests.doubles.kubernetes_api.kubelet import Kubelet
from ml_assets_tests.doubles.kubernetes_api.objects import KINDS, ApiError, Key, Object, Objects
from ml_assets_tests.doubles.kubernetes_api.selectors import selected

PREFIXES = (["api", "v1"], ["apis", "batch", "v1"])
Chunks = Iterable[bytes]


@dataclass
class Fault:
    """See ``Api.fail``."""

    request: str
    status: int
    times: int
    after: bool


@dataclass
class Server:
    objects: Objects
    kubelet: Kubelet
    faults: list[Fault]

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"server_of": self})
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._http.daemon_threads = True
        self.closed = False
        self.url = f"http://127.0.0.1:{self._http.server_port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self.closed = True
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def fault(self, request: str) -> Fault | None:
        for fault in self.faults:
            if request.startswith(fault.request):
                fault.times -= 1
                if fault.times <= 0:
                    self.faults.remove(fault)
                return fault
        return None

    def answer(self, method: str, path: list[str], query: dict[str, str], body: Object) -> tuple[int, Object | Chunks]:
        if path == ["version"]:
            return 200, {"major": "1", "minor": "31", "gitVersion": "v1.31.0", "platform": "linux/amd64"}
        key, sub = _target(path)
        if sub == "log":
            return 200, self._log(key, query)
        if method == "POST" and not key.name:
            return 201, self.objects.create(key.resource, key.namespace, body)
        if method == "DELETE" and key.name:
            asked = {**body, **query}
            grace = asked.get("gracePeriodSeconds")
            policy = asked.get("propagationPolicy", "")
            return 200, self.objects.delete(key, grace=None if grace is None else int(grace), policy=policy)
        with self.objects.lock:
            if method == "GET" and key.name:
                return 200, copy.deepcopy(self.objects.get(key))
            if method == "PATCH" and key.name:
                return 200, self.objects.replace(key, _merged(copy.deepcopy(self.objects.get(key)), body))
            if method == "GET":
                watching = query.get("watch", "").lower() in ("true", "1")
                return 200, self._watch(key, query) if watching else self._list(key, query)
        raise ApiError(405, "MethodNotAllowed", f"{method} {'/'.join(path)}")

    def _list(self, key: Key, query: dict[str, str]) -> Object:
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        namespace = key.namespace or None
        found = [copy.deepcopy(o) for o in self.objects.of(key.resource, namespace) if selected(o, labels, fields)]
        version = "batch/v1" if key.resource == "jobs" else "v1"
        meta = {"resourceVersion": str(self.objects.version)}
        return {"kind": f"{KINDS[key.resource]}List", "apiVersion": version, "metadata": meta, "items": found}

    def _watch(self, key: Key, query: dict[str, str]) -> Chunks:
        ends = time.monotonic() + float(query.get("timeoutSeconds", 3600))
        seen = int(query.get("resourceVersion") or 0)
        labels, fields = query.get("labelSelector", ""), query.get("fieldSelector", "")
        while time.monotonic() < ends and not self.closed:
            with self.objects.lock:
                fresh = [event for event in self.objects.events if event.version > seen]
                if not fresh:
                    self.objects.lock.wait(0.2)
            for event in fresh:
                seen = event.version
                here = event.key.resource == key.resource and key.namespace in ("", event.key.namespace)
                if here and selected(event.object, labels, fields):
                    yield json.dumps({"type": event.type, "object": event.object}).encode() + b"\n"

    def _log(self, key: Key, query: dict[str, str]) -> Chunks:
        pod = self.objects.get(key)
        name = query.get("container") or pod["spec"]["containers"][0]["name"]
        lines = self.kubelet.logs.get((pod["metadata"]["uid"], name), [])
        waiting = _state(pod, name).get("waiting")
        if waiting and not lines:
            raise ApiError(400, "BadRequest", f'container "{name}" is waiting to start: {waiting["reason"]}')
        stamped = query.get("timestamps", "").lower() == "true"
        start = max(0, len(lines) - int(query["tailLines"])) if "tailLines" in query else 0
        if query.get("follow", "").lower() != "true":
            return [b"".join(_line(entry, stamped) for entry in lines[start:])]
        return self._followed(key, name, start, stamped)

    def _followed(self, key: Key, name: str, at: int, stamped: bool) -> Iterator[bytes]:
        uid = self.objects.get(key)["metadata"]["uid"]
        while not self.closed:
            with self.objects.lock:
                lines = self.kubelet.logs.get((uid, name), [])
                found = self.objects.all.get(key)
                if at >= len(lines) and (not found or "terminated" in _state(found, name)):
                    return
                if at >= len(lines):
                    self.objects.lock.wait(0.2)
                fresh = lines[at:]
            at += len(fresh)
            yield from (_line(entry, stamped) for entry in fresh)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_of: Server

    def log_message(self, *args: Any) -> None:
        """Says nothing."""

    def _any(self) -> None:
        url = urlparse(self.path)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        fault = self.server_of.fault(f"{self.command} {url.path}")
        if fault and not fault.after:
            return self._fail(fault)
        try:
            code, said = self.server_of.answer(self.command, url.path.strip("/").split("/"), query, body)
        except ApiError as error:
            code, said = error.code, error.body
        return self._fail(fault) if fault else self._reply(code, said)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815  # the names that it looks for

    def _fail(self, fault: Fault) -> None:
        if fault.status:
            self._reply(fault.status, ApiError(fault.status, "Injected", "asked for by a test").body)
        else:
            self.close_connection = True
            self.connection.close()

    def _reply(self, code: int, said: Object | Chunks) -> None:
        try:
            self.send_response(code)
            if isinstance(said, dict):
                data = json.dumps(said).encode()
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)
            else:
                self._stream(said)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def _stream(self, chunks: Chunks) -> None:
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for chunk in chunks:
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
                self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _target(path: list[str]) -> tuple[Key, str]:
    """``/api/v1/namespaces/NS/pods/NAME/log`` -> its key and what is asked of it."""
    prefix = next((p for p in PREFIXES if path[: len(p)] == p), None)
    rest = path[len(prefix) :] if prefix else []
    namespace = ""
    if len(rest) > 2 and rest[0] == "namespaces":
        namespace, rest = rest[1], rest[2:]
    resource, name, sub = (*rest, "", "", "")[:3]
    if resource not in KINDS:
        raise ApiError(404, "NotFound", "the server could not find the requested resource")
    return Key(resource, namespace, name), sub


def _state(pod: Object, container: str) -> Object:
    statuses = pod.get("status", {}).get("containerStatuses") or ()
    return next((status["state"] for status in statuses if status["name"] == container), {})


def _line(entry: tuple[str, bytes], stamped: bool) -> bytes:
    return (entry[0].encode() + b" " if stamped else b"") + entry[1]


def _merged(into: Object, change: Object) -> Object:
    for name, value in change.items():
        if value is None:
            into.pop(name, None)
        elif isinstance(value, dict) and isinstance(into.get(name), dict):
            _merged(into[name], value)
        else:
            into[name] = value
    return into
