"""Values to HTML. Jinja escapes every text; links are made here, so that no name can end an address or begin another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from ml_assets.lineage.drawing import svg
from ml_assets.lineage.picture import Picture
from ml_assets.promotion.ledger import how_to_approve
from ml_assets.store import VersionKey

NOTHING = "–"


def page(template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:
    """A page of HTML."""
    return HTMLResponse(html(template, **values), status_code=status, headers=dict(headers or {}))


def html(template: str, **values: Any) -> str:
    """The text of a page."""
    return _templates().get_template(template).render(values)


def error_page(status: int, title: str, message: str, *, headers: Mapping[str, str] | None = None) -> Response:
    """A page that says what cannot be shown, and what to do."""
    phrase = HTTPStatus(status).phrase
    return page("error.html", status=status, headers=headers, title=title, message=message, code=f"{status} {phrase}")


def stylesheet() -> Response:
    """The one style sheet."""
    return Response(template("style.css"), media_type="text/css", headers={"Cache-Control": "private, max-age=600"})


def template(name: str) -> str:
    """The text of a file beside the templates, as it is."""
    return (files("ml_assets.pages") / "templates" / name).read_text(encoding="utf-8")


# ---------------------------------------------------------------- addresses


def problem_url(name: str) -> str:
    """The page of a problem."""
    return f"/problem/{quote(name, safe='')}"


def models_url(name: str, by: str, order: str) -> str:
    """The comparison of a problem's models in an order."""
    return f"{problem_url(name)}/models?{urlencode({'by': by, 'order': order})}"


def diff_url(name: str) -> str:
    """The difference of two of a problem's versions, which ``old`` and ``new`` name."""
    return f"{problem_url(name)}/diff"


def asset_url(asset: str) -> str:
    """The versions of an asset."""
    return f"/asset/{quote(asset)}"


def version_url(key: VersionKey) -> str:
    """The page of a version."""
    return f"/version/{key.version}"


def file_url(key: VersionKey, path: str) -> str:
    """One file of a version's content."""
    return f"{version_url(key)}/file/{quote(path)}"


# ---------------------------------------------------------------- values


def number(value: Any) -> str:
    """A number as people read it; a dash where there is none, and what is no number as it is."""
    if value is None:
        return NOTHING
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return str(value)
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}" if abs(value) < 1_000 else f"{value:,.1f}"


def moment(text: str) -> str:
    """``2026-11-21 03:00 UTC``; what is no time as it is."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        return text or NOTHING
    return read.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def size(count: int) -> str:
    """Bytes in the largest unit that leaves at least one."""
    amount, units = float(count), ["B", "KiB", "MiB", "GiB", "TiB"]
    while amount >= 1_024 and len(units) > 1:
        amount, units = amount / 1_024, units[1:]
    return f"{count} B" if units[0] == "B" else f"{amount:,.1f} {units[0]}"


def pretty(value: Any) -> str:
    """Text as it is, everything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str)


def lineage_svg(picture: Picture, name: object) -> Markup:
    """A lineage picture whose boxes lead to their versions; all text in it is escaped."""
    return Markup(svg(picture, f"Lineage of {name}, listed in words below", link=version_url))  # noqa: S704


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("ml_assets.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"number": number, "moment": moment, "size": size, "pretty": pretty}
    makers = (problem_url, models_url, diff_url, asset_url, version_url, file_url, lineage_svg, how_to_approve)
    templates.globals |= {maker.__name__: maker for maker in makers}
    return templates
