"""How values cross between steps: every output becomes a version in the store, every input is an exact version.

*Write, audit, publish.* An asset returns what it made together with the outcomes of its checks. The blobs and the manifest
are written in any case; if a blocking check failed, the step ends there with `dagster.Failure`: no ref names the version,
Dagster records no materialization, and everyone goes on reading what was there before.

*Inputs.* Inside a run an input is what this run made (or the run it re-executes), else what the branch names. The exact
version is fixed when the step starts; the bytes are read when something asks for the value. What an asset receives
depends on the annotation of its parameter:

    Handle              a lazy handle of the one upstream partition
    dict[str, Handle]   handles by partition key, oldest first: for windows, also for windows of one or none
    anything else       the value
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args, get_origin

import dagster as dg

from ml_assets import __version__
from ml_assets.computation.environment import environment
from ml_assets.computation.git import code_identity
from ml_assets.computation.ingredients import Ingredients
from ml_assets.errors import InvalidProblem, StoreError, UnknownVersion
from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.keys import asset_name
from ml_assets.orchestration.metadata import BRANCH, REUSE, materialization_metadata, shown_before
from ml_assets.store import MAIN, Check, Handle, Input, LandedFile, Manifest, Store, Trace, VersionKey

IO_MANAGER = "ml_assets_io_manager"  # apart from those that others have
DEFAULT_IO_MANAGER = "io_manager"  # Dagster's: of assets that name none


@dataclass(frozen=True)
class Made:
    """What an asset made.

    Attributes:
        value: what was made; a ``Content`` once it is in the store.
        checks: outcomes of the checks that ran on it.
        metrics: numbers that judge it; they plot over partitions.
        notes: sentences and summaries, for people: JSON, in the manifest and the UI.
        metadata: more for the UI alone.
        about: what the UI shows first, said once there is a version to say it of.
        inputs: exact versions that were read besides the asset's declared inputs.
        landed: files from outside the store that were read.
        traces: those, and those that were looked for in vain, as the landing folder had them; None: it never looks there.
        ledger: what it read of the ledger of champions, which others may move meanwhile; see ``chain.reads_of``.
        made_of: everything that it was made from; None where that cannot be told.
        asked_by: the key of the same but for landed files; see ``store.computations``.
        why: why it was computed.
        replaces: it takes the place of a result that is damaged or no longer wanted.
        may_pass: something failed that may go well another time: it is published, and made again when it is asked for again.
        source: the source files that computed it.
        commit: which commit they are, see ``git_identity``.
        params, seed: what the run gave.
        resources: what it took.
        once_published: what is to be done when everybody can find it.
    """

    value: Any
    checks: tuple[CheckOutcome, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    about: Callable[[VersionKey], Mapping[str, Any]] = lambda key: {}
    inputs: tuple[Handle, ...] = ()
    landed: tuple[LandedFile, ...] = ()
    traces: Mapping[str, Trace] | None = None
    ledger: Mapping[str, str] = field(default_factory=dict)
    made_of: Ingredients | None = None
    asked_by: str = ""
    why: str = ""
    replaces: bool = False
    may_pass: bool = False
    source: str | None = None
    commit: Mapping[str, Any] = field(default_factory=code_identity)
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)
    once_published: Callable[[], None] = lambda: None

    @property
    def refused(self) -> bool:
        """Whether a blocking check failed: then it is kept and not published."""
        return any(check.blocking and not check.passed for check in self.checks)


@dataclass(frozen=True)
class Reused:
    """What an asset would have made is there already: this version, and why it is known to be the same."""

    version: VersionKey
    manifest: Manifest
    why: str
    saved_seconds: float = 0.0


class StoreIOManager(dg.IOManager):
    """Versions every output in the store and hands out exact versions as inputs.

    Args:
        pages: where people reach the artifact pages, which the UI then links to; empty: nowhere.
        image: the container image that this runs in, see ``Settings.image``.
    """

    def __init__(self, store: Store, pages: str = "", image: str = "") -> None:
        self.store, self.pages, self.image = store, pages, image
        self._read: dict[tuple[str, str], dict[tuple[str, str | None], Handle]] = {}

    def load_input(self, context: dg.InputContext) -> Any:
        """The input in the form its annotation asks for; which versions were read is recorded."""
        keys = sorted(map(str, context.asset_partition_keys)) if context.has_asset_partitions else [None]
        runs = _runs_to_look_in(context)
        handles = self._handles(context, keys, runs)
        wanted = context.dagster_type.typing_type
        if (get_origin(wanted), get_args(wanted)) == (dict, (str, Handle)):
            return handles
        if len(handles) != 1:
            raise InvalidProblem(
                f"Input {context.name!r} covers {len(handles)} partitions of {asset_name(context.asset_key)}. "
                f"Annotate it dict[str, Handle] to receive them by partition key."
            )
        (handle,) = handles.values()
        return handle if wanted is Handle else handle.load()

    def handle_output(self, context: dg.OutputContext, obj: Any) -> None:
        """Publish what was made, or refuse it with the checks that failed; what was reused is named again."""
        if isinstance(obj, Reused):
            self._name_again(context, obj)
            return
        made = obj if isinstance(obj, Made) else Made(self.store.put(obj))
        manifest = self._manifest(context, made)
        key = self.store.commit(manifest)
        if manifest.rejected:
            raise dg.Failure(refusal(key, manifest), metadata={"version": key.version}, allow_retries=False)
        manifest = self._remembered(made, key, manifest)
        shown = materialization_metadata(self.store, manifest.key, manifest, self.pages, made.metadata)
        said = {REUSE: made.why} if made.why else {}  # of the same that another run was quicker to make, too
        context.add_output_metadata({**made.about(manifest.key), **shown, **said, **self._whose})
        why = made.why or f"materialized by run {context.run_id}"
        self.store.name(manifest, why=why, reused_by=context.run_id)  # what fails before is not published
        made.once_published()
        if not isinstance(obj, Made):  # an asset of a problem has given its own
            context.step_context.set_data_version(context.asset_key, dg.DataVersion(manifest.content.digest))

    def _remembered(self, made: Made, key: VersionKey, manifest: Manifest) -> Manifest:
        """Let everybody find it, and use what another run has remembered meanwhile, if that is the same."""
        if made.made_of is None or made.may_pass:
            return manifest
        if made.traces is not None:
            self.store.put_trace(made.asked_by, made.traces)
        kept = self.store.remember(made.made_of.key, key, replace=made.replaces)
        if kept is None or kept == key:
            return manifest
        try:
            first = self.store.manifest(kept)
        except StoreError:  # who asks next is told, and replaces it
            return manifest
        return first if first.content.digest == manifest.content.digest else manifest

    def _name_again(self, context: dg.OutputContext, reused: Reused) -> None:
        self._read.pop(_step(context), None)
        shown = shown_before(context.step_context.instance, context.asset_key, reused.version)
        if shown is None:
            shown = materialization_metadata(self.store, reused.version, reused.manifest, self.pages)
        context.add_output_metadata({**shown, REUSE: reused.why, **self._whose})
        told = {"reused": True, "saved_seconds": reused.saved_seconds}
        self.store.name(reused.manifest, why=reused.why, reused_by=context.run_id, details=told)

    @property
    def _whose(self) -> dict[str, str]:
        """On a branch: which. Others write events of the same asset, as of code locations beside each other."""
        return {} if self.store.branch == MAIN else {BRANCH: self.store.branch}

    def _handles(
        self, context: dg.InputContext, partitions: Sequence[str | None], runs: list[str]
    ) -> dict[str | None, Handle]:
        asset = asset_name(context.asset_key)
        versions = self._versions(asset, partitions, runs)
        if not runs:
            return {partition: Handle(self.store, key, asset) for partition, key in versions.items()}
        handles = {partition: Handle(self.store, key, context.name) for partition, key in versions.items()}
        read = self._read.setdefault(_step(context), {})
        read.update({(context.name, partition): handle for partition, handle in handles.items()})
        return handles

    def _versions(
        self, asset: str, partitions: Sequence[str | None], runs: Iterable[str]
    ) -> dict[str | None, VersionKey]:
        """What these runs made for partitions, the first run first, else what the branch names, in their order."""
        found: dict[str | None, VersionKey] = {}
        for run in runs:
            lacking = [partition for partition in partitions if partition not in found]
            found |= self.store.all_made_by_run(run, asset, lacking)
        heads = self.store.heads(asset, [partition for partition in partitions if partition not in found])
        found |= {partition: entry.target for partition, entry in heads.items()}
        return {partition: self._expected(found, asset, partition) for partition in partitions}

    def _expected(self, found: Mapping[str | None, VersionKey], asset: str, partition: str | None) -> VersionKey:
        if partition not in found:
            at = f" [{partition}]" if partition else ""
            option = f" --partition {shlex.quote(partition)}" if partition else ""
            raise UnknownVersion(
                f"{asset}{at} has no published version on branch {self.store.branch}: it was never materialized, or "
                f"its blocking checks failed each time. Materialize it first: ml-assets run {asset}{option}"
            )
        return found[partition]

    def _manifest(self, context: dg.OutputContext, made: Made) -> Manifest:
        read = [*self._read.pop(_step(context), {}).values(), *made.inputs]
        partition = str(context.asset_partition_key) if context.has_asset_partitions else None
        return self.manifest_of(made, asset_name(context.asset_key), partition, read, context.run_id)

    def manifest_of(self, made: Made, asset: str, partition: str | None, read: Sequence[Handle], run: str) -> Manifest:
        """What was made, its value in the store, as a version of an asset."""
        return Manifest(
            asset=asset,
            partition=partition,
            content=made.value,
            inputs=tuple(Input(handle.name, handle.key, handle.digest) for handle in read),
            landed=made.landed,
            code=_code(made),
            params=made.params,
            seed=made.seed,
            environment=self.store.put_environment(environment(self.image)),
            resources=made.resources,
            metrics=made.metrics,
            checks=tuple(Check(c.name, c.passed, c.blocking, c.description, c.metadata) for c in made.checks),
            notes=made.notes,
            run=run,
            branch=self.store.branch,
            by=self.store.user,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )


def _code(made: Made) -> dict[str, Any]:
    """What computed it, and from what, as far as the manifest has no fields for it."""
    told: dict[str, Any] = {"ml_assets": __version__, **made.commit}
    if made.made_of is not None:
        told["computation"] = made.made_of.to_json()
    if made.source is not None:
        told["source"] = made.source
    return {**told, "why": made.why} if made.why else told


def refusal(key: VersionKey, manifest: Manifest) -> str:
    """Why a version was not published, and how to look at it."""
    failed = [f"{c.name}: {c.description}" for c in manifest.checks if c.blocking and not c.passed]
    return (
        f"{key.asset} [{key.partition}] was refused by {len(failed)} blocking check(s). " + " ".join(failed) + " "
        f"Nothing was published: everyone goes on reading the version before. Inspect it: ml-assets show {key.version[:12]}"
    )


def _step(context: dg.InputContext | dg.OutputContext) -> tuple[str, str]:
    return context.step_context.run_id, context.step_context.step.key


def _runs_to_look_in(context: dg.InputContext) -> list[str]:
    """This run and those it re-executes, newest first; none outside a run (``defs.load_asset_value``)."""
    try:
        run: dg.DagsterRun | None = context.step_context.dagster_run
    except dg.DagsterInvariantViolationError:
        return []
    runs = []
    while run is not None:
        runs.append(run.run_id)
        run = context.step_context.instance.get_run_by_id(run.parent_run_id) if run.parent_run_id else None
    return runs
