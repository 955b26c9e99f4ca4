"""`ml-assets history`, `show`, `lineage`: what there is, what it is, and where it came from."""

from __future__ import annotations

import argparse
import shlex
from typing import Any

import ml_assets
from ml_assets.assets import noun_that
from ml_assets.cli.saved import save
from ml_assets.cli.show import command, cut, number, progress, say, say_json, short, table
from ml_assets.errors import UsageError
from ml_assets.lineage import history as versions_of
from ml_assets.lineage.history import Made, state
from ml_assets.lineage.lineage import lineage as lineage_of
from ml_assets.lineage.reference import parse, resolve
from ml_assets.lineage.report import PartitionReport, report
from ml_assets.problems import PROBLEMS, problem_named
from ml_assets.promotion.ledger import Ledger
from ml_assets.settings import Settings
from ml_assets.store import Check, Manifest, Store

HISTORY = """  ml-assets history flight_delays                 one row per partition: model, metrics, champion
  ml-assets history flight_delays/model           every version of an asset
  ml-assets history flight_delays/model@2013-06   of one partition
"""
SHOW = """  ml-assets show flight_delays/model@2013-06
  ml-assets show flight_delays/champion
  ml-assets show 9c22ab --json
"""
LINEAGE = """  ml-assets lineage flight_delays/champion               what it was made from
  ml-assets lineage flight_delays/dataset@2013-04 --down   what was made from it
  ml-assets lineage flight_delays/model@2013-04 --svg model.svg   a picture
"""
METRICS_SHOWN = 2  # the most important ones; `--json` has all
LONGEST_VALUE = 200  # characters of one that has parts


def add_to(verbs: Any) -> None:
    """Add `history`, `show` and `lineage`."""
    history_ = command(verbs, "history", "what was made: of a problem, an asset or a partition", history, HISTORY)
    history_.add_argument("of", help="problem, problem/asset or problem/asset@partition")
    show_ = command(verbs, "show", "everything recorded about a version", show, SHOW)
    show_.add_argument("reference")
    lineage_ = command(verbs, "lineage", "the exact versions that a version was made from", lineage, LINEAGE)
    lineage_.add_argument("reference")
    lineage_.add_argument("--down", action="store_true", help="what was made from it instead")
    lineage_.add_argument("--mermaid", action="store_true", help="print a flowchart to paste into Markdown")
    lineage_.add_argument("--svg", metavar="FILE", help="write a picture")


def history(options: argparse.Namespace, settings: Settings) -> int:
    """One row per partition of a problem, or per version of an asset; a feature group has one."""
    store = ml_assets.open_store(settings).at_a_glance()
    known = None if "/" in options.of else problem_named(options.of)
    if known is not None and not known.is_group:
        return _history_of_problem(options, store, known.name)
    reference = parse(f"{options.of}/{noun_that('lands')}" if known else options.of)
    made = versions_of.history(store, str(reference.asset), ... if reference.partition is None else reference.partition)
    made.reverse()  # the newest is nearest to where people type
    if options.json:
        say_json([{"version": of.key.version, "state": of.state, **of.manifest.to_json()} for of in made])
        return 0
    header = ("partition", "version", "made", "by run", "content", "state", "why")
    say(table([_version_row(of) for of in made], header))
    say(f"next: ml-assets show {made[-1].key.short}")
    return 0


def _history_of_problem(options: argparse.Namespace, store: Store, name: str) -> int:
    rows = report(store, name)
    if options.json:
        say_json([row.to_json() for row in rows])
        return 0
    names = list(dict.fromkeys(name for row in rows for name in row.metrics))[:METRICS_SHOWN]
    header = ["partition", "model", "champion", *(title for name in names for title in (name, "baseline")), "why"]
    say(table([_partition_row(row, names) for row in rows], header))
    last, whose = rows[-1], _whose(name, store, rows[-1].partition)
    say()
    say(f"look at it   make dev, then http://127.0.0.1:3000/assets/{options.of}/model")
    say(f"who serves   ml-assets champion {options.of}{whose} --log")
    say(f"from what    ml-assets lineage {options.of}/predictions@{last.partition}")
    say(f"put it back  ml-assets rollback {options.of}{whose} --why '…'")
    return 0


