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

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, get_args, get_origin

import dagster as dg

from ml_assets import __version__
from ml_assets.errors import InvalidProblem, UnknownVersion
from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.metadata import code_identity, environment, materialization_metadata
from ml_assets.store import Check, Input, LandedFile, Manifest, RefEntry, Store, VersionKey

IO_MANAGER = "io_manager"  # Dagster's default key: nothing is ever pickled, not even what a user's own asset returns


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
        params, seed: what it was made with.
        resources: what it took.
    """

    value: Any
    checks: tuple[CheckOutcome, ...] = ()
    metrics: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    about: Callable[[VersionKey], Mapping[str, Any]] = lambda key: {}
    inputs: tuple[Handle, ...] = ()
    landed: tuple[LandedFile, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    resources: Mapping[str, Any] = field(default_factory=dict)

    @property
    def refused(self) -> bool:
        """Whether a blocking check failed: then it is kept and not published."""
        return any(check.blocking and not check.passed for check in self.checks)


class Handle:
    """An exact version of an upstream asset, not loaded yet."""

    def __init__(self, store: Store, key: VersionKey, name: str) -> None:
        self._store, self.key, self.name = store, key, name

    @cached_property
    def manifest(self) -> Manifest:
        """Where it came from: inputs, params, metrics, checks."""
        return self._store.manifest(self.key)

    def load(self) -> Any:
        """The value; every byte is verified."""
        return self._store.get(self.manifest.content)

    def inputs(self, name: str) -> tuple[Handle, ...]:
        """The exact versions that it was itself made from, under this input name.

        Following what is recorded, instead of taking the newest, keeps a split, its model and its evaluation together.
        """
        return tuple(Handle(self._store, read.key, name) for read in self.manifest.inputs if read.name == name)

    def input(self, name: str) -> Handle:
        """The one version that it was made from under this input name."""
        (handle,) = self.inputs(name)
        return handle

    def __repr__(self) -> str:
        return f"Handle({self.key})"


class StoreIOManager(dg.IOManager):
    """Versions every output in the store and hands out exact versions as inputs.

    Args:
        pages: where people reach the artifact pages, which the UI then links to; empty: nowhere.
    """

    def __init__(self, store: Store, pages: str = "") -> None:
        self.store, self.pages = store, pages
        self._read: dict[tuple[str, str], dict[tuple[str, str | None], Handle]] = {}

    def load_input(self, context: dg.InputContext) -> Any:
        """The input in the form its annotation asks for; which versions were read is recorded."""
        keys = sorted(context.asset_partition_keys) if context.has_asset_partitions else [None]
        runs = _runs_to_look_in(context)
        handles = {key: self._handle(context, key, runs) for key in keys}
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
        """Publish what was made, or refuse it with the checks that failed."""
        made = obj if isinstance(obj, Made) else Made(self.store.put(obj))
        manifest = self._manifest(context, made)
        key = self.store.commit(manifest)
        if manifest.rejected:
            raise dg.Failure(refusal(key, manifest), metadata={"version": key.version}, allow_retries=False)
        shown = materialization_metadata(self.store, key, manifest, self.pages, made.metadata)
        context.add_output_metadata({**made.about(key), **shown})
        self.store.name(
            manifest, why=f"materialized by run {context.run_id}"
        )  # last: what fails before is not published
        if not isinstance(obj, Made):  # an asset of a problem has given its own
            context.step_context.set_data_version(context.asset_key, dg.DataVersion(manifest.content.digest))

    def _handle(self, context: dg.InputContext, partition: str | None, runs: list[str]) -> Handle:
        asset = asset_name(context.asset_key)
        key = next(self._made_by(runs, asset, partition), None) or self._on_branch(asset, partition)
        if not runs:
            return Handle(self.store, key, asset)
        handle = Handle(self.store, key, context.name)
        self._read.setdefault(_step(context), {})[context.name, partition] = handle
        return handle

    def _made_by(self, runs: list[str], asset: str, partition: str | None) -> Iterator[VersionKey]:
        for run in runs:
            key = self.store.made_by_run(run, asset, partition)
            if key is not None:
                yield key

    def _on_branch(self, asset: str, partition: str | None) -> VersionKey:
        entry: RefEntry | None = self.store.head(asset, partition)
        if entry is None:
            at = f" [{partition}]" if partition else ""
            option = f" --partition {partition}" if partition else ""
            raise UnknownVersion(
                f"{asset}{at} has no published version on branch {self.store.branch}: it was never materialized, or "
                f"its blocking checks failed each time. Materialize it first: ml-assets run {asset}{option}"
            )
        return entry.target

    def _manifest(self, context: dg.OutputContext, made: Made) -> Manifest:
        read = [*self._read.pop(_step(context), {}).values(), *made.inputs]
        return Manifest(
            asset=asset_name(context.asset_key),
            partition=context.asset_partition_key if context.has_asset_partitions else None,
            content=made.value,
            inputs=tuple(Input(handle.name, handle.key, handle.manifest.content.digest) for handle in read),
            landed=made.landed,
            code={"ml_assets": __version__, **code_identity()},
            params=made.params,
            seed=made.seed,
            environment=self.store.put_environment(environment()),
            resources=made.resources,
            metrics=made.metrics,
            checks=tuple(Check(c.name, c.passed, c.blocking, c.description, c.metadata) for c in made.checks),
            notes=made.notes,
            run=context.run_id,
            branch=self.store.branch,
            by=self.store.user,
            created_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        )


def refusal(key: VersionKey, manifest: Manifest) -> str:
    """Why a version was not published, and how to look at it."""
    failed = [f"{c.name}: {c.description}" for c in manifest.checks if c.blocking and not c.passed]
    return (
        f"{key.asset} [{key.partition}] was refused by {len(failed)} blocking check(s). " + " ".join(failed) + " "
        f"Nothing was published: everyone goes on reading the version before. Inspect it: ml-assets show {key.version[:12]}"
    )


def asset_name(key: dg.AssetKey) -> str:
    """An asset's name in the store: the parts of its key joined by slashes."""
    return "/".join(key.path)


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
