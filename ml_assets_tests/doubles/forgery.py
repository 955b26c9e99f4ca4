"""Versions whose manifests say something else than what happened."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ml_assets.computation.ingredients import Ingredients
from ml_assets.store import Store, VersionKey


def forged(store: Store, key: VersionKey, *, code: dict[str, Any] | None = None, **changed: Any) -> VersionKey:
    """The same content, with other fields or entries of ``code``."""
    manifest = store.manifest(key)
    return store.commit(replace(manifest, code={**manifest.code, **(code or {})}, **changed))


def forged_well(
    store: Store, key: VersionKey, *, computation: dict[str, Any] | None = None, **changed: Any
) -> VersionKey:
    """As ``forged``, with other ingredients, and the key that they have."""
    before = store.manifest(key).code["computation"]
    loose = forged(store, key, code={"computation": {**before, **(computation or {})}}, **changed)
    made_of = Ingredients.of(store.manifest(loose))
    assert made_of is not None
    return forged(store, loose, code={"computation": made_of.to_json()})
