"""Alerts from real runs, to a real webhook on this machine, through the sensor as the daemon calls it."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.definitions.freshness import FreshnessState, FreshnessStateChange
from dagster._core.events import EngineEventData, StepMaterializationData
from dagster._core.loader import LoadingContextForTest
from dagster._core.remote_origin import InProcessCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.freshness import FreshnessDaemon
from dagster._utils.error import SerializableErrorInfo

from ml_assets.alerts.outbox import FULL, LONGEST_PAUSE, Outbox
from ml_assets.orchestration import incidents
from ml_assets.orchestration.alerts import alerts_sensor
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.webhook import SECRET, Webhook, listening
from ml_assets_tests.doubles.world import World

MONTH, NEXT = "2024-01", "2024-02"
FILE = f"umbrellas/visits/{MONTH}.parquet"
BAD, WORSE = umbrellas.visits(MONTH).head(10), umbrellas.visits(MONTH).head(12)
GOOD = umbrellas.visits(MONTH)
PREDICTIONS = dg.AssetKey(["umbrellas", "predictions"])


class Sensor:
    """The sensor of one process after another: only the cursor and the clock go on."""

    def __init__(self, world: World, address: str, ui: str = "") -> None:
        self.world, self.address, self.ui = world, address, ui
        self.cursor: str | None = None
        self.now = 2e9  # far from now: whatever a run writes is settled

    def tick(self) -> str:
        sensor = alerts_sensor(self.address, ui=self.ui, clock=lambda: self.now)
        assert sensor is not None
        with dg.build_sensor_context(instance=self.world.instance, cursor=self.cursor) as context:
            result = sensor(context)
        assert isinstance(result, dg.SensorResult)
        self.cursor = result.cursor
        self.now += LONGEST_PAUSE
        return result.skip_reason.skip_message

    @property
    def outbox(self) -> Outbox:
        assert self.cursor is not None
        return Outbox.from_cursor(self.cursor)


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with listening() as webhook:
        yield webhook


@pytest.fixture
def sensor(world, webhook) -> Sensor:
    """One that has looked once, before anything happened."""
    sensor = Sensor(world, webhook.address)
    assert sensor.tick() == "Alerts begin with what happens from now on."
    return sensor


def land(world: World, file) -> None:
    world.landing.write(FILE, file)


def fails(world: World, file) -> str:
    """The run that refuses a file."""
    land(world, file)
    result = world.run(umbrellas.PROBLEM, MONTH, ["dataset"])
    assert not result.success
    return result.run_id


def titles(webhook: Webhook) -> list[str]:
    return [text.splitlines()[0].strip("*") for text in webhook.texts]


REFUSED = "umbrellas/dataset [2024-01] was refused"


def test_a_failing_blocking_check_is_one_alert_that_says_what_was_found_and_how_to_look_at_it(world, webhook, sensor):
    fails(world, BAD)
    assert sensor.tick() == "1 alert(s) sent, 0 waiting."
    (text,) = webhook.texts
    (refused,) = world.store.versions("umbrellas/dataset", MONTH)
    assert text.startswith(
        f"*{REFUSED}*\numbrellas/dataset [2024-01] was refused by 1 blocking check(s). volume: 10 rows"
    )
    assert text.endswith(f"Inspect it: ml-assets show {refused.version[:12]}")


def test_an_incident_is_told_once_until_it_is_over_and_again_when_it_comes_back(world, webhook, sensor):
    for file, told in ((BAD, 1), (BAD, 1), (BAD, 1), (WORSE, 2), (BAD, 2)):
        fails(world, file)
        sensor.tick()
        assert len(webhook.texts) == told
    land(world, GOOD)
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    sensor.tick()
    assert len(webhook.texts) == 2, "what follows the corrected file is no alert"
    fails(world, BAD)
    sensor.tick()
    sensor.tick()
    assert titles(webhook) == [REFUSED] * 3


def test_what_happened_while_nobody_looked_is_told_in_order(world, webhook, sensor):
    fails(world, BAD)
    land(world, GOOD)
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    fails(world, BAD)
    fails(world, WORSE)
    sensor.tick()
    assert ["10 rows" in text for text in webhook.texts] == [True, True, False]


def test_an_exception_in_a_step_is_told_with_its_message_and_the_command_that_tries_again(world, webhook, sensor):
    def broken(history, data):
        raise ValueError("no clouds <today> & tomorrow")

    problem = umbrellas.with_features(broken)
    assert not world.with_problems([problem]).run(problem, MONTH).success
    sensor.tick()
    (text,) = webhook.texts
    assert text.startswith("*umbrellas/features [2024-01] failed*\n")
    assert "no clouds &lt;today&gt; &amp; tomorrow" in text
    assert text.endswith("\nNext: ml-assets run umbrellas/features+ --partition 2024-01")


def launched(world: World) -> dg.DagsterRun:
    """A run that is about to start."""
    job = world.definitions.resolve_implicit_global_asset_job_def().get_subset(
        asset_selection={dg.AssetKey(["umbrellas", "dataset"]), dg.AssetKey(["umbrellas", "features"])}
    )
    return world.instance.create_run_for_job(
        job, tags={"dagster/partition": MONTH}, asset_selection=job.asset_layer.selected_asset_keys
    )


def test_a_run_that_could_not_be_launched_is_told_with_the_reason(world, webhook, sensor):
    run = launched(world)
    error = SerializableErrorInfo("ApiException: no such namespace\n", [], "ApiException")
    world.instance.report_engine_event("It did not start.", run, EngineEventData.engine_error(error))
    world.instance.report_run_failed(run)
    sensor.tick()
    (text,) = webhook.texts
    assert text.startswith(
        "*umbrellas/dataset [2024-01] failed*\nIts run ended before it was made: ApiException: no such"
    )


def test_a_run_whose_machine_vanished_is_told_about_what_it_should_have_made_next(world, webhook, sensor):
    sensor.ui = "https://dagster.example/"
    run = launched(world)
    made = dg.AssetMaterialization(["umbrellas", "dataset"], partition=MONTH)
    event = dg.DagsterEvent(
        "ASSET_MATERIALIZATION",
        run.job_name,
        step_key="umbrellas__dataset",
        event_specific_data=StepMaterializationData(made),
    )
    world.instance.report_dagster_event(event, run.run_id)
    world.instance.report_run_failed(run, "Detected run worker status FAILED.")
    sensor.tick()
    assert webhook.texts == [
        "*umbrellas/features [2024-01] failed*\n"
        "Its run ended before it was made: Detected run worker status FAILED.\n"
        "Next: ml-assets run umbrellas/features+ --partition 2024-01\n"
        f"<https://dagster.example/runs/{run.run_id}>"
    ]
    world.instance.report_run_failed(launched(world), "Detected run worker status FAILED.")
    sensor.tick()
    assert titles(webhook)[1:] == ["umbrellas/dataset [2024-01] failed"]


def test_a_job_that_makes_no_asset_is_told_at_each_failure_because_nothing_says_that_it_is_over(world, webhook, sensor):
    @dg.op
    def clean():
        raise ValueError("no broom")

    @dg.job(logger_defs={}, executor_def=dg.in_process_executor)
    def cleaning():
        clean()

    for _ in range(2):
        cleaning.execute_in_process(instance=world.instance, raise_on_error=False)
        sensor.tick()
    assert ["cleaning in run" in title for title in titles(webhook)] == [True, True]
    line = clean.compute_fn.decorated_fn.__code__.co_firstlineno + 2
    assert webhook.texts[0].endswith(f"no broom ({os.path.relpath(__file__)}:{line} in clean)")


def test_a_cancelled_run_is_no_incident(world, webhook, sensor):
    world.instance.report_run_canceled(launched(world))
    assert sensor.tick() == "0 alert(s) sent, 0 waiting."


def test_a_model_that_is_not_promoted_is_told_once_with_the_reason_and_a_promoted_one_is_not(world, webhook, sensor):
    strict = umbrellas.with_gate_at_least(0.999)
    world.with_problems([strict]).must_run(strict, MONTH)
    sensor.tick()
    (text,) = webhook.texts
    assert text.startswith("*umbrellas/model [2024-01] was not promoted*\n")
    assert world.manifest("umbrellas/champion", MONTH).notes["why"].replace(">", "&gt;") in text
    assert text.endswith("\nNext: ml-assets history umbrellas")
    world.with_problems([strict]).must_run(strict, MONTH, ["champion"])
    sensor.tick()
    world.must_run(umbrellas.PROBLEM, MONTH, ["evaluation", "champion"])
    sensor.tick()
    assert world.load("umbrellas/champion", MONTH)["decision"] == "promote"
    assert len(webhook.texts) == 1


def decides(world: World, month: str, decision: str) -> None:
    key = dg.AssetKey(["umbrellas", "champion"])
    metadata = {"decision": dg.MetadataValue.md(decision), "why": dg.MetadataValue.md(f"Because of {month}.")}
    world.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=month, metadata=metadata))


def test_an_undecided_promotion_is_told(world, webhook, sensor):
    decides(world, MONTH, "cannot_tell")
    sensor.tick()
    assert webhook.texts == [
        "*umbrellas/model [2024-01] was not promoted: undecided*\nBecause of 2024-01.\nNext: ml-assets history umbrellas"
    ]


def test_many_decisions_found_at_once_are_one_message(world, webhook, sensor):
    for month in umbrellas.PROBLEM.partitions.keys():  # noqa: SIM118
        decides(world, month, "keep")
    sensor.tick()
    assert titles(webhook) == ["6 models were not promoted"]


def ages(world: World, state: FreshnessState) -> None:
    """As the freshness daemon reports it."""
    change = FreshnessStateChange(
        key=PREDICTIONS, new_state=state, previous_state=FreshnessState.UNKNOWN, state_change_timestamp=0.0
    )
    world.instance._report_runless_asset_event(change)


def test_predictions_that_grow_stale_are_told_once_until_they_are_fresh_again(world, webhook, sensor):
    sensor.ui = "http://127.0.0.1:3000"
    world.instance.report_runless_asset_event(dg.AssetMaterialization(PREDICTIONS, partition=MONTH))
    for state in ("PASS", "WARN", "FAIL", "FAIL", "PASS", "FAIL"):
        ages(world, FreshnessState[state])
    sensor.tick()
    assert titles(webhook) == ["umbrellas/predictions is stale"] * 2
    assert "The last that was made is umbrellas/predictions [2024-01], at " in webhook.texts[0]
    assert webhook.texts[0].endswith(
        "\nNext: ml-assets history umbrellas\n<http://127.0.0.1:3000/assets/umbrellas/predictions>"
    )


def daemon_evaluates(world: World, at: float, monkeypatch) -> None:
    """Dagster's freshness daemon looks at predictions that may be a day old."""
    policy = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=1))
    graph = dg.Definitions(assets=[dg.AssetSpec(PREDICTIONS, freshness_policy=policy)]).resolve_asset_graph()
    monkeypatch.setattr("dagster._core.definitions.freshness_evaluator.get_current_timestamp", lambda: at)
    context = LoadingContextForTest(world.instance)
    asyncio.run(FreshnessDaemon()._evaluate_asset(context, graph.get(PREDICTIONS)))


