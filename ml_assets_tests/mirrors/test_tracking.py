"""What a real MLflow tracking server is told, however often, and whatever happens in between."""

from __future__ import annotations

import pytest

from ml_assets.errors import MirrorRefused, MirrorUnreachable
from ml_assets.mirrors.run import alias_of
from ml_assets.mirrors.tracking import API, Told, state_of, tell, tracking_server
from ml_assets_tests.doubles.mlflow_server import Line, Seen, TrackingServer, line_to, tracking
from ml_assets_tests.mirrors.conftest import Made

pytestmark = pytest.mark.slow  # MLflow takes seconds to start

NOTHING_LACKS = Told(0, 0, 0)


def test_a_model_is_a_run_with_its_parameters_numbers_and_where_it_comes_from(made: Made):
    key = made.model(
        code={"git_commit": "feed", "why": "computed: params.depth 2 -> 3", "computation": {"code": "c0" * 32}}
    )
    judged = made.evaluation(key, 9.5)

    assert made.tell() == Told(1, 0, 0)

    (run,) = made.seen.runs()
    assert (run["info"]["run_name"], run["info"]["status"]) == (f"2024-01 {key.short}", "FINISHED")
    assert run["info"]["end_time"] - run["info"]["start_time"] == 2000
    assert made.seen.params(run) == {"depth": "3", "kind": "trees"}
    assert made.seen.metrics(run) == {"mae_minutes": 9.5, "mae_minutes/low": 8.5, "resources/wall_seconds": 2.0}
    tags = made.seen.tags(run["data"])
    assert tags["ml_assets.version"] == key.version
    assert tags["ml_assets.digest"] == made.store.manifest(key).content.digest
    assert tags["ml_assets.evaluation"] == judged.version
    assert (tags["ml_assets.partition"], tags["ml_assets.code"], tags["ml_assets.dagster_run"]) == (
        "2024-01",
        "c0" * 32,
        "dagster-run",
    )
    assert (tags["mlflow.source.git.commit"], tags["mlflow.note.content"]) == ("feed", "computed: params.depth 2 -> 3")


def test_what_is_told_twice_makes_nothing_twice(made: Made):
    key = made.model()
    made.evaluation(key, 9.5)
    made.enter(key)
    assert made.tell() == Told(1, 1, 1)
    before = made.seen.runs(), made.seen.versions(), made.seen.aliases()

    assert made.tell() == NOTHING_LACKS
    assert (made.seen.runs(), made.seen.versions(), made.seen.aliases()) == before


def test_a_model_that_was_told_before_it_was_judged_gets_its_numbers_and_a_second_judgement_is_the_next_step(
    made: Made,
):
    key = made.model()
    made.tell()
    made.evaluation(key, 9.5)
    made.tell()
    made.evaluation(key, 9.0, at="2026-02-02T00:00:00+00:00")
    made.tell()

    (run,) = made.seen.runs()
    assert made.seen.history(run, "mae_minutes") == [(0, 9.5), (1, 9.0)]
    assert made.seen.metrics(run)["mae_minutes"] == 9.0


def test_a_training_curve_and_a_refused_model_are_told_as_they_are(made: Made):
    made.model(passes=False, notes={"training": {"step": [0, 10, 20], "loss": [0.7, None, 0.5]}})
    made.tell()

    (run,) = made.seen.runs()
    assert run["info"]["status"] == "FAILED"
    assert made.seen.tags(run["data"])["ml_assets.refused_by"] == "reloads"
    assert made.seen.history(run, "training/loss") == [(0, 0.7), (20, 0.5)]


def test_more_parameters_and_metrics_than_one_request_takes_and_odd_or_long_ones_are_told(made: Made):
    params = {f"p{n}": n for n in range(250)} | {"a[odd] name?": "x" * 7000}
    made.model(params=params, notes={"training": {"step": list(range(2000)), "loss": [1.0] * 2000}})
    made.tell()

    (run,) = made.seen.runs()
    told = made.seen.params(run)
    assert len(told) == 251
    assert told["a_odd_ name_"] == "x" * 5999 + "…"
    assert made.seen.metrics(run)["training/loss"] == 1.0
    assert "ml_assets.told" in made.seen.tags(run["data"])


def test_each_move_of_the_champion_moves_the_alias_and_a_model_is_one_version_however_often_it_is_crowned(made: Made):
    first, second = made.model("2024-01"), made.model("2024-02")
    for model, kind, told in (
        (first, "decision", Told(2, 1, 1)),
        (second, "promotion", Told(0, 1, 1)),
        (first, "rollback", Told(0, 0, 1)),
        (second, "promotion", Told(0, 0, 1)),
    ):
        made.enter(model, kind, why=f"because of {kind}")
        assert made.tell() == told
        assert made.seen.aliases() == {"champion": model.version}
        assert made.tell() == NOTHING_LACKS

    assert [made.seen.tags(version)["ml_assets.version"] for version in made.seen.versions()] == [
        first.version,
        second.version,
    ]
    assert [version["source"] for version in made.seen.versions()] == [
        f"ml-assets:/{made.problem}/model@{key.partition}:{key.version}" for key in (first, second)
    ]
    runs = {made.seen.tags(run["data"])["ml_assets.version"]: run["info"]["run_id"] for run in made.seen.runs()}
    assert [version["run_id"] for version in made.seen.versions()] == [runs[first.version], runs[second.version]]
    said = made.seen.tags(made.seen.versions()[1])["ml_assets.champion"]
    assert said.startswith("promotion as of 2024-02 by ada, ")
    assert said.endswith(": because of promotion")


