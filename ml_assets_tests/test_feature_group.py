"""A feature group is declared once, made once and read by several problems, and everything knows of it as of a problem."""

from __future__ import annotations

import os
import warnings
from dataclasses import replace
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from ml_assets.computation.chain import chain_of, inputs_of
from ml_assets.computation.planner import Planner
from ml_assets.computation.reuse import given
from ml_assets.errors import InvalidProblem
from ml_assets.feature_group import FeatureGroup
from ml_assets.lineage.lineage import lineage
from ml_assets.orchestration.rebuild import rebuild
from ml_assets.orchestration.try_out import try_out
from ml_assets.problem import Shared, Static
from ml_assets.problems import linked, load
from ml_assets.settings import Settings
from ml_assets.store import open_store
from ml_assets_tests.doubles import parasols, ponchos, umbrellas
from ml_assets_tests.doubles.daemon import Daemon
from ml_assets_tests.doubles.ponchos import GALOSHES, GROUP, PONCHOS
from ml_assets_tests.doubles.world import World, build
from ml_assets_tests.pages.conftest import site

EVERY = [GROUP, PONCHOS, GALOSHES]
JANUARY, FEBRUARY = "2024-01", "2024-02"


def landed(world: World) -> World:
    for month in (JANUARY, FEBRUARY):
        world.landing.write(f"sky/sky/{month}.parquet", ponchos.observations(month))
        for problem in (PONCHOS, GALOSHES):
            ponchos.land(world.landing, month, problem)
    return world


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> World:
    world = landed(build(tmp_path_factory.mktemp("sky"), EVERY))
    for month in (JANUARY, FEBRUARY):
        world.must_run(GROUP, month)
        for problem in (PONCHOS, GALOSHES):
            world.must_run(problem, month, ["dataset", "features"])
    return world


@pytest.fixture
def world(made, tmp_path) -> World:
    return made.copied_to(tmp_path / "copy", EVERY)


def states(world: World, problem, months=(FEBRUARY,)) -> list[str]:
    planner = Planner(problem, world.store, world.landing, given(problem, problem.params, problem.seed))
    nouns = [noun for noun in chain_of(problem) if noun in ("dataset", "features")]
    return [one.state for one in planner.plan(nouns, list(months))]


def test_it_has_a_dataset_with_checks_that_need_no_label_and_nothing_else(made):
    assert chain_of(GROUP) == ("dataset",)
    manifest = made.manifest("sky/dataset", FEBRUARY)
    assert [check.name for check in manifest.checks] == ["volume", "schema", "keys", "unique", "dated"]
    assert all(check.passed for check in manifest.checks)
    assert not {"label", "task"} & set(manifest.code["computation"]["settings"])
    node = made.definitions.resolve_asset_graph().get(dg.AssetKey(["sky", "dataset"]))
    assert {key.name for key in node.check_keys} == {check.name for check in manifest.checks}


def test_the_ui_has_its_group_its_job_and_the_sensor_of_its_files(made):
    assert made.definitions.resolve_asset_graph().get(dg.AssetKey(["sky", "dataset"])).group_name == "sky"
    assert "sky" in {job.name for job in made.definitions.jobs}
    assert {"sky_landing", "sky_automation"} <= {sensor.name for sensor in made.definitions.sensors}


def test_two_problems_read_the_same_version_which_was_made_once(made):
    sky = [made.head("sky/dataset", month) for month in (JANUARY, FEBRUARY)]
    for name in ("ponchos", "galoshes"):
        read = [one.key for one in made.manifest(f"{name}/dataset", FEBRUARY).inputs]
        assert read == sky
    assert len(made.store.versions("sky/dataset", FEBRUARY)) == 1
    assert "ponchos/landing" not in made.store.assets()


def test_each_row_has_what_was_published_before_its_question_also_of_the_month_before(made):
    data = made.load("ponchos/dataset", FEBRUARY)
    assert (data["published_at"] <= data["at"]).all()
    first = data[data["at"] < pd.Timestamp("2024-02-01 01:00", tz="UTC")]
    assert (first["published_at"] < pd.Timestamp("2024-02-01", tz="UTC")).all()


