"""Ada's checkout beside main's, as two code locations of one Dagster: each has its runs, events and branch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ml_assets.store import Store, branches, open_landing, open_store
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.dagster_dev import DagsterDev, code_server, dagster_dev

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
MONTH = "2024-01"
NODES = "{ assetNodes { assetKey { path } repository { location { name } } } }"
COLLISIONS = (
    """query($keys: [AssetKeyInput!]!) { assetNodeDefinitionCollisions(assetKeys: $keys) { assetKey { path } } }"""
)
EVENTS = """query($key: AssetKeyInput!) { assetOrError(assetKey: $key) { ... on Asset { assetMaterializations {
    runId metadataEntries { label ... on TextMetadataEntry { text } } } } } }"""
PEOPLE = {
    "main": {"ML_ASSETS_BRANCH": "main", "ML_ASSETS_USER": "main"},
    "ada": {"ML_ASSETS_BRANCH": "ada", "ML_ASSETS_USER": "ada", "ML_ASSETS_KEY_PREFIX": "ada"},
}


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DagsterDev]:
    folder: Path = tmp_path_factory.mktemp("two")
    month = umbrellas.visits(MONTH)
    open_landing(str(folder / ".ml_assets/landing")).write(f"umbrellas/visits/{MONTH}.parquet", month)
    with ExitStack() as stack:
        ports = {name: stack.enter_context(code_server(folder, name, **PEOPLE[name])) for name in PEOPLE}
        places = [
            f"  - grpc_server: {{host: 127.0.0.1, port: {port}, location_name: {name}}}" for name, port in ports.items()
        ]
        workspace = folder / "workspace.yaml"
        workspace.write_text("load_from:\n" + "\n".join(places) + "\n")
        yield stack.enter_context(dagster_dev(folder, workspace=workspace))


def said_of(dev: DagsterDev, *path: str) -> list[dict[str, str]]:
    """The texts of each materialization of an asset, newest first."""
    found = dev.graphql(EVENTS, key={"path": path})["assetOrError"].get("assetMaterializations", [])
    return [{entry["label"]: entry.get("text", "") for entry in event["metadataEntries"]} for event in found]


def test_each_location_has_its_own_assets_runs_events_and_branch(dev: DagsterDev) -> None:
    nodes = dev.graphql(NODES)["assetNodes"]
    places = {tuple(node["assetKey"]["path"]): node["repository"]["location"]["name"] for node in nodes}
    assert places["umbrellas", "model"] == "main"
    assert {place for path, place in places.items() if path[0] == "ada"} == {"ada"}
    assert {place for path, place in places.items() if path[0] != "ada"} == {"main"}
    assert dev.graphql(COLLISIONS, keys=[{"path": path} for path in places])["assetNodeDefinitionCollisions"] == []

    (by_itself,) = dev.wait_until_quiet(1)
    assert by_itself.succeeded, "main's landing sensor runs; ada's does not"
    config = {"ada__umbrellas__model": {"config": {"params": {"c": 0.25}}}}
    nouns = ("dataset", "features", "split", "model", "evaluation")
    asked = dev.launch("umbrellas", nouns, MONTH, config, location="ada", prefix=("ada",))
    assert asked["__typename"] == "LaunchRunSuccess", asked
    assert all(run.succeeded for run in dev.wait_until_quiet(2))

    store = open_store(str(dev.folder / ".ml_assets/store"))
    main, ada = (_model(store.on(branch)) for branch in ("main", "ada"))
    assert main != ada
    assert [one["version"] for one in said_of(dev, "umbrellas", "model")] == [main[:12]]
    (hers,) = said_of(dev, "ada", "umbrellas", "model")
    assert (hers["version"], hers["branch"]) == (ada[:12], "ada")
    standing = {one.asset: one.state for one in branches.differences(store, "ada")}
    assert (standing["umbrellas/dataset"], standing["umbrellas/model"]) == ("same", "ahead")


def _model(store: Store) -> str:
    entry = store.head("umbrellas/model", MONTH)
    assert entry is not None
    return entry.target.version
