"""`ml-assets push`: share what one has made."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import asdict, replace
from typing import Any

import ml_assets
from ml_assets.cli.differences import as_plain, named_by, shown
from ml_assets.cli.show import command, plural, progress, say, say_json, size
from ml_assets.errors import UsageError
from ml_assets.promotion.merging import is_shared
from ml_assets.settings import Settings
from ml_assets.store import Parcel, Push, Store, Upstream

EXAMPLES = """  ml-assets push --dry-run                    what would be sent to ML_ASSETS_UPSTREAM, and how much
  ml-assets push flight_delays/model@2013-06  that, and all that it was made from, under your branch's name there
  ml-assets push --to s3://ml/prod --as-branch trial
"""


def add_to(verbs: Any) -> None:
    """Add `push`."""
    verb = command(
        verbs, "push", "share what your branch has made with another store, on a branch there", push, EXAMPLES
    )
    verb.add_argument("of", nargs="*", metavar="PROBLEM|ASSET", help="only these (default: all of your branch)")
    verb.add_argument("--to", metavar="URL", help="the other store (default: ML_ASSETS_UPSTREAM)")
    verb.add_argument("--as-branch", metavar="NAME", help="what the branch is called there (default: as here)")
    verb.add_argument("--dry-run", action="store_true", help="say what would be sent, and send nothing")


def push(options: argparse.Namespace, settings: Settings) -> int:
    """Copy what the other store lacks, and let a branch there name it."""
    store = ml_assets.open_store(settings)
    address, name = options.to or settings.upstream, options.as_branch or store.branch
    if not address:
        raise UsageError("Say where to: ml-assets push --to s3://bucket/prefix, or set ML_ASSETS_UPSTREAM.")
    to = ml_assets.open_store(replace(settings, store=address, upstream="", branch=name)).without_copies()
    shared = [one for one in named_by(store, store.branch, options.of) if is_shared(one.asset)]
    upstream = store.backend.base if isinstance(store.backend, Upstream) else None
    pushed = Push(store, to, same_main=upstream is not None and upstream.url == to.url)
    parcel = pushed.look(shared)
    if not options.dry_run:
        pushed.send(parcel, _Sent(parcel))
    if options.json:
        say_json(_push_as_plain(options, to, parcel))
    else:
        _print_push(options, to, parcel)
    return 0


class _Sent:
    """Says how far it is, each time another twentieth is there."""

    def __init__(self, parcel: Parcel) -> None:
        self._whole, self._done, self._said = parcel.size, 0, 0

    def __call__(self, count: int) -> None:
        self._done += count
        if self._done * 20 // max(self._whole, 1) > self._said:
            self._said = self._done * 20 // self._whole
            progress(f"sent {size(self._done)} of {size(self._whole)}")


def _push_as_plain(options: argparse.Namespace, to: Store, parcel: Parcel) -> dict[str, Any]:
    return {
        "to": to.url,
        "branch": to.branch,
        "dry_run": options.dry_run,
        "versions": len(parcel.manifests),
        "files": len(parcel.files),
        "bytes": parcel.size,
        "refs": [as_plain(one) for one in parcel.named],
        "gone": [asdict(key) for key in parcel.gone],
    }


def _print_push(options: argparse.Namespace, to: Store, parcel: Parcel) -> None:
    for key in parcel.gone:
        progress(f"warning: {key} is no longer here: what was made from it cannot be reproduced there")
    if parcel.named and options.dry_run:
        say(shown(parcel.named))
    sends, names = ("would send", "would name") if options.dry_run else ("sent", "names")
    what = f"{plural(len(parcel.manifests), 'version')}, {plural(len(parcel.files), 'file')}, {size(parcel.size)}"
    say(f"{sends} {what} to {to.url}; its branch {to.branch} {names} {len(parcel.named)} of them")
    if options.dry_run:
        target = [f"--to={options.to}"] if options.to else []
        name = [f"--as-branch={options.as_branch}"] if options.as_branch else []
        say(f"next: ml-assets push {shlex.join([*options.of, *target, *name])}".rstrip())
    else:
        say(
            f"next, by who may: ML_ASSETS_UPSTREAM= ML_ASSETS_STORE={shlex.quote(to.url)} ml-assets merge "
            f"{shlex.quote(to.branch)} --dry-run"
        )