def test_a_correction_is_followed_by_those_that_share_it_and_is_seen_by_their_plan(world):
    assert states(world, PONCHOS) == states(world, GALOSHES) == ["current", "current"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.BetaWarning)
        cursor = None
        for _ in range(2):
            cursor = dg.evaluate_automation_conditions(world.definitions, world.instance, cursor=cursor).cursor
        world.landing.write(f"sky/sky/{JANUARY}.parquet", ponchos.observations(JANUARY, changed=1.0))
        assert states(world, GROUP, [JANUARY]) == ["compute"]
        world.must_run(GROUP, JANUARY)
        cursor = dg.evaluate_automation_conditions(world.definitions, world.instance, cursor=cursor).cursor
        looked = dg.evaluate_automation_conditions(world.definitions, world.instance, cursor=cursor)
    for name in ("ponchos", "galoshes"):
        assert set(looked.get_requested_partitions(dg.AssetKey([name, "dataset"]))) == {JANUARY, FEBRUARY}
    assert states(world, PONCHOS) == ["compute", "open"]


def test_a_correction_that_becomes_known_later_than_all_questions_changes_no_features(world):
    """Whose dataset is made again comes out the same: nothing further is made."""
    before = world.manifest("ponchos/dataset", JANUARY).content.digest
    seen = ponchos.observations(JANUARY)
    late = seen["seen_at"] >= pd.Timestamp("2024-01-28 23:00", tz="UTC")
    extra = seen.tail(1).assign(seen_at=pd.Timestamp("2024-01-31 23:59", tz="UTC"), rain=9.0)
    assert not late.any()
    world.landing.write(f"sky/sky/{JANUARY}.parquet", pd.concat([seen, extra], ignore_index=True))
    world.must_run(GROUP, JANUARY)
    world.must_run(PONCHOS, JANUARY, ["dataset", "features"])
    assert world.manifest("ponchos/dataset", JANUARY).content.digest == before


def test_lineage_leads_to_its_files_and_back(made):
    dataset, sky = made.head("ponchos/dataset", FEBRUARY), made.head("sky/dataset", FEBRUARY)
    assert "landed: sky/sky/2024-02.parquet" in str(lineage(made.store, dataset))
    down = str(lineage(made.store, sky, down=True))
    assert str(dataset) in down
    assert str(made.head("galoshes/dataset", FEBRUARY)) in down


@pytest.mark.parametrize("asset", ["sky/dataset", "ponchos/dataset"])
def test_it_and_what_shares_it_are_reproduced(made, asset, tmp_path):
    key = made.head(asset, FEBRUARY)
    again = rebuild(made.store.backend, made.landing, key, tmp_path / "again")
    assert open_store(str(tmp_path / "again")).manifest(again).content.digest == made.store.manifest(key).content.digest


@pytest.mark.parametrize("path", ["/", "/problem/sky", "/version/{version}"])
def test_the_pages_show_it(made, path):
    version = made.head("sky/dataset", FEBRUARY).version
    answer = site(made.store, EVERY)(path.format(version=version))
    assert answer.status == 200
    assert "sky/predictions" not in answer.text
    assert "sky" in answer.text


def test_what_landed_twice_at_one_time_is_refused(world):
    seen = ponchos.observations(FEBRUARY)
    world.landing.write(f"sky/sky/{FEBRUARY}.parquet", pd.concat([seen, seen.head(3)]))
    assert not world.run(GROUP, FEBRUARY).success
    (key,) = [one for one in world.store.versions("sky/dataset", FEBRUARY) if world.store.manifest(one).rejected]
    (unique,) = [check for check in world.store.manifest(key).checks if check.name == "unique"]
    assert "6 rows share their 'shop' and 'seen_at' with another" in unique.description


