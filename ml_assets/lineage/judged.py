"""What was said of a model since it was made: the evaluation that judged it, and the report that explains that evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ml_assets.assets import noun_that
from ml_assets.assets.declaration import Role
from ml_assets.store import Manifest, Store, VersionKey

MODEL, EVALUATION, REPORT = noun_that("trains"), noun_that("judges"), noun_that("explains")


def noun_of(key: VersionKey) -> str:
    """``model``, of ``flight_delays/model``."""
    return key.asset.rpartition("/")[2]


def judged_model(store: Store, key: VersionKey) -> VersionKey | None:
    """The model that an evaluation judged, or whose evaluation a report explains; a model itself. None if it does not say."""
    return key if noun_of(key) == MODEL else read_as(store.manifest(key), MODEL)


def newest_evaluation(store: Store, key: VersionKey) -> VersionKey | None:
    """The evaluation that judged this very version of a model, of several the newest; of a report the one that it explains.

    An evaluation itself. None where there is none.
    """
    if noun_of(key) == REPORT:
        return read_as(store.manifest(key), EVALUATION)
    return key if noun_of(key) == EVALUATION else _newest(store, "judges", key)


def newest_report(store: Store, evaluation: VersionKey) -> VersionKey | None:
    """The report that explains this very version of an evaluation; of several the newest, None if there is none."""
    return _newest(store, "explains", evaluation)


def explained_in(store: Store, evaluation: VersionKey) -> Mapping[str, Any]:
    """What is told of the features of a model, see ``Explanation``.

    From before there were reports evaluations tell it themselves. Where nobody did, it is empty.
    """
    report = newest_report(store, evaluation)
    key, field = (report, "explanation") if report else (evaluation, "report")
    found: Mapping[str, Any] = store.field(store.manifest(key).content, field, of=str(key))
    return found


def read_as(manifest: Manifest, name: str) -> VersionKey | None:
    """The version that was read under a name."""
    return next((read.key for read in manifest.inputs if read.name == name), None)


def _newest(store: Store, role: Role, of: VersionKey) -> VersionKey | None:
    """The newest version of the asset with a role that read ``of``, in its partition."""
    asset = f"{of.asset.rpartition('/')[0]}/{noun_that(role)}"
    made = [(store.manifest(key), key) for key in store.versions(asset, of.partition)]
    about = [(manifest.created_at, key.version, key) for manifest, key in made if read_as(manifest, noun_of(of)) == of]
    return max(about)[2] if about else None
