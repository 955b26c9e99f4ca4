"""Merging a branch: ``main`` names what the branch names, where nobody moved ``main`` since the branch began from it.

    looked    every ref that was asked for, before anything changes; one that moved refuses all
    moved     one ref after the other, what others are made from first; each compares once more, and appends

So a merge that is interrupted, or beaten to one of its refs, has moved the first of them; merging again goes on with the rest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ml_assets.errors import RefMoved
from ml_assets.store.keys import described
from ml_assets.store.logs.refs import RefEntry
from ml_assets.store.manifest import Manifest
from ml_assets.store.sharing.branches import MERGED, Difference
from ml_assets.store.store import MAIN, Store
from ml_assets.store.together import side_by_side

MOST = 5  # refs that a message names


def to_merge(found: Sequence[Difference], over: str = "") -> list[Difference]:
    """Those in which ``main`` is to move.

    Args:
        over: the first digits of a version that may be replaced on ``main``, because somebody has seen it.
    Raises:
        RefMoved: if ``main`` moved since the branch began from it; the message says what moved, by whom, when.
    """
    seen = [
        one for one in found if over and one.state != "same" and one.head and one.head.target.version.startswith(over)
    ]
    moved = [one for one in found if one.state == "moved" and one not in seen]
    if moved:
        raise RefMoved(_refusal(moved))
    return [one for one in found if one.state == "ahead" or one in seen]


def made_elsewhere(store: Store, merged: Sequence[Difference]) -> list[str]:
    """What of it was made from versions that ``main`` will not name, because they are not merged with it: a sentence each."""
    targets = {(one.asset, one.partition): one.entry.target for one in merged}
    main, said = store.on(MAIN), list[str]()
    for one, manifest in zip(merged, _manifests(store, merged), strict=True):
        for read in manifest.inputs:
            place = read.key.asset, read.key.partition
            named = targets.get(place) or (entry.target if (entry := main.head(*place)) else None)
            if named is not None and named != read.key:
                said.append(f"{one.entry.target} was made from {read.key}, where main names {named.short}")
    return said


def merge(store: Store, merged: Sequence[Difference]) -> Iterator[RefEntry]:
    """Move ``main``, ref by ref, and remember what the versions came of, so that nobody computes it again.

    Raises:
        RefMoved: if somebody is quicker; what was yielded before is merged.
    """
    main = store.on(MAIN)
    manifests = _manifests(store, merged)
    in_order = sorted(zip(manifests, merged, strict=True), key=lambda pair: pair[0].created_at)
    for manifest, one in in_order:  # what a version is made from was made before it
        yield _move(main, one, manifest)


def _move(main: Store, one: Difference, manifest: Manifest) -> RefEntry:
    entry = one.entry
    computation = manifest.code.get("computation", {}).get("key")
    if computation:
        main.remember(computation, entry.target)
    return main.move(
        one.asset,
        one.partition,
        entry.target,
        expected=one.head.n if one.head else 0,
        why=f"merged from {one.branch}: {entry.why}",
        details={MERGED: {"branch": one.branch, "n": entry.n, "by": entry.by}},
    )


def _manifests(store: Store, found: Sequence[Difference]) -> list[Manifest]:
    return side_by_side(lambda one: store.manifest(one.entry.target), found)


def _refusal(moved: Sequence[Difference]) -> str:
    first, branch = moved[0], moved[0].branch
    more = [f"and {len(moved) - MOST} more"] if len(moved) > MOST else []
    lines = "\n    ".join([*map(_moved, moved[:MOST]), *more])
    head = first.moves[-1].target
    reference = f"{head.asset}@{head.partition}" if head.partition else head.asset
    return (
        f"main moved since {branch} began from it. Nothing was merged.\n    {lines}\n"
        f"Compare: ml-assets diff {head.short} {first.entry.target.short}. Then make it again on top of main: ml-assets branch "
        f"--remove {branch}, and run it; or, if it is to take the place of what is there: "
        f"ml-assets merge {branch} {reference} --over {head.short}"
    )


def _moved(one: Difference) -> str:
    last = one.moves[-1]
    began = (
        f"from entry {one.began}"
        if one.began is not None
        else f"at {one.own[0].at[:16]}, by the clock: it is not recorded"
    )
    return (
        f"{described(one.asset, one.partition)}: entry {last.n}, {last.target.short}, by {last.by} at {last.at[:16]}: "
        f"{last.why} ({one.branch} began {began})"
    )
