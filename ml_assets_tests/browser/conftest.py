"""One store that holds what Dagster made, shown by the real UI and the real artifact pages, in a real browser.

    site      their addresses and the store: three months of umbrellas, and a fourth whose five rows were refused
    page      a tab in which the UI is looked at
    visit     opens a tab on the artifact pages, which may complain of nothing: no script, no style, no picture refused

The browser lives as long as this folder's tests: Playwright holds the thread's event loop, which others need.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ml_assets.settings import Settings
from ml_assets.store import Store
from ml_assets_tests.conftest import MONTHS, PROBLEMS
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.dagster_dev import TINY
from ml_assets_tests.doubles.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Request

REFUSED_MONTH = "2024-04"
PATIENCE_MS = 60_000  # a browser and two servers share two cores with the other tests


@dataclass
class Site:
    pages: str
    store: Store
    start_ui: Callable[[], str]

    @cached_property
    def ui(self) -> str:
        """Started for who looks at it."""
        return self.start_ui()


@pytest.fixture(scope="package")
def chromium() -> str:
    from ml_assets_tests.browser.chromium import NAMES, executable

    found = executable()
    if found is None:
        missing = pytest.fail if os.environ.get("CI") == "true" else pytest.skip
        missing(f"Chromium is not installed: none of {', '.join(NAMES)}. See ml_assets_tests/browser/chromium.py.")
    return found


@pytest.fixture(scope="package")
def site(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    from ml_assets_tests.browser.servers import artifact_pages, dagster_ui

    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    store = fill(folder, f"http://127.0.0.1:{port}")
    environment = {"ML_ASSETS_STORE": str(folder / "store"), "ML_ASSETS_LANDING": str(folder / "landing")}
    with (
        artifact_pages(folder, port, environment, "-m", "ml_assets_tests.cli.view_tiny_problems") as pages,
        ExitStack() as started,
    ):
        yield Site(pages, store, lambda: started.enter_context(dagster_ui(folder, TINY, environment)))


def fill(folder: Path, pages: str) -> Store:
    """Make in this process what the servers are to show."""
    import dagster as dg

    from ml_assets.orchestration import build_definitions
    from ml_assets_tests.browser.servers import QUIET_INSTANCE
    from ml_assets_tests.doubles.world import build

    (folder / "dagster.yaml").write_text(QUIET_INSTANCE)
    empty = build(folder)
    empty.instance.dispose()
    definitions = build_definitions(PROBLEMS, empty.store, empty.landing, settings=Settings(pages=pages))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        world = replace(empty, instance=instance, definitions=definitions)
        for month in MONTHS:
            world.must_run(umbrellas.PROBLEM, month)
        world.landing.write(f"umbrellas/visits/{REFUSED_MONTH}.parquet", umbrellas.visits(REFUSED_MONTH, rows=5))
        assert not world.run(umbrellas.PROBLEM, REFUSED_MONTH).success
    return world.store


@pytest.fixture(scope="package")
def browser(chromium: str, site: Site) -> Iterator[Browser]:
    from ml_assets_tests.browser.chromium import launched

    with launched(chromium) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    context.set_default_timeout(PATIENCE_MS)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[Callable[..., Page]]:
    """Opens a tab at an address of the pages; options are those of a browser context."""
    contexts, complaints = [], []

    def visit(address: str, **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        page = contexts[-1].new_page()
        listen_to(page, complaints)
        page.goto(f"{site.pages}{address}")
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def listen_to(page: Page, complaints: list[str]) -> None:
    """Collect what the browser has to complain of."""
    page.on("console", lambda said: complaints.append(f"{page.url}: {said.text}"))
    page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
    page.on("requestfailed", lambda request: complaints.extend(failures_of(request)))


def failures_of(request: Request) -> list[str]:
    """None for what was still on its way when the page was left."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"{request.url}: {request.failure}"]
