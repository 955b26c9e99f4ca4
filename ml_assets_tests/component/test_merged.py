"""Problems in a Dagster project that was there before: its assets are sources of ours, and ours are inputs of its own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

import ml_assets
from ml_assets.errors import SourceFailed
from ml_assets.lineage.workbench import Workbench
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.settings import Settings
from ml_assets.sources.rows import table_from
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles import umbrellas, warehouse
from ml_assets_tests.doubles.warehouse import CONNECTION, PROBLEM
from ml_assets_tests.doubles.world import QUIET

JANUARY, FEBRUARY = "2024-01", "2024-02"
READ = (dg.AssetKey(["customers", "landing"]), dg.AssetKey(["customers", "dataset"]))
STAGED, SHOPS, CAMPAIGN = dg.AssetKey(["staging", "visits"]), dg.AssetKey("shops"), dg.AssetKey("campaign")


@dataclass
class Project:
    folder: Path
    settings: Settings
    instance: dg.DagsterInstance
    store: Workbench
    signal: float = 2.0

    @property
    def definitions(self) -> dg.Definitions:
        return dg.Definitions.merge(
            warehouse.theirs(self.folder, self.signal), ml_assets.definitions_for([PROBLEM], self.settings)
        )

    def run(self, *assets: dg.AssetKey, partition: str | None = JANUARY) -> dg.ExecuteInProcessResult:
        job = self.definitions.resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            asset_selection=list(assets), partition_key=partition, instance=self.instance, run_config=QUIET
        )

    def chain(self) -> list[dg.AssetKey]:
        graph = self.definitions.resolve_asset_graph()
        return [key for key in graph.materializable_asset_keys if key.path[0] == "customers"]

    def manifest(self, noun: str):
        return self.store.manifest(self.store.head(f"customers/{noun}", JANUARY).target)


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv(CONNECTION, f"duckdb:///{tmp_path}/warehouse.duckdb")
    settings = Settings(store=str(tmp_path / "store"), landing=str(tmp_path / "landing"), cache=str(tmp_path / "cache"))
    with dg.DagsterInstance.ephemeral() as instance:
        project = Project(tmp_path, settings, instance, ml_assets.open_store(settings, [PROBLEM]))
        project.run(SHOPS, partition=None)
        project.run(STAGED)
        yield project


def test_nothing_of_ours_collides_with_what_a_project_has(project):
    merged = project.definitions
    assert {"io_manager", "warehouse", "ml_assets_io_manager"} <= set(merged.resources)
    assert isinstance(merged.resources["io_manager"], warehouse.Csv)
    assert merged.executor is dg.in_process_executor
    assert {sensor.name for sensor in merged.sensors} == {"customers_automation"}
    ours = merged.resolve_job_def("customers").executor_def
    assert ours.name == ml_assets.executor(project.settings).name == "local"


def test_the_chain_reads_their_table_and_their_value_and_their_asset_reads_our_predictions(project):
    project.run(*project.chain())
    wanted = umbrellas.visits(JANUARY).set_index("visit")
    found = project.store.load(f"customers/dataset@{JANUARY}").set_index("visit")
    assert found["shop"].to_dict() == wanted["shop"].to_dict()
    assert project.manifest("landing").notes["rows"] == {"visits": 400, "shops": 2}
    project.run(STAGED, partition=FEBRUARY)
    project.run(*project.chain(), partition=FEBRUARY)
    result = project.run(CAMPAIGN, partition=FEBRUARY)
    (told,) = result.asset_materializations_for_node("campaign")
    assert told.metadata["rows"].value == 400
    assert "prediction" in told.metadata["columns"].value


def test_the_asset_says_what_it_holds(project):
    spec = next(
        spec for spec in project.definitions.resolve_all_asset_specs() if spec.key.path == ["customers", "landing"]
    )
    assert "- `shops`: the asset `shops`" in spec.description
    assert "- `visits`: the asset `staging/visits`, by a query of `WAREHOUSE_URL`" in spec.description


def test_tables_of_any_library_that_speaks_arrow_are_sources_and_what_is_no_table_is_refused():
    frame = umbrellas.visits(JANUARY)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    for given in (frame, table, table.to_reader()):
        assert table_from("visits", given).num_rows == 400
    halves = {"b": frame.iloc[:100], "a": table.slice(100)}
    assert table_from("visits", halves)["visit"].to_pylist()[-100:] == frame["visit"].tolist()[:100]
    with pytest.raises(SourceFailed, match="gave a str, which is no table"):
        table_from("visits", "visits.csv")
    with pytest.raises(SourceFailed, match="none of the partitions"):
        table_from("visits", {})
    with pytest.raises(SourceFailed, match="different columns"):
        table_from("visits", {"a": table, "b": pa.table({"visit": [1]})})


def test_what_was_not_made_again_upstream_is_not_read_again(project):
    project.run(*READ)
    first = project.manifest("landing")
    assert set(first.notes["watermarks"]) == {"source visits", "source shops"}
    project.run(*READ)
    assert project.manifest("landing") == first
    project.run(STAGED)  # the same rows, in another order
    project.run(*READ)
    again = project.manifest("landing")
    assert "source visits" in again.code["why"]
    assert again.content.digest == first.content.digest, "nothing downstream is made again"


def requested(project: Project, cursor=None) -> tuple[set[str], object]:
    """The partitions of our landing that automation asks for at a look, and where the next one goes on."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        looked = dg.evaluate_automation_conditions(project.definitions, project.instance, cursor=cursor)
    return set(looked.get_requested_partitions(dg.AssetKey(["customers", "landing"]))), looked.cursor


def test_automation_follows_what_is_made_again_upstream(project):
    project.run(*READ)
    cursor = None
    for _ in range(2):
        found, cursor = requested(project, cursor)
        assert found == set()
    project.signal = 3.0
    project.run(STAGED)
    _, cursor = requested(project, cursor)
    found, cursor = requested(project, cursor)
    assert found == {JANUARY}


def test_a_dataset_is_rebuilt_without_their_assets(project, tmp_path):
    project.run(*READ)
    (tmp_path / "warehouse.duckdb").unlink()
    key = project.store.head("customers/dataset", JANUARY).target
    made = rebuild(project.store.backend, open_landing(project.settings.landing), key, tmp_path / "again")
    again = open_store(str(tmp_path / "again")).manifest(made)
    assert again.content.digest == project.manifest("dataset").content.digest


def test_an_asset_that_was_never_made_is_one_clear_error(project, tmp_path):
    (tmp_path / "shops.csv").unlink()
    with pytest.raises(FileNotFoundError):
        project.run(*READ)
    assert project.store.head("customers/landing", JANUARY) is None
