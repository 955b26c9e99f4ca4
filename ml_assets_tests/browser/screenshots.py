"""Takes the README's screenshots again, of the demo's problem and months: python -m ml_assets_tests.browser.screenshots

Makes everything anew in a temporary folder, so that it needs nothing prepared and changes nothing but docs/images/.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect

from ml_assets_tests.browser.chromium import executable, launched
from ml_assets_tests.browser.servers import QUIET_INSTANCE, artifact_pages, dagster_ui, surroundings
from ml_assets_tests.doubles.dagster_dev import ROOT
from ml_assets_tests.doubles.ports import free_port

ML_ASSETS = str(Path(sys.executable).parent / "ml-assets")
MONTHS = "2013-01..2013-06"
IMAGES = ROOT / "docs" / "images"
WINDOW = {"width": 1400, "height": 1000}  # the dialog of the figures fits; more pixels are over 200 KB soon


def main() -> None:
    chromium = executable() or sys.exit("Chromium is not installed: see ml_assets_tests/browser/chromium.py.")
    with tempfile.TemporaryDirectory(prefix="ml_assets-") as temporary:
        folder, port = Path(temporary), free_port()
        (folder / "dagster.yaml").write_text(QUIET_INSTANCE)
        environment = {"ML_ASSETS_PAGES": f"http://127.0.0.1:{port}", "ML_ASSETS_USER": "ada"}
        for verb in ("land", "run"):
            command = [ML_ASSETS, verb, "flight_delays", "--partitions", MONTHS]
            subprocess.run(command, cwd=folder, env=surroundings(folder, environment), check=True)
        with (
            artifact_pages(folder, port, environment, ML_ASSETS, "view") as pages,
            dagster_ui(folder, "ml_assets.definitions", environment) as ui,
            launched(chromium) as browser,
        ):
            page = browser.new_page(viewport=WINDOW)
            figures_in_dagster(page, ui)
            keep(page, "dagster-report.png")
            problem_page(page, pages)
            keep(page, "artifact-page.png", below=56)  # the header, which says in which temporary folder this is


def figures_in_dagster(page: Page, ui: str) -> None:
    """The report of the newest month in Dagster's UI, its figures opened."""
    page.goto(f"{ui}/assets/flight_delays/report?view=overview")
    row = page.get_by_role("row").filter(has=page.get_by_text("figures", exact=True))
    row.get_by_text("[Show Markdown]").click()
    picture = page.get_by_role("dialog").get_by_role("img", name="How the model is judged")
    expect(picture).to_be_visible()
    picture.evaluate("image => image.decode()")


def problem_page(page: Page, pages: str) -> None:
    """The artifact page of the problem: its champion, why, and metrics over months."""
    page.set_viewport_size({"width": 1280, "height": 950})  # down to the first row of charts
    page.goto(f"{pages}/problem/flight_delays")
    expect(page.get_by_role("heading", name="Champion")).to_be_visible()


def keep(page: Page, name: str, below: int = 0) -> None:
    """Write what is to be seen now, from so many pixels downwards."""
    size = page.viewport_size or WINDOW
    seen = {"x": 0, "y": below, "width": size["width"], "height": size["height"] - below}
    page.screenshot(path=IMAGES / name, animations="disabled", clip=seen)
    print(f"{IMAGES.relative_to(ROOT) / name}: {(IMAGES / name).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
