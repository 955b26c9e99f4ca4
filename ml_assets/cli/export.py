"""`ml-assets export`: a model as files that other programs open, released only if they answer as it does."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

import ml_assets
from ml_assets.assets import noun_that
from ml_assets.cli.champion import ledger_asked
from ml_assets.cli.show import command, plural, progress, say, say_json
from ml_assets.errors import UsageError
from ml_assets.exports import FORMATS, LIMITS, Exported, export
from ml_assets.exports.compare import Limit
from ml_assets.lineage.reference import resolve
from ml_assets.problems import problem_named
from ml_assets.settings import Settings
from ml_assets.store import Store, VersionKey

EXAMPLES = """  ml-assets export flight_delays/champion --to onnx delays                      one file for onnxruntime
  ml-assets export flight_delays/champion --partition 2013-03 --to mlflow DIR   who was champion by the end of March
  ml-assets export arrival_minutes/model --partition '2013-06|EWR' --to native DIR
  ml-assets export 9c22ab --to onnx DIR --limit 1e-4 --flips 2                  a little further from its source
"""
NEXT = {
    "onnx": "python -m json.tool {folder}/export.json    its inputs and their types; docs/EXPORT.md feeds it",
    "native": "python -m json.tool {folder}/export.json    what opens its files",
    "mlflow": "python -c \"import mlflow.pyfunc as m; print(m.load_model('{folder}').metadata.signature)\"",
}


def add_to(verbs: Any) -> None:
    """Add `export`."""
    parser = command(
        verbs,
        "export",
        "a model as files for other programs, compared with its source before it is released",
        carry_out,
        EXAMPLES,
    )
    parser.add_argument("model", help="reference to a model version, or problem/champion")
    parser.add_argument("folder", metavar="DIR", type=Path, help="a folder that does not exist yet")
    parser.add_argument("--to", required=True, choices=sorted(FORMATS), help="what it becomes")
    parser.add_argument(
        "--partition", metavar="P", help="of the model; of a champion: who was by the end of P, or whose"
    )
    parser.add_argument(
        "--limit", metavar="X", type=_fraction, help=f"--to onnx: largest difference (default {LIMITS['onnx'].apart:g}) of a "
        "probability, or of a value as a fraction of the range of all"
    )  # fmt: skip
    parser.add_argument("--flips", metavar="N", type=_count, help="--to onnx: how many labels may flip (default 0)")


def carry_out(options: argparse.Namespace, settings: Settings) -> int:
    """Write the export, or refuse it and write nothing."""
    limit = _limit(options)
    store = ml_assets.open_store(settings)
    key = _model(store, options.model, options.partition)
    problem = problem_named(key.asset.partition("/")[0])
    progress(f"exporting {key}, and asking the export about the test rows")
    exported = export(store, problem, key, options.folder, form=options.to, limit=limit)
    if options.json:
        say_json({"folder": str(exported.folder), **exported.description})
        return 0
    _say(key, options.to, exported)
    return 0


def _model(store: Store, reference: str, partition: str | None) -> VersionKey:
    """The model version that is meant.

    Raises:
        UsageError: if it is none of a model.
    """
    problem, _, noun = reference.partition("/")
    if noun == noun_that("decides"):
        ledger, until = ledger_asked(problem, partition, store)
        return ledger.current(until=until).model
    key = resolve(store, reference if partition is None else f"{reference}@{partition}")
    if key.asset.partition("/")[2] != noun_that("trains"):
        at = f" --partition {shlex.quote(str(key.partition))}" if key.partition else ""
        name = key.asset.partition("/")[0]
        raise UsageError(f"{key} is no model. Name one: ml-assets export {name}/model{at} …, or {name}/champion{at} …")
    return key


def _limit(options: argparse.Namespace) -> Limit:
    limit = LIMITS[options.to]
    asked = {
        name: value for name, value in (("--limit", options.limit), ("--flips", options.flips)) if value is not None
    }
    if limit.apart is None and asked:
        raise UsageError(
            f"--to {options.to} answers bit for bit as its source does, or is refused: it takes no {', '.join(asked)}."
        )
    return Limit(asked.get("--limit", limit.apart), asked.get("--flips", limit.flips))


def _say(key: VersionKey, form: str, exported: Exported) -> None:
    files = [path for path in exported.folder.rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    say(f"{key} as {form} in {exported.folder}: {plural(len(files), 'file')}, {size:,} bytes")
    say(f"compared with its source: {exported.comparison.in_words}")
    say(f"next: {NEXT[form].format(folder=exported.folder)}")


def _fraction(text: str) -> float:
    value = float(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(f"{text} is no difference from 0 to 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is no number of labels")
    return value
