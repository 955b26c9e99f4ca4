"""`ml-assets compare`: a problem's models side by side."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

import ml_assets
from ml_assets import problems
from ml_assets.cli.partitions import add_partitions, bounds
from ml_assets.cli.saved import save
from ml_assets.cli.show import command, cut, number, progress, say, say_json, short, table
from ml_assets.errors import UnknownVersion, UsageError
from ml_assets.lineage.compare import PARTITION, Comparison, Row
from ml_assets.lineage.compare import compare as compare_models
from ml_assets.problem import Dynamic, Partitions
from ml_assets.settings import Settings
from ml_assets.store import Store

EXAMPLES = """  ml-assets compare flight_delays                            every judged model, newest partition first
  ml-assets compare flight_delays --by auroc                 the best first
  ml-assets compare flight_delays --partitions 2013-04..2013-06 --html models.html
"""


def add_to(verbs: Any) -> None:
    """Add `compare`."""
    parser = command(
        verbs, "compare", "models side by side: parameters, metrics, role, code, seconds", compare, EXAMPLES
    )
    parser.add_argument("problem")
    parser.add_argument(
        "--by",
        default=PARTITION,
        metavar="METRIC",
        help="sort by a metric, best first; of different test rows by the gain over the baseline",
    )
    parser.add_argument("--html", metavar="FILE", help="write a report that opens in a browser and needs no network")
    add_partitions(parser, required=False)


def compare(options: argparse.Namespace, settings: Settings) -> int:
    """A table, JSON, or a file of HTML."""
    store = ml_assets.open_store(settings)
    compared = _compared(store, options).ordered(options.by)
    told = progress if options.json else say
    if options.html:
        told(save(options.html, _report(store, compared, options.by)))
    if options.json:
        say_json(compared.to_json())
    elif not options.html:
        _say(compared)
    return 0


def _compared(store: Store, options: argparse.Namespace) -> Comparison:
    first, last = bounds(options)
    known = next((problem for problem in problems.PROBLEMS if problem.name == options.problem), None)
    partitions: Partitions = (
        known.partitions if known else Dynamic()
    )  # of a broken problem: in the order of their names
    metrics = known.metrics if known else ()
    among = partial(partitions.between, first=first, last=last) if first or last else None
    compared = compare_models(store, options.problem, metrics, among=among)
    if not compared.rows:
        name = problems.problem_named(options.problem).name
        raise UnknownVersion(f"No model of {name} was judged yet. Make one: ml-assets run {name} --partition P")
    return compared


def _report(store: Store, compared: Comparison, by: str) -> str:
    try:
        from ml_assets.pages.models_page import report
    except ModuleNotFoundError as error:
        raise UsageError(f"The report needs {error.name}. Install it: pip install 'ml_assets[ui]'") from None
    return report(store, compared, by)


def _say(compared: Comparison) -> None:
    metrics = [title for name in compared.metrics for title in (name, "baseline")]
    header = [PARTITION, "model", "role", *metrics, *compared.params, "test rows", "code", "seconds"]
    for line in table([_cells(row, compared) for row in compared.rows], header).splitlines():
        say(cut(line))
    say()
    say(
        "Models with the same test rows can be compared; of others, compare how far each is from its baseline: "
        "by that they are sorted."
    )
    say(f"next: ml-assets show {short(compared.rows[0].model.version)}")


def _cells(row: Row, compared: Comparison) -> list[str]:
    return [
        row.model.partition or "–",
        short(row.model.version),
        row.role,
        *(cell for name in compared.metrics for cell in (_estimate(row, name), number(row.part(name, "baseline")))),
        *(str(row.params.get(name, "–")) for name in compared.params),
        row.judged_on[:6] or "–",
        short(row.code) or "–",
        "–" if row.seconds is None else f"{row.seconds:,.2f}",
    ]


def _estimate(row: Row, metric: str) -> str:
    low, high = row.part(metric, "low"), row.part(metric, "high")
    interval = "" if low is None and high is None else f" [{number(low)}, {number(high)}]"
    return f"{number(row.value(metric))}{interval}"
