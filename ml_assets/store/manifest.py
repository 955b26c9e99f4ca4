"""A version's manifest: what was made, from exactly what, by which code, and whether it passed its checks.

A version is the BLAKE3 digest of its manifest's bytes, so a manifest proves itself: nobody can change one unnoticed.
Check results are part of it, because they are known before it is written and never change.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ml_assets.errors import UnreadableContent
from ml_assets.store.canonical import Json, canonical, checked, digest, parse, plain
from ml_assets.store.content import Content
from ml_assets.store.keys import VersionKey, is_digest, version_in

FORMAT = 1


@dataclass(frozen=True)
class Input:
    """A version that was read to make this one: the name the code gave it, which version, and its content's digest."""

    name: str
    key: VersionKey
    digest: str


@dataclass(frozen=True)
class LandedFile:
    """A file from outside the store that was read to make this version."""

    name: str
    digest: str
    size: int


@dataclass(frozen=True)
class Check:
    """What a check found. A failed blocking check rejects the version."""

    name: str
    passed: bool
    blocking: bool
    description: str
    metadata: Mapping[str, Json] = field(default_factory=dict)

    @property
    def waived(self) -> str:
        """Why it blocks nothing although it failed, where the problem says so; else empty."""
        return str(self.metadata.get("waived", ""))


@dataclass(frozen=True)
class Manifest:
    """Everything known about one version.

    Attributes:
        content: the value, see ``Store.put``.
        inputs: exact versions that were read.
        landed: files from outside that were read.
        code: what made it: versions and digests of code, computation key.
        params: the parameters of the problem.
        environment: digest of the installed packages, see ``Store.put_environment``.
        resources: what it took: seconds, GiB, devices.
        metrics: numbers that judge it; not-a-number is stored as null.
        notes: sentences and summaries for people.
        run: the run that made it; None outside of one.
        branch, by, created_at: where, who, and when (ISO 8601, UTC).
    """

    asset: str
    partition: str | None
    content: Content
    inputs: tuple[Input, ...] = ()
    landed: tuple[LandedFile, ...] = ()
    code: Mapping[str, Json] = field(default_factory=dict)
    params: Mapping[str, Json] = field(default_factory=dict)
    seed: int | None = None
    environment: str | None = None
    resources: Mapping[str, Json] = field(default_factory=dict)
    metrics: Mapping[str, Json] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()
    notes: Mapping[str, Json] = field(default_factory=dict)
    run: str | None = None
    branch: str = "main"
    by: str = "unknown"
    created_at: str = ""

    @property
    def rejected(self) -> bool:
        """Whether a blocking check failed: such a version is kept, and no ref names it."""
        return any(check.blocking and not check.passed for check in self.checks)

    @cached_property
    def key(self) -> VersionKey:
        """The version this manifest is."""
        return VersionKey(self.asset, self.partition, digest(self.to_bytes()))

    def to_json(self) -> dict[str, Any]:
        """The manifest as plain JSON."""
        return {"format": FORMAT, **plain(self)}

    def to_bytes(self) -> bytes:
        """The canonical JSON whose digest is the version."""
        return canonical(self.to_json())

    @classmethod
    def from_bytes(cls, data: bytes) -> Manifest:
        """The inverse of ``to_bytes``.

        Raises:
            UnreadableContent: if it is not a manifest of this format.
        """
        try:
            fields: dict[str, Any] = parse(data)
            _expect_format(fields.pop("format"))
            return checked(cls(**{**fields, **_records(fields)}))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise UnreadableContent(
                f"A manifest cannot be read as format {FORMAT}: {error}. "
                "It was written by something else; use a newer ml_assets if that is what wrote it."
            ) from error


def _records(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a manifest that are not plain JSON."""
    _refuse_no_digests(fields["environment"], fields["code"].get("source"), fields["code"].get("computation", {}))
    return {
        "content": Content.from_json(fields["content"]),
        "inputs": tuple(checked(Input(i["name"], version_in(i["key"]), i["digest"])) for i in fields["inputs"]),
        "landed": tuple(checked(LandedFile(**file)) for file in fields["landed"]),
        "checks": tuple(checked(Check(**check)) for check in fields["checks"]),
    }


def _refuse_no_digests(environment: Json, source: Json, computation: Json) -> None:
    for found in (environment, source, computation.get("code"), computation.get("key")):
        if found is not None and not is_digest(found):
            raise ValueError(f"{found!r} is no digest")


def _expect_format(written: Json) -> None:
    if written != FORMAT:
        raise ValueError(f"it has format {written!r}")
