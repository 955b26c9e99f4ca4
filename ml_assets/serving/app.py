"""Which address answers what.

POST /problems/{name}/predict                 rows as JSON or Arrow; ?rows=raw, ?partition=, ?unknown_categories=missing
GET  /v2                                      the Open Inference Protocol: what this server is
GET  /v2/health/live · /v2/health/ready       whether the process answers · whether every champion is served
GET  /v2/models/{name}[/versions/{v}]         columns, types, categories, outputs
GET  /v2/models/{name}[/versions/{v}]/ready   whether it answers
POST /v2/models/{name}[/versions/{v}]/infer   an inference
GET  /ready                                   who serves, since which trial, and what is wrong, in words
GET  /metrics                                 for Prometheus

A name is that of a problem; where each line of its partitions has a champion of its own, ``problem@line``.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ml_assets import __version__
from ml_assets.errors import FeatureMismatch, MlAssetsError, NotAnswered, StoreUnreachable
from ml_assets.serving import open_inference
from ml_assets.serving.answered import Answered
from ml_assets.serving.bodies import ARROW, Asked, asked
from ml_assets.serving.guard import AS, ID, Guard, as_json, body_of, told
from ml_assets.serving.lane import Lane
from ml_assets.serving.limits import Limits
from ml_assets.serving.line import Line
from ml_assets.serving.loaded import Answer, Loaded, named_columns
from ml_assets.serving.metrics import Shared
from ml_assets.serving.raw import Raw
from ml_assets.serving.recording.recorder import Recorder
from ml_assets.serving.shadow import Shadow
from ml_assets.serving.tensors import HEADER
from ml_assets.serving.watch import Watch

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = logging.getLogger(__name__)
PROMETHEUS = "text/plain; version=0.0.4; charset=utf-8"
STATUS: Mapping[type[MlAssetsError], int] = {FeatureMismatch: 422, StoreUnreachable: 503}
RECORDED = "X-Recorded"
FEWEST_DIGITS = 4  # of a version that an address names


@dataclass(frozen=True)
class Model:
    """What is served under one name."""

    line: Line
    raw: Raw
    shadow: Shadow | None = None


@dataclass(frozen=True)
class Serving:
    """One method per address. What computes runs in the lane, not in the event loop.

    Attributes:
        models: by the name under which they are asked.
        recorder: told of each answer, in the thread that gave it; what it does delays the next one.
    """

    models: Mapping[str, Model]
    lane: Lane
    shared: Shared
    limits: Limits
    recorder: Recorder | None = None

    # ------------------------------------------------------------ answers

    async def predict(self, request: Request) -> Response:
        """Rows as JSON or Arrow, answered likewise."""
        model = self._model(request, "predict")
        body, kind = await body_of(request, self.limits), request.headers.get("content-type", "")
        as_arrow = ARROW in request.headers.get("accept", "")
        options, request_id = dict(request.query_params), request.scope[ID]

        def work() -> Response:
            answered = self._answer(model, asked(body, kind, options, self.limits.rows), request_id)
            if as_arrow:
                return self._kept(answered, Response(_as_arrow(answered.answer), media_type=ARROW))
            return self._kept(answered, as_json(answered.answer.to_json() | {"request_id": request_id}))

        return await self.lane.run(work)

    async def infer(self, request: Request) -> Response:
        """An inference of the protocol."""
        model, version = self._model(request, "infer"), request.path_params.get("version")
        body, length = await body_of(request, self.limits), request.headers.get(HEADER)

        def work() -> Response:
            found = open_inference.inference(body, length, self.limits.rows)
            answered = self._answer(model, found.asked, request.scope[ID], version)
            data, headers = open_inference.response(model.line.name, answered.answer, found)
            return self._kept(answered, Response(data, headers=headers))

        return await self.lane.run(work)

    def _answer(self, model: Model, wanted: Asked, request_id: str, version: str | None = None) -> Answered:
        """What the champion of this moment says; whatever moves meanwhile, it is that one to the end."""
        loaded, metrics, name = _loaded(model.line, version), self.shared.metrics, model.line.name
        keys, features = _rows(model, loaded, wanted)
        answer = loaded.answer(features, all_known=not wanted.raw and wanted.unknown == "refuse")
        metrics.add("rows", len(answer.values), model=name, version=loaded.key.version)
        for feature, rows in answer.unseen.items():
            metrics.add("unseen_categories", rows, model=name, feature=feature)
        if model.shadow is not None:
            model.shadow.ask(features if wanted.raw else wanted.columns, answer)
        return Answered(name, request_id, loaded, answer, keys, features, wanted.raw)

    def _kept(self, answered: Answered, response: Response) -> Response:
        """The response, which says so if the answer is recorded."""
        if self.recorder is not None and self.recorder.keep(answered):
            response.headers[RECORDED] = "true"
        return response

    # ------------------------------------------------------------ what there is

    async def server(self, request: Request) -> Response:
        """What this server is."""
        return as_json({"name": "ml_assets", "version": __version__, "extensions": [*open_inference.EXTENSIONS]})

    async def live(self, request: Request) -> Response:
        """That the process answers."""
        return as_json({"live": True})

    async def ready(self, request: Request) -> Response:
        """Whether every champion is served."""
        is_ready = self.is_ready
        return as_json({"ready": is_ready}, 200 if is_ready else 503)

    async def who_serves(self, request: Request) -> Response:
        """The same in words, for people."""
        is_ready = self.is_ready
        said = {"ready": is_ready, "models": {name: _told_of(model) for name, model in self.models.items()}}
        return as_json(said, 200 if is_ready else 503)

    async def model(self, request: Request) -> Response:
        """What a model takes and answers."""
        loaded = _loaded((model := self._model(request, "model")).line, request.path_params.get("version"))
        return as_json(await self.lane.run(lambda: open_inference.model_metadata(model.line.name, loaded)))

    async def model_ready(self, request: Request) -> Response:
        """Whether one model answers."""
        line = self._model(request, "model_ready").line
        is_ready = line.loaded is not None and _is_version(line.loaded, request.path_params.get("version"))
        return as_json({"name": line.name, "ready": is_ready}, 200 if is_ready else 503)

    async def metrics(self, request: Request) -> Response:
        """Numbers for Prometheus."""
        return Response(self.shared.text(), media_type=PROMETHEUS)

    @property
    def is_ready(self) -> bool:
        """Whether every line that has a champion answers, and there is one that does."""
        lines = [model.line for model in self.models.values()]
        return all(line.is_ready for line in lines) and any(line.loaded for line in lines)

    def _model(self, request: Request, route: str) -> Model:
        name = request.path_params["name"]
        model = self.models.get(name)
        request.scope[AS] = (route, name if model else "")
        if model is None:
            raise NotAnswered(404, f"No model is called {name[:100]!r} here. There are {', '.join(self.models)}.")
        return model


def application(
    serving: Serving, watch: Watch | None = None, *, hosts: frozenset[str] = frozenset(), token: str = ""
) -> ASGIApp:
    """What answers, as an ASGI application.

    Args:
        watch: follows the champions from its start to its end; None: somebody else does.
        hosts: names under which it answers; empty: any.
        token: what a request must show; empty: nothing.
    """

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        if watch is not None:
            watch.start()
        if serving.recorder is not None:
            serving.recorder.start()
        yield
        if watch is not None:
            watch.stop()
        serving.lane.close()
        if serving.recorder is not None:
            serving.recorder.stop()

    def route(path: str, endpoint: Any, method: str = "GET") -> Route:
        return Route(path, endpoint, methods=[method])

    models = [
        route(f"/v2/models/{{name:path}}{version}{path}", endpoint, method)
        for path, endpoint, method in (
            ("/infer", serving.infer, "POST"),
            ("/ready", serving.model_ready, "GET"),
            ("", serving.model, "GET"),
        )
        for version in ("/versions/{version}", "")
    ]
    routes = [
        route("/problems/{name:path}/predict", serving.predict, "POST"),
        route("/v2", serving.server),
        route("/v2/health/live", serving.live),
        route("/v2/health/ready", serving.ready),
        *models,
        route("/ready", serving.who_serves),
        route("/metrics", serving.metrics),
    ]
    handlers: dict[Any, Any] = {MlAssetsError: _refused, HTTPException: _no_route, Exception: _broken}
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    app.router.redirect_slashes = False
    return Guard(app, serving.shared.metrics, hosts, token)


def _rows(model: Model, loaded: Loaded, wanted: Asked) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Of whom and of when the rows are, as far as they say, and their features."""
    if not wanted.raw:
        return loaded.keys_of(wanted.columns), loaded.features_of(wanted.columns, wanted.unknown)
    table = model.raw.features(wanted)
    return table.keys[[column.name for column in loaded.keys]], table.features