def test_a_file_of_a_package_holds_one(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    for name, text in {"__init__": "", "sky": "from ml_assets_tests.doubles.ponchos import GROUP"}.items():
        (tmp_path / "weather_team").mkdir(exist_ok=True)
        (tmp_path / "weather_team" / f"{name}.py").write_text(text)
    good, broken = load("weather_team", tmp_path / "weather_team")
    assert (list(good), broken) == ([GROUP], ())


def test_what_makes_no_sense_is_said_of_a_feature_group():
    with pytest.raises(InvalidProblem, match="Feature group 'Sky': the name must be a lower-case identifier"):
        replace(GROUP, name="Sky")
    with pytest.raises(TypeError):
        FeatureGroup(**{**vars(umbrellas.PROBLEM)})


def test_of_a_group_only_the_dataset_is_shared():
    odd = replace(PONCHOS, sources={"sky": Shared("sky/predictions")})
    (broken,) = linked([GROUP, odd])[1]
    assert "a feature group has a dataset alone: write Shared('sky/dataset')" in broken.summary


def test_files_wait_until_what_their_partition_shares_is_made(tmp_path):
    world = build(tmp_path, EVERY)
    daemon = Daemon(world, PONCHOS)
    ponchos.land(world.landing, JANUARY)
    _settled(world, f"ponchos/visits/{JANUARY}.parquet")
    daemon.landing_tick()
    assert daemon.ran == []
    world.landing.write(f"sky/sky/{JANUARY}.parquet", ponchos.observations(JANUARY))
    world.must_run(GROUP, JANUARY)
    daemon.landing_tick()
    assert [partition for partition, *_ in daemon.ran] == [JANUARY]


def _settled(world: World, name: str) -> None:
    """A file that was written a while ago."""
    path = Path(world.landing.backend.url) / name
    os.utime(path, (path.stat().st_mtime - 60,) * 2)


def test_a_problem_is_tried_out_with_what_it_shares_as_the_branch_names_it(made):
    settings = Settings(store=made.store.backend.url, landing=made.landing.backend.url)
    tried = try_out(PONCHOS, FEBRUARY, 100, asset="features", settings=settings)
    assert tried.passed
    assert try_out(PONCHOS, FEBRUARY, asset="dataset", settings=settings).passed
    assert try_out(GROUP, FEBRUARY, settings=settings).passed
    assert len(made.store.versions("sky/dataset", FEBRUARY)) == 1, "nothing is kept"


@pytest.mark.parametrize("grid", [parasols.PROBLEM, parasols.VALUE_FIRST], ids=["month first", "value first"])
def test_a_month_is_shared_by_each_of_its_origins(tmp_path, grid):
    def load_with_sky(partition, source):
        found = parasols.load if "shop" in partition.values else parasols.load_by_branch
        return found(partition, source).assign(seen=len(source.table("sky")))

    problem = replace(
        grid, dataset=load_with_sky, schema=_seen, sources={"sky": Shared("sky/dataset", partition="{month}")}
    )
    world = build(tmp_path, [GROUP, problem])
    world.landing.write(f"sky/sky/{JANUARY}.parquet", ponchos.observations(JANUARY))
    parasols.land(world.landing, JANUARY)
    world.must_run(GROUP, JANUARY)
    for key in (problem.partitions.key(JANUARY, shop) for shop in parasols.SHOPS):
        assert inputs_of(problem, "dataset", key) == [("sky/dataset", JANUARY)]
        world.must_run(problem, key, ["dataset"])
        (read,) = world.manifest("parasols/dataset", key).inputs
        assert read.key == world.head("sky/dataset", JANUARY)
        made_again = rebuild(world.store.backend, world.landing, read.key, tmp_path / key.replace("|", "_"))
        assert made_again.partition == JANUARY


def _seen():
    import pandera.pandas as pa

    return umbrellas.schema().add_columns({"seen": pa.Column(int)})


def test_one_partition_is_shared_by_all(tmp_path):
    always = replace(GROUP, partitions=Static(("all",)), files=(), dataset=lambda partition, source: ALL)
    problem = replace(PONCHOS, dataset=_with_all, schema=umbrellas.schema, files=())
    problem = replace(problem, sources={"sky": Shared("sky/dataset", partition="all")})
    world = build(tmp_path, [always, problem])
    world.must_run(always, "all")
    for month in (JANUARY, FEBRUARY):
        world.must_run(problem, month, ["dataset"])
        assert world.manifest("ponchos/dataset", month).inputs[0].key == world.head("sky/dataset", "all")


ALL = ponchos.observations(JANUARY).assign(published_at=lambda seen: seen["seen_at"])


def _with_all(partition, source):
    assert len(source.table("sky")) == len(ALL)
    return umbrellas.visits(partition.key)