def test_what_the_freshness_daemon_finds_is_told(world, webhook, sensor, monkeypatch):
    daemon_evaluates(world, 0, monkeypatch)  # never made: unknown
    world.instance.report_runless_asset_event(dg.AssetMaterialization(PREDICTIONS, partition=MONTH))
    made = world.instance.get_latest_materialization_event(PREDICTIONS).timestamp
    for days, told in ((0.9, 0), (1.1, 1), (1.2, 1)):
        daemon_evaluates(world, made + days * 86_400, monkeypatch)
        sensor.tick()
        assert titles(webhook) == ["umbrellas/predictions is stale"] * told


def test_while_the_webhook_is_down_nothing_is_lost_and_afterwards_everything_comes_once_in_order(
    world, webhook, sensor
):
    webhook.status = 503
    for rows in (10, 12, 14):
        fails(world, umbrellas.visits(MONTH).head(rows))
        sensor.tick()
    land(world, GOOD)
    world.must_run(umbrellas.PROBLEM, MONTH, ["dataset"])
    assert sensor.tick() == "0 alert(s) sent, 3 waiting."
    webhook.status = 200
    assert sensor.tick() == "3 alert(s) sent, 0 waiting."
    sensor.tick()
    assert [next(rows for rows in (10, 12, 14) if f"{rows} rows" in text) for text in webhook.texts] == [10, 12, 14]


