"""Which address shows what.

/                                    the problems
/problem/{name}                      one of them: champion, metrics over partitions, every move
/problem/{name}/models?by=&order=    its models side by side
/problem/{name}/diff?old=&new=       what differs between two versions of it
/asset/{asset}                       versions of an asset, newest first
/version/{version}                   everything about a version (its first digits will do)
/version/{version}/lineage           only the picture
/version/{version}/manifest.json     the manifest as it is stored
/version/{version}/file/{path}       one file of its content
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from ml_assets.errors import (
    AmbiguousVersion,
    InvalidKey,
    MlAssetsError,
    ProblemError,
    StoreUnreachable,
    UnknownVersion,
    UsageError,
)
from ml_assets.lineage.compare import PARTITION
from ml_assets.lineage.history import history
from ml_assets.lineage.picture import picture
from ml_assets.pages.archive import Archive
from ml_assets.pages.content import figure_response, file_response
from ml_assets.pages.diff_page import diff_page
from ml_assets.pages.guard import Guard
from ml_assets.pages.models_page import models_page
from ml_assets.pages.monitoring_page import monitoring_page
from ml_assets.pages.problem_page import overview, problem_page
from ml_assets.pages.render import error_page, page, stylesheet
from ml_assets.pages.version_page import version_page
from ml_assets.problem import Problem
from ml_assets.problems import BrokenProblem
from ml_assets.store import Store, VersionKey

logger = logging.getLogger(__name__)

STATUS: Mapping[type[MlAssetsError], int] = {
    UnknownVersion: 404,
    AmbiguousVersion: 400,
    InvalidKey: 400,
    UsageError: 400,
    ProblemError: 400,
    StoreUnreachable: 503,
    MlAssetsError: 500,
}


def pages(
    store: Store,
    problems: Sequence[Problem],
    *,
    broken: Sequence[BrokenProblem] = (),
    hosts: frozenset[str] = frozenset(),
    token: str = "",
) -> ASGIApp:
    """The pages of a store as an ASGI application. Nothing is read before the first request, and nothing is ever written.

    Args:
        problems: those that the code knows; what else the store holds is shown too.
        broken: those that the code cannot use, shown with why.
        hosts: names under which it answers; empty: any.
        token: what a request must show; empty: nothing.
    """
    show = _Pages(Archive(store), problems, broken)
    routes = [
        Route("/", show.problems),
        Route("/style.css", lambda _: stylesheet()),
        Route("/favicon.ico", lambda _: Response(status_code=204)),  # browsers ask unbidden
        Route("/problem/{name}", show.problem),
        Route("/problem/{name}/models", show.models),
        Route("/problem/{name}/monitoring", show.monitoring),
        Route("/problem/{name}/diff", show.diff),
        Route("/asset/{asset:path}", show.asset),
        Route("/version/{version}", show.version),
        Route("/version/{version}/lineage", show.lineage),
        Route("/version/{version}/figure.svg", show.figure),
        Route("/version/{version}/manifest.json", show.manifest),
        Route("/version/{version}/file/{path:path}", show.file),
    ]
    handlers: dict[Any, Callable[[Request, Any], Response]] = {
        MlAssetsError: _told,
        HTTPException: _not_found,
        Exception: _broken,
    }
    app = Starlette(routes=routes, exception_handlers=handlers)
    app.router.redirect_slashes = False
    return Guard(app, hosts, token)


@dataclass(frozen=True)
class _Pages:
    """One method per address. They read the store, so they run in threads, not in the event loop."""

    archive: Archive
    known: Sequence[Problem]
    broken: Sequence[BrokenProblem]

    @property
    def store(self) -> Store:
        return self.archive.now()

    def problems(self, request: Request) -> Response:
        return self._page("problems.html", summaries=overview(self.store, self.known, self.broken))

    def problem(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._page("problem.html", of=problem_page(self.store, self.known, name, self.broken))

    def models(self, request: Request) -> Response:
        by, order = (
            request.query_params.get(name, default) for name, default in (("by", PARTITION), ("order", "desc"))
        )
        return self._page("models.html", of=models_page(self.store, self.known, request.path_params["name"], by, order))

    def monitoring(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._page("monitoring.html", of=monitoring_page(self.store, self.known, name, self.broken))

    def diff(self, request: Request) -> Response:
        old, new = (request.query_params.get(name, "") for name in ("old", "new"))
        return self._page("diff.html", of=diff_page(self.store, self.known, request.path_params["name"], old, new))

    def asset(self, request: Request) -> Response:
        asset = request.path_params["asset"]
        return self._page("asset.html", asset=asset, rows=history(self.store, asset))

    def version(self, request: Request) -> Response:
        return self._page("version.html", of=version_page(self.store, self.known, self._key(request)))

    def lineage(self, request: Request) -> Response:
        key = self._key(request)
        return self._page("lineage.html", key=key, lineage=picture(self.store, key))

    def figure(self, request: Request) -> Response:
        return figure_response(self.store, self._key(request))

    def manifest(self, request: Request) -> Response:
        return Response(self.store.manifest(self._key(request)).to_bytes(), media_type="application/json")

    def file(self, request: Request) -> Response:
        return file_response(self.store, self._key(request), request.path_params["path"])

    def _key(self, request: Request) -> VersionKey:
        return self.store.find(request.path_params["version"])

    def _page(self, template: str, **values: Any) -> Response:
        return page(template, where=self.store.url, branch=self.store.branch, **values)


def _told(request: Request, error: MlAssetsError) -> Response:
    """What went wrong, in the error's own words: they are written for people and hold no secret."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    if status >= 500:
        logger.error("%s: %s: %s", request.url.path, type(error).__name__, error)
    return error_page(status, type(error).__name__, str(error))


def _not_found(request: Request, error: HTTPException) -> Response:
    return error_page(
        error.status_code, "No such page", f"There is no page {request.url.path!r}. Begin at the problems."
    )


def _broken(request: Request, error: Exception) -> Response:
    """A fault of ours: the server logs where, the browser is not told."""
    return error_page(500, "Something went wrong", "The page could not be made. The log of `ml-assets view` says why.")
