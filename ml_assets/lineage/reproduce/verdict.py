"""What came out of a rebuild, held against what was recorded: by digests, and in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from ml_assets.computation.ingredients import Ingredients, differences, stored_parts
from ml_assets.lineage.reproduce.difference import first_difference
from ml_assets.store import Manifest, Store, VersionKey, as_listed_in

State = Literal["identical", "differs", "cannot"]
OF_ITSELF = (
    "everything that it is recorded to be made of is the same, so the computation does not repeat itself, or the record is "
    "not of this content: look for chance without a seed, the clock, data from outside the landing folder, another machine"
)


@dataclass(frozen=True)
class Verdict:
    """Whether a version could be made again.

    Attributes:
        said: where it first differs, and which ingredient did; or what is missing. Of an identical one, what may differ.
        seconds: what the rebuild took, by the clock.
    """

    key: VersionKey
    state: State
    said: tuple[str, ...] = ()
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.key} {self.state}{': ' if self.said else ''}{'; '.join(self.said)}"

    def to_json(self) -> dict[str, Any]:
        """The verdict as plain JSON."""
        return {"version": str(self.key), "digest": self.key.version, "state": self.state, "said": list(self.said)}


def judged(store: Store, key: VersionKey, own: Store, rebuilt: VersionKey, others: Sequence[str] = ()) -> Verdict:
    """The verdict on a version of ``store`` that was rebuilt in a store of its ``own``.

    Args:
        others: packages and Python that are installed in another version than recorded, where that was accepted.
    """
    before, after = store.manifest(key), own.manifest(rebuilt)
    changed = list(_changed(store, before, own, after, packages_count=not others))
    rebuilt_content = as_listed_in(before.content, after.content)
    if before.content.digest != rebuilt_content.digest:
        where = first_difference(store, before.content, own, rebuilt_content)
        return Verdict(key, "differs", (where, *(changed or [*others] or [OF_ITSELF])))
    if changed:
        return Verdict(key, "differs", ("the content is the same, what it was made of is not", *changed))
    return Verdict(key, "identical", tuple(f"although {other.partition(':')[0]}" for other in others))


def _changed(store: Store, before: Manifest, own: Store, after: Manifest, *, packages_count: bool) -> Iterator[str]:
    """The ingredients of which the rebuild had others than are recorded."""
    recorded, used = Ingredients.of(before), Ingredients.of(after)
    if recorded is None or used is None:
        yield f"what the rebuild was made of could not be told: {after.code.get('why', 'it did not say why')}"
        return
    if not packages_count:
        recorded = replace(recorded, packages=used.packages)
    then, now = stored_parts(store), stored_parts(own)
    yield from differences(recorded, used, lambda code: now(code) if code == used.code else then(code))