def test_while_many_alerts_wait_nothing_more_is_read_and_nothing_is_lost(world, webhook, sensor, monkeypatch):
    monkeypatch.setattr(incidents, "ALERTS_AT_ONCE", 7)
    monkeypatch.setattr(incidents, "AT_ONCE", 10)
    webhook.status = 500
    days = [f"2024-{month:02}-{day:02}" for month in (1, 2) for day in range(1, 29)]
    for day in days:
        world.instance.report_runless_asset_event(dg.AssetMaterialization(PREDICTIONS, partition=day))
        run = launched(world)
        world.instance.add_run_tags(run.run_id, {"dagster/partition": day})
        world.instance.report_run_failed(run)
    for _ in range(10):
        sensor.tick()
    assert FULL <= len(sensor.outbox.waiting) < FULL + 7
    webhook.status = 200
    for _ in range(12):
        sensor.tick()
    assert titles(webhook) == [f"umbrellas/dataset [{day}] failed" for day in days]
    assert sensor.outbox.waiting == ()


def test_an_event_that_becomes_visible_late_is_told_and_nothing_twice(world, webhook, sensor, monkeypatch):
    """A database hands out numbers before it shows what has them: 11 can come after 12."""
    storage = world.instance.event_log_storage
    runs = [fails(world, BAD), fails(world, WORSE)]
    sensor.now = max(e.timestamp for run in runs for e in world.instance.all_logs(run))
    read = storage.get_logs_for_all_runs_by_log_id

    def without_the_first(*args):
        return {number: entry for number, entry in read(*args).items() if entry.run_id != runs[0]}

    with monkeypatch.context() as late:
        late.setattr(storage, "get_logs_for_all_runs_by_log_id", without_the_first)
        sensor.tick()
    assert ["12 rows" in text for text in webhook.texts] == [True]
    sensor.tick()
    sensor.tick()
    sensor.tick()
    assert ["12 rows" in text for text in webhook.texts] == [True, False]
    assert sensor.outbox.seen == {}, "by now everything is settled"


