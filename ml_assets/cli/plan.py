"""`ml-assets plan` and `why`: what would be computed and why, before anything runs; and why a version was."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from typing import Any

import ml_assets
from ml_assets.cli.show import command, say, say_json, short, table
from ml_assets.cli.work import add_work, config_of, plans_of, work_of
from ml_assets.computation.ingredients import Ingredients
from ml_assets.computation.planner import Planned
from ml_assets.computation.reuse import duration
from ml_assets.lineage.history import why as sentence_of
from ml_assets.lineage.reference import resolve
from ml_assets.settings import Settings

PLAN = """  ml-assets plan flight_delays --partitions 2013-01..2013-06
  ml-assets plan flight_delays/model+ --partition 2013-06 --set params.learning_rate=0.05
"""
WHY = """  ml-assets why flight_delays/model@2013-06    why it was computed, and from what
  ml-assets why 9c22ab
"""


def add_to(verbs: Any) -> None:
    """Add `plan` and `why`."""
    add_work(command(verbs, "plan", "what a run would use again and what it would compute, and why", plan, PLAN))
    why_ = command(verbs, "why", "why a version was computed, and everything that it was made of", why, WHY)
    why_.add_argument("reference")


def plan(options: argparse.Namespace, settings: Settings) -> int:
    """A row per partition of each asset; nothing is run."""
    works = work_of(options, settings)
    config = config_of([name for work in works for name in work.names], options.settings)
    found = plans_of(works, settings, config, is_fresh=options.fresh).values()
    if options.json:
        say_json([_as_json(one) for planned in found for one in planned])
        return 0
    for planned in found:
        rows = [(one.asset, one.partition, one.state, _what(one)) for one in planned]
        say(table(rows, ("asset", "partition", "state", "why")))
    say(_summary([one for planned in found for one in planned]))
    return 0


def why(options: argparse.Namespace, settings: Settings) -> int:
    """The sentence that was recorded, and the ingredients."""
    store = ml_assets.open_store(settings)
    key = resolve(store, options.reference)
    manifest = store.manifest(key)
    ingredients = Ingredients.of(manifest)
    sentence = sentence_of(manifest)
    if options.json:
        say_json({"version": key.version, "why": sentence, "made_of": ingredients.to_json() if ingredients else None})
        return 0
    say(f"{key}  {sentence}")
    if ingredients is not None:
        for title, values in _made_of(ingredients):
            for name, value in values.items():
                say(f"  {title:9} {name}: {value}")
        say(f"  key       {ingredients.key}")
    say(f"next: ml-assets lineage {key.short}")
    return 0


def _made_of(ingredients: Ingredients) -> list[tuple[str, dict[str, Any]]]:
    threads = {"threads": ingredients.threads} if ingredients.threads is not None else {}
    seed = {"seed": ingredients.seed} if ingredients.seed is not None else {}
    return [
        ("reads", {name: short(value) for name, value in ingredients.reads.items()}),
        ("code", {"version": short(ingredients.code)}),
        ("package", dict(ingredients.packages)),
        ("params", dict(ingredients.params)),
        ("run", {**seed, **threads}),
        ("problem", dict(ingredients.settings)),
    ]


def _what(one: Planned) -> str:
    if one.state == "current":
        return f"{one.version.short if one.version else ''} is there, saves {duration(one.saved_seconds)}"
    return one.why.removeprefix("computed: ")


def _summary(planned: Sequence[Planned]) -> str:
    counts = Counter(one.state for one in planned)
    states = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    return f"{len(planned)} in all: {states or 'nothing'}; saves {duration(sum(one.saved_seconds for one in planned))}"


def _as_json(one: Planned) -> dict[str, Any]:
    return {
        "asset": one.asset,
        "partition": one.partition,
        "state": one.state,
        "why": one.why,
        "version": one.version.version if one.version else None,
        "saves_seconds": one.saved_seconds,
    }
