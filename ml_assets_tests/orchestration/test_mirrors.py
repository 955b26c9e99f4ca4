"""The sensors of mirrors, as the daemon calls them; what a tracking server is told: ml_assets_tests/mirrors/."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import dagster as dg
import pytest

from ml_assets.errors import UsageError
from ml_assets.mirrors.tracking import API, tracking_server
from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.mirrors import mirror_sensors, tell_all
from ml_assets.promotion.ledger import Ledger
from ml_assets.settings import Settings
from ml_assets.store import open_store
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.endpoint import SECRET
from ml_assets_tests.doubles.mlflow_server import Seen, TrackingServer, tracking
from ml_assets_tests.doubles.ports import free_port
from ml_assets_tests.doubles.world import World

MONTH, NEXT = "2024-01", "2024-02"


class Sensor:
    """The sensor of one process after another: only the cursor goes on."""

    def __init__(self, world: World, address: str) -> None:
        self.world, self.address = world, address
        self.cursor: str | None = None

    def tick(self) -> str:
        settings = Settings(mlflow=self.address)
        (sensor,) = mirror_sensors([umbrellas.PROBLEM], self.world.store, self.world.landing, settings)
        with dg.build_sensor_context(instance=self.world.instance, cursor=self.cursor) as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        return result.skip_reason.skip_message


def sensors_of(world: World, settings: Settings, store=None) -> dict[str, dg.DefaultSensorStatus]:
    definitions = build_definitions([umbrellas.PROBLEM], store or world.store, world.landing, settings=settings)
    return {sensor.name: sensor.default_status for sensor in definitions.sensors or []}


def test_there_is_a_sensor_for_each_address_that_is_set_and_none_without(world, tmp_path):
    without = sensors_of(world, Settings())
    assert not [name for name in without if "mlflow" in name or "openlineage" in name]
    settings = Settings(mlflow="https://mlflow.example", openlineage=tmp_path.as_uri() + "/")
    added = sensors_of(world, settings).keys() - without.keys()
    assert added == {"ml_assets_mlflow", "ml_assets_openlineage"}


def test_on_a_branch_mirrors_wait_for_somebody_who_starts_them(world, tmp_path):
    settings = Settings(mlflow="https://mlflow.example", openlineage=tmp_path.as_uri() + "/")
    on_branch = sensors_of(world, settings, open_store(world.store.url, branch="ada"))
    for name in ("ml_assets_mlflow", "ml_assets_openlineage"):
        assert sensors_of(world, settings)[name] == dg.DefaultSensorStatus.RUNNING
        assert on_branch[name] == dg.DefaultSensorStatus.STOPPED


def test_without_an_address_nothing_of_the_mirrors_is_loaded_and_with_one_no_library_is():
    program = (
        "import sys; from ml_assets.orchestration import build_definitions; from ml_assets.settings import Settings; "
        "from ml_assets.store import open_landing, open_store; "
        "build_definitions([], open_store('memory://s'), open_landing('memory://l'), settings=Settings(**{settings})); "
        "print([n for n in sys.modules if n.split('.')[0] in ('mlflow', 'openlineage', 'requests') or 'ml_assets.mirrors' in n])"
    )
    both = {"mlflow": "https://m.example", "openlineage": "https://o.example"}
    for settings, loaded in (({}, []), (both, ["ml_assets.mirrors"])):
        ran = subprocess.run(
            [sys.executable, "-c", program.replace("{settings}", repr(settings))],
            capture_output=True,
            text=True,
            check=True,
        )
        assert [name for name in eval(ran.stdout) if "." not in name or name == "ml_assets.mirrors"] == loaded


@pytest.mark.parametrize("setting", ["mlflow", "openlineage"])
def test_an_address_that_is_none_is_said_when_the_definitions_are_loaded_and_not_repeated(world, setting):
    with pytest.raises(UsageError, match=f"ML_ASSETS_{setting.upper()}") as refused:
        sensors_of(world, Settings(**{setting: f"nonsense {SECRET}"}))
    assert SECRET not in str(refused.value)


def test_a_server_that_is_down_is_a_skipped_look_that_says_so_and_not_where(world, caplog):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features", "split", "model"])
    sensor = Sensor(world, f"http://ada:{SECRET}@127.0.0.1:{free_port()}")
    said = sensor.tick()
    assert said.startswith("The tracking server cannot be reached (Connection refused). Nothing is lost")
    assert said in caplog.text
    assert SECRET not in caplog.text + str(sensor.cursor)


@pytest.mark.slow
def test_what_a_world_makes_is_told_and_moves_by_hand_too(world: World, tmp_path):
    with tracking(tmp_path / "server") as server:
        sensor, seen = Sensor(world, server.address), Seen(server.address, "umbrellas")
        for month in (MONTH, NEXT):
            world.must_run(umbrellas.PROBLEM, month)
        assert sensor.tick() == "2 run(s), 1 model version(s) and 1 alias(es) told."
        assert sensor.tick() == "0 run(s), 0 model version(s) and 0 alias(es) told."
        auroc = world.manifest("umbrellas/evaluation", MONTH).metrics["auroc"]
        first = seen.metrics(seen.runs()[0])
        assert (first["auroc"], first["auroc/baseline"]) == (auroc["value"], auroc["baseline"])
        assert seen.params(seen.runs()[0]) == {"c": "1.0", "shuffle_label": "false"}

        server.kill()
        ledger, model = Ledger(world.store, "umbrellas", None), world.head("umbrellas/model", NEXT)
        ledger.enter(model, kind="promotion", after=ledger.moves(), as_of=NEXT, why="by hand")
        assert "cannot be reached" in sensor.tick()
        server.start()
        assert sensor.tick() == "0 run(s), 1 model version(s) and 1 alias(es) told."
        assert seen.aliases() == {"champion": model.version}


@pytest.mark.slow
def test_a_manifest_that_is_damaged_or_an_experiment_that_was_deleted_holds_up_no_other_problem(
    world: World, mlflow: TrackingServer
):
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset", "features", "split", "model"])
    world.must_run(ice_cream.PROBLEM, "north", ["dataset", "features", "split", "model"])
    server = tracking_server(mlflow.address)
    deleted = server.post(f"{API}/experiments/create", {"name": "deleted"})["experiment_id"]
    server.post(f"{API}/experiments/delete", {"experiment_id": deleted})
    copied = world.manifest("umbrellas/model", MONTH)
    world.store.commit(replace(copied, asset="deleted/model"))
    key = world.head("umbrellas/model", MONTH)
    world.store.backend.replace(f"versions/umbrellas/model/{MONTH}/{key.version}.json", b"{}")

    said: list[str] = []
    known, told = tell_all(["umbrellas", "deleted", "ice_cream"], world.store, server, say=said.append)
    assert told == "1 run(s), 0 model version(s) and 0 alias(es) told."
    assert list(known) == ["ice_cream"]
    assert [line.split(":")[0] for line in said] == ["umbrellas is not mirrored", "deleted is not mirrored"]
