"""A broken problem is one failed item with its error; every other problem keeps working."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from ml_assets.orchestration import build_definitions
from ml_assets.orchestration.broken import NOUN, broken_asset, identifier, in_markdown
from ml_assets.problems import BrokenProblem
from ml_assets_tests.doubles import ice_cream, umbrellas
from ml_assets_tests.doubles.world import QUIET, World, build

RAIN = BrokenProblem(
    "rain",
    "ml_assets/problems/rain.py:3: ModuleNotFoundError: No module named 'sunshine'",
    "Traceback (most recent call last):\n  File \"rain.py\", line 3\nModuleNotFoundError: No module named 'sunshine'\n",
)
KEY = dg.AssetKey(["rain", NOUN])
MONTH = "2024-01"


@pytest.fixture
def world(tmp_path: Path) -> World:
    return with_broken(build(tmp_path), RAIN)


def with_broken(world: World, *broken: BrokenProblem) -> World:
    definitions = build_definitions((umbrellas.PROBLEM, ice_cream.PROBLEM), world.store, world.landing, broken)
    return dataclasses.replace(world, definitions=definitions)


def materialize(world: World) -> dg.ExecuteInProcessResult:
    job = world.definitions.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=world.instance, asset_selection=[KEY], run_config=QUIET, raise_on_error=False
    )


def test_the_others_run_to_a_champion_beside_a_broken_one(world):
    world.must_run(umbrellas.PROBLEM, MONTH)
    assert world.load("umbrellas/champion", MONTH)["decision"] == "promote"


def test_the_item_shows_file_line_and_traceback_before_anything_ran(world):
    node = world.definitions.resolve_asset_graph().get(KEY)
    assert node.group_name == "rain"
    assert node.kinds == {"broken"}
    assert f"`{RAIN.summary}`" in node.description
    assert f"```\n{RAIN.traceback}```" in node.description
    assert {key for key in world.definitions.resolve_asset_graph().get_all_asset_keys() if key.path[0] == "rain"} == {
        KEY
    }


def test_the_item_fails_with_the_error(world):
    (failed,) = materialize(world).get_step_failure_events()
    data = failed.step_failure_data
    assert RAIN.summary in data.error.message
    assert RAIN.traceback.strip() in data.error.message
    assert "Mend it and reload the definitions" in data.error.message
    assert data.user_failure_data.metadata["error"] == dg.MetadataValue.md(in_markdown(RAIN))


def test_nothing_in_the_store_is_touched(world):
    before = world.store.backend.list("")
    materialize(world)
    assert world.store.backend.list("") == before


@pytest.mark.filterwarnings("ignore::dagster.BetaWarning")
def test_it_is_requested_once_for_each_error_and_never_when_it_is_gone(world):
    cursor, requested = None, []
    other = dataclasses.replace(RAIN, traceback="another")
    for broken in ([], [RAIN], [RAIN], [RAIN], [other], [other], []):
        now = with_broken(world, *broken)
        found = dg.evaluate_automation_conditions(
            defs=now.definitions, instance=world.instance, cursor=cursor, asset_selection=dg.AssetSelection.all()
        )
        cursor = found.cursor
        requested.append(found.get_num_requested(KEY) if broken else 0)
        if requested[-1]:
            assert not materialize(now).success
    assert requested == [0, 1, 0, 0, 1, 0, 0]


def test_a_sensor_has_it_fail_without_anybody_clicking(world):
    (sensor,) = [s for s in world.definitions.sensors if s.name == "broken_problems"]
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.asset_selection.resolve(world.definitions.resolve_asset_graph()) == {KEY}


def test_there_is_no_such_sensor_where_all_problems_are_sound(tmp_path):
    assert "broken_problems" not in {sensor.name for sensor in build(tmp_path).definitions.sensors or []}


UNUSABLE = {
    "owner": (("owners", ("nobody in particular",)), "nobody in particular"),
    "seed": (("seed", "three"), "seed"),
    "parameter type": (("params", dataclasses.make_dataclass("Odd", [("x", object)])(3)), "x"),
}


@pytest.mark.parametrize(("change", "words"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_only_dagster_refuses_breaks_its_own_problem_alone(tmp_path, change, words):
    world = build(tmp_path)
    unusable = dataclasses.replace(umbrellas.PROBLEM, **dict([change]))
    world = world.with_problems([unusable, ice_cream.PROBLEM])

    graph = world.definitions.resolve_asset_graph()
    assert [key.path for key in graph.get_all_asset_keys() if key.path[0] == "umbrellas"] == [["umbrellas", NOUN]]
    description = graph.get(dg.AssetKey(["umbrellas", NOUN])).description
    assert description.startswith("This problem cannot be used until it is mended: `umbrellas: ")
    assert words in description
    world.must_run(ice_cream.PROBLEM, "south/east", ["dataset"])


@pytest.mark.parametrize("name", ["weather-2", "weather 2", "wéather\n", "a.b"])
def test_a_file_of_any_name_is_shown(world, name):
    broken = dataclasses.replace(RAIN, name=name)
    dg.Definitions.validate_loadable(with_broken(world, RAIN, broken).definitions)
    assert identifier(name).isidentifier()
    assert broken_asset(broken).key != broken_asset(RAIN).key


def test_names_that_differ_only_in_what_dagster_forbids_stay_apart():
    assert identifier("a-b") != identifier("a_b") != identifier("a.b")


def test_nothing_in_an_error_ends_the_block_that_it_stands_in():
    text = in_markdown(dataclasses.replace(RAIN, summary="a `b`", traceback="x\n````\n<script>\n"))
    opening, *lines, closing = re.search(r"^(`+\n.*)\Z", text, re.M | re.S)[1].splitlines()
    assert opening == closing == "`````"
    assert lines == ["x", "````", "<script>"]


FILES = {
    "hail": "import sunshine",
    "rain": "def f(:",
    "snow": "from ml_assets.problem import Monthly\nMonthly('January')",
    "umbrellas": "from ml_assets_tests.doubles.umbrellas import PROBLEM",
}
CODE_LOCATION = """
import sys
from pathlib import Path
import ml_assets.problems
import team
ml_assets.problems.PROBLEMS, ml_assets.problems.BROKEN = ml_assets.problems.load("team", Path(team.__file__).parent)
from ml_assets.definitions import defs
defs.get_repository_def()
print(sorted("/".join(key.path) for key in defs.resolve_asset_graph().materializable_asset_keys))
"""


def test_the_whole_code_location_loads_with_an_import_error_a_syntax_error_and_a_bad_definition(tmp_path):
    for name, code in {"__init__": "", **FILES}.items():
        file = tmp_path / "team" / f"{name}.py"
        file.parent.mkdir(exist_ok=True)
        file.write_text(code)
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", CODE_LOCATION],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    chain = (
        "audit",
        "champion",
        "dataset",
        "evaluation",
        "features",
        "model",
        "monitoring",
        "predictions",
        "report",
        "split",
    )
    assert done.stdout.strip() == str(
        [f"{name}/definition" for name in ("hail", "rain", "snow")] + [f"umbrellas/{noun}" for noun in chain]
    )
