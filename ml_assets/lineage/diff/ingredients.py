"""What two versions were made of: one sentence for each ingredient that differs, the same ones that say why it was computed."""

from __future__ import annotations

from collections.abc import Mapping

from ml_assets.computation.ingredients import Ingredients, differences
from ml_assets.store import Manifest


def ingredient_differences(
    old: Manifest, new: Manifest, code: Mapping[str, Mapping[str, str]] | None
) -> tuple[str, ...]:
    """One sentence for each ingredient that differs: ``params.learning_rate 0.1 -> 0.05``.

    Where one version's ingredients are not all recorded, those are compared that every manifest has.

    Args:
        code: code version -> its parts; None where they cannot be read.
    """
    before, after = Ingredients.of(old), Ingredients.of(new)
    if before is None or after is None:
        before, after = _always_recorded(old), _always_recorded(new)
    return tuple(differences(before, after, (code or {}).get))


def _always_recorded(manifest: Manifest) -> Ingredients:
    """Params, seed and what was read; nothing is said about code, packages, settings and threads."""
    inputs = {f"{read.key.asset}@{read.key.partition}": read.digest for read in manifest.inputs}
    landed = {f"landed {file.name}": file.digest for file in manifest.landed}
    return Ingredients(
        asset="", partition=None, code="", reads=inputs | landed, params=dict(manifest.params), seed=manifest.seed
    )
