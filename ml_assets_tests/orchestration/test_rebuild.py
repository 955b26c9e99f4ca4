"""Versions made again from their manifests, in this process; in one with the recorded code: ``cli/test_reproduce.py``."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import InvalidProblem, Rejected
from ml_assets.orchestration.rebuild import _modules_naming, rebuild
from ml_assets.promotion.ledger import Ledger
from ml_assets.store import Manifest, VersionKey, open_store
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.chain import IN_TIME
from ml_assets_tests.doubles.forgery import forged
from ml_assets_tests.doubles.world import World, build

SHOP = "quay-7"


def rebuilt(world: World, key: VersionKey, folder: Path) -> Manifest:
    found = rebuild(world.store.backend, world.landing, key, folder / key.version)
    return open_store(str(folder / key.version)).manifest(found)


def assert_identical(world: World, key: VersionKey, folder: Path) -> None:
    recorded, made = world.store.manifest(key), rebuilt(world, key, folder)
    assert made.content.digest == recorded.content.digest, key
    assert made.code["computation"] == recorded.code["computation"], key


NOUNS = IN_TIME


@pytest.mark.parametrize("noun", NOUNS)
def test_every_version_comes_out_the_same_of_the_same_ingredients(finished, tmp_path, noun):
    versions = finished.store.versions(f"umbrellas/{noun}")
    assert len(versions) == 3
    for key in (versions[0], versions[-1]):  # without and with a champion, earlier rows and a full window
        assert_identical(finished, key, tmp_path)


def test_parameters_and_seed_are_those_that_were_recorded(world, tmp_path):
    first = ("dataset", "features", "split")
    world.must_run(umbrellas.PROBLEM, "2024-01", first)
    config = {"params": {"c": 0.01, "shuffle_label": True}, "seed": 7}
    world.must_run(umbrellas.PROBLEM, "2024-01", ["model"], config=config)
    key = world.head("umbrellas/model", "2024-01")
    made = rebuilt(world, key, tmp_path)
    assert (made.params, made.seed) == (config["params"], 7)
    assert_identical(world, key, tmp_path)


def test_inputs_are_the_recorded_ones_also_after_the_branch_moved_on(world, tmp_path):
    world.must_run(umbrellas.PROBLEM, "2024-01", ("dataset", "features", "split"))
    old = world.head("umbrellas/split", "2024-01")
    world.landing.write("umbrellas/visits/2024-01.parquet", umbrellas.visits("2024-01", rows=500))
    world.must_run(umbrellas.PROBLEM, "2024-01", ("dataset", "features", "split"))
    assert world.head("umbrellas/split", "2024-01") != old
    assert_identical(world, old, tmp_path)


@pytest.mark.slow
def test_decisions_and_predictions_come_out_the_same_whatever_was_decided_later(world, tmp_path):
    for month in ("2024-01", "2024-02"):
        world.must_run(umbrellas.PROBLEM, month)
    worse = {"params": {"c": 1.0, "shuffle_label": True}}
    world.must_run(umbrellas.PROBLEM, "2024-02", ["model", "evaluation", "champion"], config=worse)
    world.must_run(umbrellas.PROBLEM, "2024-01", ["model", "evaluation", "champion"], config=worse)
    keys = [key for noun in ("champion", "predictions") for key in world.store.versions(f"umbrellas/{noun}")]
    assert len(keys) >= 5
    for key in keys:
        assert_identical(world, key, tmp_path)


@pytest.mark.slow
def test_a_decision_about_what_was_rolled_back_comes_out_the_same_to_the_minute(world, tmp_path):
    beach = ice_cream.BEACHES[0]
    world.must_run(ice_cream.PROBLEM, beach, config={"params": {"ridge": 30_000.0}})
    world.must_run(ice_cream.PROBLEM, beach, ["model", "evaluation", "champion"])
    ledger = Ledger.of(world.store, ice_cream.PROBLEM, beach)
    flat, steep = ledger.moves()
    ledger.enter(flat.model, kind="rollback", after=[flat, steep], as_of=beach, why="too steep")
    world.must_run(ice_cream.PROBLEM, beach, ["champion"])
    assert "was rolled back by ada" in str(world.load("ice_cream/champion", beach))
    for key in world.store.versions("ice_cream/champion"):
        assert_identical(world, key, tmp_path)


@pytest.mark.slow
def test_a_version_of_a_branch_is_rebuilt_as_on_that_branch(world, tmp_path):
    world.must_run(umbrellas.PROBLEM, "2024-01")
    branch = World(world.store.on("try"), world.landing, world.instance, world.definitions).with_problems(
        [umbrellas.PROBLEM]
    )
    branch.must_run(umbrellas.PROBLEM, "2024-02")
    keys = [branch.head(f"umbrellas/{noun}", "2024-02") for noun in ("champion", "predictions")]
    for key in keys:
        assert branch.store.manifest(key).branch == "try"
        assert_identical(branch, key, tmp_path)


def test_a_partition_that_appeared_later_is_rebuilt(tmp_path):
    world = build(tmp_path / "world", [ice_cream.SHOPS])
    world.landing.write(f"shops/{SHOP}.parquet", ice_cream.sales(SHOP))
    world.instance.add_dynamic_partitions("shops", [SHOP])
    world.must_run(ice_cream.SHOPS, SHOP, ["dataset"])
    assert_identical(world, world.head("shops/dataset", SHOP), tmp_path)


def test_a_refused_version_is_rebuilt_too(world, tmp_path):
    world.landing.write("umbrellas/visits/2024-01.parquet", umbrellas.visits("2024-01", rows=5))
    assert not world.run(umbrellas.PROBLEM, "2024-01", ["dataset"]).success
    (key,) = world.store.versions("umbrellas/dataset")
    assert world.store.manifest(key).rejected
    assert rebuilt(world, key, tmp_path).content == world.store.manifest(key).content


def test_what_fails_says_why_and_leaves_nothing(world, tmp_path):
    world.must_run(umbrellas.PROBLEM, "2024-01", ["dataset"])
    (Path(world.landing.backend.url) / "umbrellas/visits/2024-01.parquet").unlink()
    with pytest.raises(Rejected, match=r"the rebuild made nothing: .*visits/2024-01.parquet has not landed"):
        rebuilt(world, world.head("umbrellas/dataset", "2024-01"), tmp_path)


def test_a_problem_that_the_recorded_source_does_not_hold_is_named(world, tmp_path):
    world.must_run(umbrellas.PROBLEM, "2024-01", ["dataset"])
    text = b'PROBLEM = Problem(name="umbrellas")'
    for files, said in (
        ({"ml_assets/problem.py": text, "other/sunshades.py": text.replace(b"umb", b"")}, "holds no problem umbrellas"),
        ({"no_such/umbrellas/__init__.py": text}, "No module named 'no_such'"),
    ):
        told = {"source": world.store.put_source(files)}
        key = forged(world.store, world.head("umbrellas/dataset", "2024-01"), code=told)
        with pytest.raises(InvalidProblem, match=said):
            rebuilt(world, key, tmp_path)


def test_a_text_beside_the_code_that_speaks_of_a_problem_is_no_module():
    words = b'PROBLEM = Problem(name="toy")'
    files = {"team/toy.py": words, "team/notes.md": words, "team/other.py": b'PROBLEM = Problem(name="other")'}

    assert _modules_naming("toy", files) == ["team.toy"]
