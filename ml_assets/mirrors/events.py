"""Steps that make an asset's partition, as OpenLineage events. Nothing here knows where they go, nor asks Dagster.

The asset is the job, a step of a Dagster run is a run of it with an id that follows from both: an event that is told twice is the
same event. Datasets are called as they lie: the store's address is their namespace, the asset their name, and the digest of the
content their version. A step that used again what was there says so: its tag ``reused``, and why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID, uuid5

from ml_assets.errors import UsageError
from ml_assets.store import Check, Manifest

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset

NAMESPACE = "ml_assets"  # of jobs
OURS = UUID("6f9b9d1c-5a0e-5c43-8c9b-2f5f0b7c4d11")  # of run ids
State = Literal["START", "COMPLETE", "FAIL", "ABORT"]
Event = Mapping[str, Any]


@dataclass(frozen=True)
class Step:
    """What makes an asset's partition in a run of Dagster.

    Attributes:
        job: the name of Dagster's job.
        begins, ends: of the partition, where it is a time.
    """

    run: str
    job: str
    asset: str
    partition: str | None = None
    begins: datetime | None = None
    ends: datetime | None = None

    @property
    def id(self) -> str:
        """The id of its run in OpenLineage."""
        return str(uuid5(OURS, f"{self.run}/{self.asset}/{self.partition or ''}"))


@dataclass(frozen=True)
class Output:
    """The version that a step made, or used again.

    Attributes:
        reused: whether it was there already; ``why`` says why it was, or was not.
        columns: name -> type, where it is a table; ``rows``: how many it has.
        store, landing: addresses, in which inputs and output lie.
        repository: where the code is kept.
    """

    manifest: Manifest
    reused: bool
    why: str
    store: str
    landing: str
    columns: Mapping[str, str] = field(default_factory=dict)
    rows: int | None = None
    repository: str = ""


def require_openlineage() -> None:
    """Look whether its library is there, without loading it.

    Raises:
        UsageError: if it is not.
    """
    if find_spec("openlineage") is None:
        raise UsageError(
            "ML_ASSETS_OPENLINEAGE is set, and the library that writes such events is not installed. "
            "Install it: pip install 'ml_assets[openlineage]', or set nothing."
        )


def event(
    state: State, step: Step, at: float, *, output: Output | None = None, error: str = "", checks: Sequence[Check] = ()
) -> Event:
    """An event.

    Args:
        at: when it happened, in seconds since 1970.
        error: why the step failed.
        checks: what was checked, where that is not told by the output.
    """
    from openlineage.client.event_v2 import Job, Run, RunEvent, RunState
    from openlineage.client.serde import Serde

    told = RunEvent(
        eventType=RunState(state),
        eventTime=_instant(datetime.fromtimestamp(at, UTC)),
        run=Run(step.id, dict(_run_facets(step, output, error, checks))),
        job=Job(NAMESPACE, step.asset, dict(_job_facets(output))),
        inputs=_inputs(output) if output else [],
        outputs=[_output(output)] if output else [],
        producer=_producer(),
    )
    produced: Event = _produced(Serde.to_dict(told))
    return produced


def _run_facets(step: Step, output: Output | None, error: str, checks: Sequence[Check]) -> Iterator[tuple[str, Any]]:
    from openlineage.client import facet_v2 as facets

    of_dagster = facets.parent_run.Run(step.run), facets.parent_run.Job("dagster", step.job)
    yield "parent", facets.parent_run.ParentRunFacet(*of_dagster)
    yield "processing_engine", facets.processing_engine_run.ProcessingEngineRunFacet(version("dagster"), "Dagster")
    if step.begins and step.ends:
        nominal = facets.nominal_time_run.NominalTimeRunFacet(_instant(step.begins), _instant(step.ends))
        yield "nominalTime", nominal
    tags = {"partition": step.partition, "dagster_run": step.run} | (_said_of(output) if output else {})
    known = [facets.tags_run.TagsRunFacetFields(key, value, "ml_assets") for key, value in tags.items() if value]
    yield "tags", facets.tags_run.TagsRunFacet(known)
    if checked := [_tested(check) for check in (output.manifest.checks if output else checks)]:
        yield "test", facets.test_run.TestRunFacet(checked)
    if error:
        yield "errorMessage", facets.error_message_run.ErrorMessageRunFacet(error, "Python")


def _said_of(output: Output) -> dict[str, str | None]:
    manifest = output.manifest
    code = manifest.code
    return {
        "version": manifest.key.version,
        "reused": "true" if output.reused else "false",
        "why": output.why,
        "code": code.get("computation", {}).get("code"),
        "git_commit": code.get("git_commit"),
        "git_diff": code.get("git_diff"),
        "branch": manifest.branch,
    }


def _tested(check: Check) -> Any:
    from openlineage.client.facet_v2 import test_run

    return test_run.TestExecution(
        name=check.name,
        status="pass" if check.passed else "fail",
        severity="error" if check.blocking else "warn",
        description=check.description,
    )


def _job_facets(output: Output | None) -> Iterator[tuple[str, Any]]:
    from openlineage.client import facet_v2 as facets

    yield "jobType", facets.job_type_job.JobTypeJobFacet("BATCH", "DAGSTER", "ASSET")
    commit = output.manifest.code.get("git_commit") if output else None
    if output and commit and output.repository:
        yield (
            "sourceCodeLocation",
            facets.source_code_location_job.SourceCodeLocationJobFacet(
                "git", output.repository, repoUrl=output.repository, version=commit
            ),
        )


def _inputs(output: Output) -> list[InputDataset]:
    from openlineage.client.event_v2 import InputDataset

    read = [
        (output.store, each.key.asset, _facets(each.digest, each.key.partition, each.key.version))
        for each in output.manifest.inputs
    ]
    landed = [(output.landing, file.name, _facets(file.digest)) for file in output.manifest.landed]
    return [InputDataset(_namespace(lies), name, facets=said) for lies, name, said in (*read, *landed)]


def _output(output: Output) -> OutputDataset:
    from openlineage.client import facet_v2 as facets
    from openlineage.client.event_v2 import OutputDataset

    manifest = output.manifest
    about = _facets(manifest.content.digest, manifest.partition, manifest.key.version)
    if output.columns:
        columns = [facets.schema_dataset.SchemaDatasetFacetFields(name, kind) for name, kind in output.columns.items()]
        about["schema"] = facets.schema_dataset.SchemaDatasetFacet(columns)
    size, files = manifest.content.size, len(manifest.content.files)
    made = facets.output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(output.rows, size, files)
    return OutputDataset(
        _namespace(output.store), manifest.asset, facets=about, outputFacets={"outputStatistics": made}
    )


def _facets(digest: str, partition: str | None = None, version_: str | None = None) -> dict[str, Any]:
    """What is said of a dataset: which of its versions."""
    from openlineage.client import facet_v2 as facets

    said: dict[str, Any] = {"version": facets.dataset_version_dataset.DatasetVersionDatasetFacet(digest)}
    tags = {"partition": partition, "version": version_}
    known = [
        facets.tags_dataset.TagsDatasetFacetFields(key, value, "ml_assets") for key, value in tags.items() if value
    ]
    return said | ({"tags": facets.tags_dataset.TagsDatasetFacet(known)} if known else {})


def _namespace(address: str) -> str:
    """``s3://bucket/prefix`` as it is; a folder of this machine as a URL."""
    return address if "://" in address else f"file://{address}"


def _producer() -> str:
    return f"urn:ml_assets:{version('ml_assets')}"


def _produced(told: Any) -> Any:
    """With us as the producer of each facet, too."""
    if isinstance(told, dict):
        return {key: _producer() if key == "_producer" else _produced(value) for key, value in told.items()}
    return [_produced(each) for each in told] if isinstance(told, list) else told


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