def _loaded(line: Line, version: str | None = None) -> Loaded:
    loaded = line.loaded
    if loaded is None:
        why = line.trouble or "no model has become champion, or it is being loaded"
        raise NotAnswered(503, f"{line.name} does not answer yet: {why}.", retry_after=5)
    if not _is_version(loaded, version):
        raise NotAnswered(
            404, f"{line.name} is answered by version {loaded.key.version} now, not by {str(version)[:64]!r}."
        )
    return loaded


def _is_version(loaded: Loaded, version: str | None) -> bool:
    return version is None or (len(version) >= FEWEST_DIGITS and loaded.key.version.startswith(version))


def _told_of(model: Model) -> dict[str, Any]:
    line = model.line
    return {
        "ready": line.loaded is not None,
        "version": line.loaded.key.version if line.loaded else None,
        "model": str(line.loaded.key) if line.loaded else None,
        "proof": line.loaded.proof if line.loaded else None,
        "champion": line.champion.version if line.champion else None,
        **({"trouble": line.trouble} if line.trouble else {}),
        **({"shadow": str(model.shadow.loaded.key)} if model.shadow else {}),
    }


def _as_arrow(answer: Answer) -> bytes:
    """The columns of a batch prediction: ``prediction``, or one of each class, the bounds, and the version."""
    import pyarrow as pa

    columns = named_columns(answer.values, answer.classes)
    version = pa.array([answer.key.version] * len(columns))
    table: pa.Table = pa.table(
        {**{str(n): values.to_numpy() for n, values in columns.items()}, "model_version": version}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    return bytes(sink.getvalue())


# ---------------------------------------------------------------- what goes wrong


async def _refused(request: Request, error: MlAssetsError) -> Response:
    """In the error's own words. What is no refusal of ours is logged, and told where the request is at fault."""
    refusal = error if isinstance(error, NotAnswered) else _as_refusal(request, error)
    return told(refusal, request.scope[ID])


def _as_refusal(request: Request, error: MlAssetsError) -> NotAnswered:
    status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)
    if status == 500:
        logger.error("%s: %s: %s", request.scope[ID], type(error).__name__, error)
        return NotAnswered(
            500, "The model could not answer. The log of `ml-assets serve` says why, under this request's id."
        )
    return NotAnswered(status, str(error), retry_after=5 if status == 503 else None)


async def _no_route(request: Request, error: HTTPException) -> Response:
    method = {405: f"{request.method} is not answered here."}.get(error.status_code, "There is nothing here.")
    said = f"{method} Ask POST /problems/{{name}}/predict, or the Open Inference Protocol below /v2."
    return told(NotAnswered(error.status_code, said), request.scope[ID])


async def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours: the log says where, who asks is not told."""
    logger.error("%s: %s", request.scope[ID], request.url.path, exc_info=error)
    return told(
        NotAnswered(500, "Something went wrong. The log of `ml-assets serve` says what, under this request's id."),
        request.scope[ID],
    )