def _whose(name: str, store: Store, partition: str) -> str:
    """Which champion of several the commands are about, as their option; nothing where a problem has one, or is broken."""
    problem = next((one for one in PROBLEMS if one.name == name), None)
    line = Ledger.of(store, problem, partition).line if problem else None
    return f" --partition {shlex.quote(line)}" if line else ""


def show(options: argparse.Namespace, settings: Settings) -> int:
    """Everything recorded about a version."""
    store = ml_assets.open_store(settings)
    key = resolve(store, options.reference)
    manifest = store.manifest(key)
    if options.json:
        packages = store.environment(manifest.environment) if manifest.environment else None
        say_json({"version": key.version, **manifest.to_json(), "installed": packages})
        return 0
    say(f"{key.asset}@{key.partition}:{key.version}")
    say(f"  made      {manifest.created_at} by {manifest.by}, run {manifest.run}, branch {manifest.branch}")
    became = state(key, manifest, store.log(key.asset, key.partition))
    say(f"  state     {'refused by a blocking check; no ref names it' if manifest.rejected else became}")
    say(
        f"  content   {manifest.content.codec}, {manifest.content.size:,} bytes, digest {short(manifest.content.digest)}"
    )
    if manifest.seed is not None:
        say(f"  seed      {manifest.seed}")
    for title, values in (("params", manifest.params), ("code", manifest.code), ("notes", manifest.notes)):
        for name, value in values.items():
            say(cut(f"  {title:9} {name}: {_in_a_line(value)}"))
    _show_details(manifest)
    if manifest.environment is not None:
        about = store.environment(manifest.environment)
        say(f"  made with Python {about['python']} and {len(about['packages'])} packages, all in --json")
    say(f"next: ml-assets lineage {short(key.version)}")
    return 0


def _show_details(manifest: Manifest) -> None:
    for name, value in manifest.metrics.items():
        say(f"  metric    {name}: {_metric(value)}")
    for check in manifest.checks:
        say(f"  check     {_verdict(check)} {check.name}: {check.description}")
    for read in manifest.inputs:
        say(f"  input     {read.name}: {read.key}")
    for file in manifest.landed:
        say(f"  landed    {file.name}, {file.size:,} bytes, digest {short(file.digest)}")


def lineage(options: argparse.Namespace, settings: Settings) -> int:
    """A tree of exact versions, or a picture of them."""
    if options.mermaid and options.json:
        raise UsageError("--mermaid and --json are two forms of one answer. Choose one.")
    store = ml_assets.open_store(settings)
    found = lineage_of(store, resolve(store, options.reference), down=options.down)
    told = progress if options.json or options.mermaid else say
    if options.svg:
        told(save(options.svg, found.svg()))
    if options.json:
        say_json(found.to_json())
    elif options.mermaid:
        say(found.mermaid().rstrip())
    elif not options.svg:
        say(str(found))
    return 0


def _version_row(made: Made) -> tuple[str, ...]:
    key, manifest = made.key, made.manifest
    when, run, content = manifest.created_at[:19], (manifest.run or "")[:8], short(manifest.content.digest)
    return (key.partition or "", key.short, when, run, content, made.state, versions_of.why(manifest))


def _partition_row(row: PartitionReport, names: list[str]) -> list[str]:
    metrics = [number((row.metrics.get(name) or {}).get(part)) for name in names for part in ("value", "baseline")]
    return [row.partition, short(row.model.version) if row.model else "–", row.champion, *metrics, row.why]


def _in_a_line(value: Any) -> str:
    """A value; of one that has many parts, such as a curve, their names."""
    text = str(value)
    if len(text) <= LONGEST_VALUE or not isinstance(value, dict | list):
        return text
    return f"{', '.join(value)}: in --json" if isinstance(value, dict) else f"{len(value)} values: in --json"


def _metric(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    if "value" not in value:
        return ", ".join(f"{name} {part}" for name, part in value.items())
    interval = f" [{number(value.get('low'))}, {number(value.get('high'))}]" if "low" in value else ""
    baseline = f", baseline {number(value['baseline'])}" if "baseline" in value else ""
    return f"{number(value['value'])}{interval}{baseline}"


def _verdict(check: Check) -> str:
    return "✓" if check.passed else "✗" if check.blocking else "!"