def test_on_a_laptop_whose_database_has_a_file_per_run_the_same_is_told(world, webhook, tmp_path):
    with dg.DagsterInstance.local_temp(str(tmp_path)) as laptop:
        assert laptop.event_log_storage.is_run_sharded
        world.instance = laptop
        sensor = Sensor(world, webhook.address)
        sensor.tick()
        fails(world, BAD)
        fails(world, BAD)
        decides(world, MONTH, "keep")
        ages(world, FreshnessState.FAIL)
        laptop.report_run_failed(launched(world))
        sensor.tick()
    assert titles(webhook) == [
        REFUSED,
        "umbrellas/model [2024-01] was not promoted",
        "umbrellas/predictions is stale",
        "umbrellas/dataset [2024-01] failed",
    ]


def test_history_from_before_the_first_look_is_not_told(world, webhook):
    fails(world, BAD)
    sensor = Sensor(world, webhook.address)
    for _ in range(3):
        sensor.tick()
    assert webhook.asked == 0


def test_an_instance_that_was_wiped_is_watched_from_its_new_beginning(world, webhook, sensor):
    fails(world, BAD)
    sensor.tick()
    world.instance.event_log_storage.wipe()
    sensor.tick()
    fails(world, WORSE)
    sensor.tick()
    assert len(webhook.texts) == 2


@pytest.mark.parametrize("status", [0, 404, 500])
def test_the_address_is_in_no_log_cursor_or_tick(world, webhook, caplog, status):
    address = webhook.address
    if status:
        webhook.status = status
    else:
        webhook.server.socket.close()
    sensor = Sensor(world, address)
    sensor.tick()
    fails(world, BAD)
    with caplog.at_level(logging.DEBUG):
        said = [sensor.tick() for _ in range(3)]
    mine = [record.getMessage() for record in caplog.records if record.name == "ml_assets.alerts"]
    assert mine[0].startswith(REFUSED)
    assert len(mine) == 4, "the alert once, and at each attempt why it waits"
    assert all(message.startswith("1 alert(s) wait, and will be sent in order: the webhook ") for message in mine[1:])
    for text in (*said, caplog.text, sensor.cursor or "", repr(alerts_sensor(address))):
        assert SECRET not in text
        assert address not in text


def test_alerts_are_off_unless_configured(world):
    assert alerts_sensor("") is None


def test_the_log_alone_is_a_destination(world, caplog):
    sensor = Sensor(world, "log")
    sensor.tick()
    fails(world, BAD)
    sensor.tick()
    sensor.tick()
    assert [record.getMessage()[: len(REFUSED)] for record in caplog.records if record.name == "ml_assets.alerts"] == [
        REFUSED
    ]
    assert sensor.outbox.waiting == ()


def test_dagster_accepts_the_sensor_beside_the_assets_and_starts_it(world, webhook):
    sensor = alerts_sensor(webhook.address)
    assert sensor is not None
    dg.Definitions.validate_loadable(dg.Definitions.merge(world.definitions, dg.Definitions(sensors=[sensor])))
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING


def test_runs_of_another_code_location_are_left_to_it(world):
    ours = incidents.Log(world.instance, "ml_assets")
    assert ours._is_watched(launched(world)), "from the command line"
    assert ours._is_watched(from_location(launched(world), "ml_assets"))
    assert not ours._is_watched(from_location(launched(world), "billing"))


def from_location(run: dg.DagsterRun, location: str) -> dg.DagsterRun:
    code = InProcessCodeLocationOrigin(LoadableTargetOrigin(), location_name=location)
    return run._replace(remote_job_origin=RemoteJobOrigin(RemoteRepositoryOrigin(code, "__repository__"), run.job_name))
