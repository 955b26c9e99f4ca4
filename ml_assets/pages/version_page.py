"""What the page of a version says: everything that its manifest records, and what the store adds to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from ml_assets.errors import MlAssetsError, StoreError
from ml_assets.lineage.champions import champions
from ml_assets.lineage.history import state
from ml_assets.lineage.judged import MODEL, REPORT
from ml_assets.lineage.model_card import model_card
from ml_assets.lineage.picture import Picture, picture
from ml_assets.pages.card import Block, Paragraph, blocks
from ml_assets.pages.charts import over_steps
from ml_assets.pages.content import Look, drawn_from, looks, pictures
from ml_assets.pages.profile import TableProfile, table_profile
from ml_assets.problem import Problem
from ml_assets.store import File, Manifest, Store, VersionKey

TRAINING, SAID = "training", "said"  # the notes that become a chart: of a training, of another command
WHY = "why"  # the note that is said first
ORDER = "metrics_in_order"  # the note that orders the metrics
MODELS = "models"  # the note of candidates that names the model of each


@dataclass(frozen=True)
class VersionPage:
    """One version.

    Attributes:
        state: refused, published, replaced, or known to other branches only.
        role: champion, was champion or nothing.
        why: the sentence that explains the version, if one was noted.
        notes: the others.
        models: of candidates, the model of each.
        training: the training's curve.
        drawn_from: the version of which a figure is drawn: itself, or the report that explains it; None if there is none.
        profile: what the columns of its table hold; None if it is none.
        card: the parts of the model card; none if it is no model.
        installed: what was installed when it was made, or why that cannot be said.
    """

    key: VersionKey
    manifest: Manifest
    state: str
    role: str
    why: str
    metrics: Mapping[str, Any]
    notes: Mapping[str, Any]
    models: Mapping[str, VersionKey]
    training: Markup | None
    drawn_from: VersionKey | None
    figures: Sequence[File]
    looks: Sequence[Look]
    profile: TableProfile | None
    card: Sequence[Block]
    lineage: Picture
    installed: Mapping[str, Any] | str


def version_page(store: Store, problems: Sequence[Problem], key: VersionKey) -> VersionPage:
    """Everything about one version.

    Raises:
        UnknownVersion, CorruptBlob: if its manifest, or one of a version that it was made from, is gone or changed.
    """
    manifest = store.manifest(key)
    problem, _, noun = key.asset.partition("/")
    return VersionPage(
        key=key,
        manifest=manifest,
        state=state(key, manifest, store.log(key.asset, key.partition)),
        role=champions(store, problem).role(key) if noun == MODEL else "",
        why=str(manifest.notes.get(WHY, "")),
        metrics=_in_order(manifest),
        notes={
            name: note for name, note in manifest.notes.items() if name not in (*_drawn(manifest), WHY, ORDER, MODELS)
        },
        models=_models(key, manifest.notes.get(MODELS)),
        training=next((over_steps(manifest.notes[name], name.capitalize()) for name in _drawn(manifest)), None),
        drawn_from=drawn_from(store, key),
        figures=pictures(manifest),
        looks=looks(store, key),
        profile=table_profile(store, key, _known(problems, problem)),
        card=_card(store, key, problems) if noun in (MODEL, REPORT) else [],
        lineage=picture(store, key),
        installed=_installed(store, manifest),
    )


def _models(key: VersionKey, noted: Any) -> dict[str, VersionKey]:
    asset = f"{key.asset.partition('/')[0]}/{MODEL}"
    return {name: VersionKey(asset, key.partition, str(version)) for name, version in dict(noted or {}).items()}


def _drawn(manifest: Manifest) -> list[str]:
    """The notes that become a chart; a single point of a command is better read."""
    said = manifest.notes.get(SAID)
    is_curve = isinstance(said, Mapping) and isinstance(steps := said.get("step"), list) and len(steps) > 1
    return [name for name, is_one in ((TRAINING, TRAINING in manifest.notes), (SAID, is_curve)) if is_one]


def _card(store: Store, key: VersionKey, problems: Sequence[Problem]) -> list[Block]:
    try:
        return blocks(model_card(store, key, _known(problems, key.asset.split("/")[0])))
    except MlAssetsError as error:  # the rest of the version can still be shown
        return [Paragraph([(False, f"{type(error).__name__}: {error}")])]


def _known(problems: Sequence[Problem], name: str) -> Problem | None:
    return next((problem for problem in problems if problem.name == name), None)


def _in_order(manifest: Manifest) -> dict[str, Any]:
    """The metrics, the most important ones first where that was noted."""
    order = manifest.notes.get(ORDER)
    first = [name for name in map(str, order) if name in manifest.metrics] if isinstance(order, list) else []
    return {name: manifest.metrics[name] for name in [*first, *manifest.metrics]}


def _installed(store: Store, manifest: Manifest) -> Mapping[str, Any] | str:
    if manifest.environment is None:
        return "It was not recorded."
    try:
        return store.environment(manifest.environment)
    except StoreError as error:  # the rest of the version can still be shown
        return f"{type(error).__name__}: {error}"
