"""What a version was made from that is no longer there, or not as it was: each as a sentence, found before anything runs."""

from __future__ import annotations

import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ml_assets.assets import noun_that
from ml_assets.computation.ingredients import Ingredients, differences, in_short, stored_parts
from ml_assets.computation.landed import ABSENT
from ml_assets.computation.packages import NOT_INSTALLED, installed_as, version_of
from ml_assets.errors import NotLanded, StoreError
from ml_assets.lineage.reproduce.process import ENTRY, Group
from ml_assets.store import LandingFolder, Manifest, Store, VersionKey, digest

LANDED = "landed "
READ_OUTSIDE = (
    "it is what databases or other assets held when they were read, and they may hold something else by now: this version is the "
    "record of it, and what was made of it can be reproduced"
)
SHOWN_DIGITS = 12


@dataclass(frozen=True)
class Inspection:
    """Looks at what versions were made from; what many share is read once."""

    store: Store
    landing: LandingFolder
    _whole: set[str] = field(default_factory=set)
    _sources: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    _landed: dict[str, str] = field(default_factory=dict)

    def lacks(self, key: VersionKey) -> tuple[str, ...]:
        """What is missing or damaged, without which it cannot be rebuilt."""
        manifest = self.store.manifest(key)
        made_of = Ingredients.of(manifest)
        if _was_read_outside(manifest, made_of):
            return (READ_OUTSIDE,)
        if made_of is None or "source" not in manifest.code or manifest.environment is None:
            return (_not_recorded(manifest),)
        return (
            *self._lost_code(manifest, made_of),
            *self._contradiction(manifest, made_of),
            *self._lost_inputs(manifest),
            *self._changed_landed(made_of.reads),
        )

    def others(self, key: VersionKey) -> tuple[str, ...]:
        """Packages and Python that are installed in another version than was recorded."""
        manifest = self.store.manifest(key)
        made_of = Ingredients.of(manifest)
        packages = made_of.packages if made_of else {}
        found = [_other_package(name, recorded) for name, recorded in packages.items()]
        if manifest.environment is not None and not self._lost_environment(manifest.environment):
            found.append(_other_python(str(self.store.environment(manifest.environment)["python"])))
        return tuple(filter(None, found))

    def group(self, key: VersionKey) -> Group:
        """What a process has to be for it; only of one that lacks nothing."""
        manifest = self.store.manifest(key)
        about = self.store.environment(str(manifest.environment))
        threads = manifest.code["computation"]["threads"] or about["openmp_threads"]
        seed = str(about["hash_seed"])
        return Group(
            source=manifest.code["source"],
            variables=(
                ("OMP_NUM_THREADS", str(threads)),
                ("OPENBLAS_NUM_THREADS", str(about["openblas_threads"])),
                ("MKL_NUM_THREADS", str(about["mkl_threads"])),
                ("PYTHONHASHSEED", seed),
            ),
        )

    def files(self, source: str) -> Mapping[str, bytes]:
        """The source files that a digest stands for."""
        if source not in self._sources:
            self._sources[source] = self.store.source(source)
        return self._sources[source]

    def _lost_code(self, manifest: Manifest, made_of: Ingredients) -> Iterator[str]:
        try:
            self.store.code(made_of.code)
            files = self.files(manifest.code["source"])
        except StoreError as error:
            yield f"the recorded source: {error}"
        else:
            if ENTRY not in files:
                yield f"the recorded source has no {ENTRY}: that ml_assets could not rebuild yet"
        yield from self._lost_environment(str(manifest.environment))

    def _lost_environment(self, environment: str) -> list[str]:
        try:
            self.store.environment(environment)
        except StoreError as error:
            return [f"the recorded environment: {error}"]
        return []

    def _contradiction(self, manifest: Manifest, made_of: Ingredients) -> Iterator[str]:
        """That the recorded key is not that of the recorded ingredients; which of them, as far as the key is remembered."""
        recorded: str = manifest.code["computation"]["key"]
        if made_of.key == recorded:
            return
        remembered = self.store.recall(recorded)
        first = Ingredients.of(remembered.manifest) if remembered and remembered.manifest else None
        changed = in_short(differences(first, made_of, stored_parts(self.store))) if first else ""
        yield (
            f"its manifest contradicts itself: what it says it is made of has the key {made_of.key[:SHOWN_DIGITS]}, and "
            f"{recorded[:SHOWN_DIGITS]} is recorded{f', of which {changed}' if changed else ''}"
        )

    def _lost_inputs(self, manifest: Manifest) -> Iterator[str]:
        for read in manifest.inputs:
            yield from (f"input {read.key}: {error}" for error in self.store.verify(read.key, self._whole))

    def _changed_landed(self, reads: Mapping[str, str]) -> Iterator[str]:
        for name, recorded in reads.items():
            file = name.removeprefix(LANDED)
            if file == name or (now := self._landed_digest(file)) == recorded:
                continue
            if now == ABSENT:
                yield f"{file} is no longer in {self.landing.backend.url}: land it again"
            elif recorded == ABSENT:
                yield f"{file} is in {self.landing.backend.url} now, and was not when this was made"
            else:
                was, is_now = recorded[:SHOWN_DIGITS], now[:SHOWN_DIGITS]
                yield f"{file} in {self.landing.backend.url} has other bytes: {was} recorded, {is_now} now"

    def _landed_digest(self, file: str) -> str:
        if file not in self._landed:
            try:
                self._landed[file] = digest(self.landing.read(file))
            except NotLanded:
                self._landed[file] = ABSENT
        return self._landed[file]


def _was_read_outside(manifest: Manifest, made_of: Ingredients | None) -> bool:
    """Whether it is the rows of a database or of somebody else's asset; of landed files alone it can be read again."""
    is_record = manifest.asset.partition("/")[2] == noun_that("records")
    return is_record and (made_of is None or any(name.startswith("source ") for name in made_of.reads))


def _not_recorded(manifest: Manifest) -> str:
    why = str(manifest.code.get("why", "it was made before sources were recorded"))
    return f"what it was made of is not recorded ({why}): make it again, and that one can be reproduced"


def _other_package(name: str, recorded: str) -> str:
    found = installed_as(name)
    if recorded in (found, version_of(found)):  # stores have versions that were made before files were looked at
        return ""
    if recorded == NOT_INSTALLED:
        return f"{name} was not installed, {version_of(found)} is: uninstall it"
    there = found if found == NOT_INSTALLED else f"{version_of(found)} installed"
    if version_of(found) == version_of(recorded):
        return f"{name} {recorded} recorded, {found} installed: install what was built then"
    return f"{name} {version_of(recorded)} recorded, {there}: install {name}=={version_of(recorded)}"


def _other_python(recorded: str) -> str:
    found = platform.python_version()
    if recorded.split(".")[:2] == found.split(".")[:2]:
        return ""
    minor = ".".join(recorded.split(".")[:2])
    return f"Python {recorded} recorded, {found} is running: run this with Python {minor}"