def test_what_is_proposed_or_refused_is_no_version_and_has_no_alias(made: Made):
    champion, other = made.model("2024-01"), made.model("2024-02")
    made.enter(champion)
    made.tell()
    state = state_of(made.store, made.problem)
    made.enter(other, kind="proposal")
    made.enter(other, kind="refusal")
    assert state_of(made.store, made.problem) == state
    told = made.tell()
    assert (told.versions, told.aliases) == (0, 0)


def test_each_line_of_partitions_has_an_alias_of_its_own_and_a_branch_never_moves_that_of_main(made: Made):
    east, west = made.model("east"), made.model("west")
    made.enter(east, line="south/east")
    made.enter(west, line="west")
    made.tell()
    aliases = {alias_of("main", "south/east"): east.version, "champion-west": west.version}
    assert made.seen.aliases() == aliases

    branch = Made(made.problem, made.store.on("ada/trial"), made.address, made.seen)
    branch.enter(east, line="west")
    branch.tell()
    of_branch = {alias_of("ada/trial", line): east.version for line in ("west", "south/east")}
    assert made.seen.aliases() == aliases | of_branch


def test_a_run_that_somebody_deleted_there_stays_deleted(made: Made):
    key = made.model()
    made.tell()
    (run,) = made.seen.runs()
    made.seen.server.post(f"{API}/runs/delete", {"run_id": run["info"]["run_id"]})
    made.evaluation(key, 9.5)
    made.enter(key)

    assert made.tell() == Told(0, 1, 1)
    assert made.seen.runs() == []


@pytest.mark.parametrize("loses", [False, True], ids=["before a request arrives", "before its answer arrives"])
def test_wherever_the_line_is_cut_the_next_look_tells_the_rest_and_nothing_twice(made: Made, loses: bool):
    with line_to(made.address) as line:
        for cut_after in range(100):
            line.passed, line.cut_after, line.loses = 0, cut_after, loses
            made = made.another()
            key = made.model()
            made.evaluation(key, 9.5)
            made.enter(key)
            is_told = told_through(made, line)
            made.tell()
            assert [made.seen.metrics(run)["mae_minutes"] for run in made.seen.runs()] == [9.5], cut_after
            assert len(made.seen.versions()) == 1, cut_after
            assert made.seen.aliases() == {"champion": key.version}, cut_after
            assert made.tell() == NOTHING_LACKS
            if is_told:
                break

    assert 12 < cut_after < 20, "it was cut before each request"


def told_through(made: Made, line: Line) -> bool:
    try:
        made.tell(line.address)
    except MirrorUnreachable as why:
        assert "Nothing is lost" in str(why)
        return False
    return True


def test_a_server_that_is_killed_loses_nothing_and_is_told_the_rest_when_it_is_back(made: Made, tmp_path):
    with tracking(tmp_path) as server:
        first = made.model("2024-01")
        tell(made.store, made.problem, tracking_server(server.address))
        server.kill()
        second = made.model("2024-02")
        made.enter(second)
        with pytest.raises(MirrorUnreachable, match=r"cannot be reached \(Connection refused\)\. Nothing is lost"):
            tell(made.store, made.problem, tracking_server(server.address))
        server.start()
        assert tell(made.store, made.problem, tracking_server(server.address)) == Told(1, 1, 1)
        seen = Seen(server.address, made.problem)
        assert {seen.tags(run["data"])["ml_assets.version"] for run in seen.runs()} == {first.version, second.version}
        assert seen.aliases() == {"champion": second.version}


def test_what_there_is_no_time_for_is_told_at_the_next_look(made: Made):
    for month in ("2024-01", "2024-02", "2024-03"):
        made.model(month)
    time_is_left = iter([True, True, False])
    assert tell(made.store, made.problem, made.server(), lambda: next(time_is_left)) == Told(2, is_all=False)
    assert made.tell() == Told(1, 0, 0)
    assert len(made.seen.runs()) == 3


def test_the_state_of_a_problem_changes_with_each_thing_that_is_to_be_told(made: Made):
    seen = [state_of(made.store, made.problem)]
    key = made.model()
    seen.append(state_of(made.store, made.problem))
    made.evaluation(key, 9.5)
    seen.append(state_of(made.store, made.problem))
    made.enter(key)
    seen.append(state_of(made.store, made.problem))
    made.enter(key)
    seen.append(state_of(made.store, made.problem))
    assert len(set(seen)) == 5
    assert state_of(made.store, made.problem) == seen[-1]


def test_a_problem_without_models_is_no_experiment(made: Made):
    assert made.tell() == NOTHING_LACKS
    with pytest.raises(MirrorRefused, match="RESOURCE_DOES_NOT_EXIST"):
        made.seen.runs()


def test_what_the_server_refuses_is_said_with_its_reason(made: Made, mlflow: TrackingServer):
    made.model()
    made.tell()
    (experiment,) = {run["info"]["experiment_id"] for run in made.seen.runs()}
    made.seen.server.post(f"{API}/experiments/delete", {"experiment_id": experiment})
    made.model()
    with pytest.raises(MirrorRefused, match=r"with 400: \w+, .*Look whether ML_ASSETS_MLFLOW is") as refused:
        made.tell()
    assert mlflow.address not in str(refused.value)
