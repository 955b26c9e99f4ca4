"""Every ingredient changed once, under every asset: exactly what depends on it is computed, for the reason that is said.

A project with two months is made once. Each change has a copy of it, asks for the plan and runs both months, once for two
tests. One compares what was computed with the table. The other computes what was used again instead after all, of the very
same: if it came out otherwise, that would be a false hit.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ml_assets.computation import recipe
from ml_assets.computation.planner import Planned
from ml_assets_tests.doubles.chain import CHAIN
from ml_assets_tests.doubles.kiosk_project import MONTHS, Place, Project, reused, sales, started

FIRST, SECOND = MONTHS
Change = Callable[[Project], object]
LETTERS = {noun[0]: noun for noun in CHAIN}  # d f s m e c r p


def edit(file: str, old: str, new: str) -> Change:
    return lambda project: project.edit(file, old, new)


def problem(old: str, new: str) -> Change:
    return edit("problem.py", old, new)


def limit(told: str) -> Change:
    return problem("minimum_rows=20", f"minimum_rows=20, {told}")


def a_row_of(month: str) -> Change:
    def change(project: Project) -> None:
        data = sales(month)
        data.loc[30, "celsius"] += 1.0
        project.land(month, data)

    return change


def columns_reversed(project: Project) -> None:
    project.land(SECOND, sales(SECOND)[["cones", "celsius", "kiosk", "at", "sale"]])


def package(name: str) -> Change:
    def change(project: Project) -> None:
        known = recipe.package_versions
        project.patch.setattr(
            recipe, "package_versions", lambda modules: {n: "99" if n == name else v for n, v in known(modules).items()}
        )

    return change


def threads(project: Project) -> None:
    project.patch.setenv("OMP_NUM_THREADS", "3")


def config(**given: object) -> Change:
    return lambda project: project.config.update(given)


# name: (change, what of the first month is computed, and of the second, what the first of them says); d is for dataset …
# fmt: off
MUTATIONS: dict[str, tuple[Change, str, str, str]] = {
    "a row of the second month": (a_row_of(SECOND), "", "dfsmecrp", "landed kiosks/2024-02.parquet "),
    "a row of the first month": (a_row_of(FIRST), "dfsmecrp", "fsmecrp", "landed kiosks/2024-01.parquet "),
    "the order of columns": (columns_reversed, "", "d", "landed kiosks/2024-02.parquet "),
    "a default parameter": (problem("ridge: float = 0.5", "ridge: float = 5.0"), "mecr", "mecr", "params.ridge 0.5 -> 5.0"),
    "a parameter of the run": (config(params={"ridge": 5.0}), "mecr", "mecr", "params.ridge 0.5 -> 5.0"),
    "code of the parameters": (problem("return self.ridge", "return self.ridge * 9"), "mecr", "mecr", "code: LineParams changed"),
    "the seed": (problem("seed=0", "seed=7"), "mecr", "mecr", "seed 0 -> 7"),
    "the seed of the run": (config(seed=7), "mecr", "mecr", "seed 0 -> 7"),
    "threads": (threads, "m", "m", "threads 2 -> 3"),
    "a package of training and judging": (package("scipy"), "mec", "mec", "scipy 1."),
    "a package of all": (package("pandas"), "dfsmecrp", "dfsmecrp", "pandas 3."),
    "a helper of dataset": (edit("data.py", "data[COLUMNS]", "data[list(COLUMNS)]"), "d", "d", "code: ordered changed"),
    "a constant of schema": (edit("data.py", "WARMEST = 60", "WARMEST = 55"), "d", "d", "code: WARMEST changed"),
    "a helper of features": (edit("scale.py", "value / unit", "value / unit + 1"), "fsmecrp", "fsmecrp", "code: ratio changed"),
    "a helper that answers the same": (edit("scale.py", "value / unit", "1 * value / unit"), "f", "f", "code: ratio changed"),
    "a constant of features": (edit("scale.py", "DEGREES = 10.0", "DEGREES = 5.0"), "fsmecrp", "fsmecrp", "code: DEGREES"),
    "a helper of train": (edit("penalty.py", "slope * 100", "slope * 99"), "mecr", "mecr", "code: shrunk changed"),
    "a method of the model": (edit("line.py", "+ self.intercept", "- self.intercept"), "mecrp", "mecrp", "code: Line changed"),
    "a helper of predict": (edit("line.py", "(cones, 6)", "(cones, 1)"), "ecrp", "ecrp", "code: rounded changed"),
    "a helper of baseline": (edit("line.py", "label.mean()", "label.min()"), "ecr", "ecr", "code: typical changed"),
    "minimum_rows": (problem("minimum_rows=20", "minimum_rows=21"), "d", "d", "problem.minimum_rows 20 -> 21"),
    "a waiver": (limit('waive={"leak": "it persists"}'), "f", "f", "problem.waive[leak] added"),
    "duplicates": (limit('duplicates="newest"'), "dfs", "dfs", 'problem.duplicates refuse -> newest'),
    "slices": (problem('slices=("kiosk",)', "slices=()"), "fsmecrp", "fsmecrp", 'problem.slices ["kiosk"] -> []'),
    "the split": (problem("test_days=7", "test_days=6"), "smecr", "smecr", "problem.split.test_days 7 -> 6"),
    "a metric": (problem("(MAE, RMSE)", "(MAE,)"), "ecr", "ecr", 'problem.metrics ["mae", "rmse"] -> ["mae"]'),
    "a gate": (problem("by=1.0", "by=2.0"), "ecr", "ecr", "problem.gates[0 mae].above_baseline_by 1.0 -> 2.0"),
    "the rule of promotion": (problem("Better(MAE)", "Better(MAE, by=0.1)"), "c", "c", "problem.promote_when.by 0.0 -> 0.1"),
}
# fmt: on
LIKE_OTHERS = {"duplicates", "the seed of the run", "a parameter of the run", "a helper of train", "a gate"}
MOST = [
    name for name in MUTATIONS if name not in LIKE_OTHERS
]  # of what is used again after the others, it shows the same


@dataclass(frozen=True)
class Changed:
    """A project in which one thing was changed, what its plan foretold, and what its run said."""

    mutation: str
    project: Project
    plan: dict[Place, Planned]
    said: dict[Place, str]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "2")
        project = started(tmp_path_factory.mktemp("base") / "project", patch)
        project.run()
        yield project


@pytest.fixture
def project(base: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    return base.copied_to(tmp_path / "elsewhere", monkeypatch)


@pytest.fixture(scope="module")
def changed(base: Project, tmp_path_factory: pytest.TempPathFactory, request) -> Iterator[Changed]:
    with pytest.MonkeyPatch.context() as patch:
        project = base.copied_to(tmp_path_factory.mktemp("changed") / "elsewhere", patch)
        MUTATIONS[request.param][0](project)
        yield Changed(request.param, project, project.plan(), project.run())


@pytest.mark.parametrize("changed", MUTATIONS, indirect=True, scope="module")
def test_exactly_what_depends_on_a_change_is_computed_and_says_so(changed: Changed):
    _, first, second, says = MUTATIONS[changed.mutation]
    expected = [(LETTERS[n], FIRST) for n in first] + [(LETTERS[n], SECOND) for n in second]
    plan, said = changed.plan, changed.said

    assert said.keys() - reused(said) == set(expected)
    cause = min(expected, key=lambda place: (place[1], CHAIN.index(place[0])))
    assert said[cause].startswith("computed: ")
    assert says in said[cause]
    assert plan[cause].why == said[cause]
    assert {place for place, one in plan.items() if one.state in ("current", "reuse")} <= reused(said)
    assert {place for place, one in plan.items() if one.state == "compute"} <= set(expected)


@pytest.mark.parametrize("changed", MOST, indirect=True, scope="module")
@pytest.mark.slow
def test_what_is_used_again_after_a_change_is_what_computing_it_gives(changed: Changed):
    project, again, used = changed.project, reused(changed.said), changed.project.contents()
    work = {month: [noun for noun in CHAIN if (noun, month) in again] for month in MONTHS}

    said = project.run({month: nouns for month, nouns in work.items() if nouns}, is_fresh=True) if again else {}

    assert {place for place, sentence in said.items() if "afresh" in sentence} == again
    assert project.contents() == used


@pytest.mark.slow
def test_what_was_built_up_by_reuse_is_what_an_empty_store_gives(project: Project, tmp_path: Path, monkeypatch):
    for name in ("a row of the second month", "a helper that answers the same", "a helper of train", "a gate"):
        MUTATIONS[name][0](project)
        project.run()
    afresh = project.copied_to(tmp_path / "afresh", monkeypatch)
    shutil.rmtree(afresh.folder / "store")
    assert not reused(afresh.run())

    built, anew = project.contents(), afresh.contents()
    until_judged = {(noun, month) for noun, month in built if noun not in ("champion", "predictions")}
    assert {place: built[place] for place in until_judged} == {place: anew[place] for place in until_judged}


EDITS = [
    edit("penalty.py", "return slope", "# towards flat\n    return slope"),
    edit("scale.py", "return value / unit", "return (\n        value\n        / unit\n    )"),
    edit("known.py", '"""What is known of each row', '"""All that is known of each row'),
    edit("line.py", "-> np.ndarray:\n    return rounded(", '-> np.ndarray:\n    """Cones."""\n    return rounded('),
    edit("scale.py", "return value * 2", "return value * 3"),
    problem("team:kiosks", "team:beaches"),
    problem("owners=", "fresh_within_days=3.0,\n    owners="),
    problem('Monthly("2024-01", "2024-04")', 'Monthly("2024-01", "2024-07")'),
    lambda project: (project.folder / "code" / "kiosks" / "notes.py").write_text("GRAIN = 5\n"),
    lambda project: (project.folder / "code" / "stalls.py").write_text("def train(): return 1\n"),
]
SURROUNDINGS = [
    lambda project: project.land("2024-03", sales("2024-03")),
    lambda project: project.land(SECOND, sales(SECOND)),  # the same bytes, written later
    lambda project: project.patch.setenv("ML_ASSETS_USER", "bob"),
    package("pytest"),
]


@pytest.mark.parametrize("changes", [[], EDITS, SURROUNDINGS], ids=["another folder", "edits", "surroundings"])
def test_what_cannot_matter_computes_nothing(project: Project, changes: list[Change]):
    for change in changes:
        change(project)

    plan, said = project.plan(), project.run()

    assert {place: said[place] for place in said.keys() - reused(said)} == {}
    assert {one.state for one in plan.values()} == {"current"}
    assert len(said) == len(plan) == 16


def test_another_partition_is_computed_and_the_others_are_not(project: Project):
    project.land("2024-03", sales("2024-03"))

    said = project.run(dict.fromkeys((*MONTHS, "2024-03"), CHAIN))

    assert said.keys() - reused(said) == {(noun, "2024-03") for noun in CHAIN}
    assert said["model", "2024-03"] == "computed: the first of this partition"


def test_a_change_that_is_taken_back_computes_nothing(project: Project):
    before = project.contents()
    project.edit("penalty.py", "slope * 100", "slope * 99")
    project.run()
    project.edit("penalty.py", "slope * 99", "slope * 100")

    plan, said = project.plan(), project.run()

    assert plan["model", FIRST].state == "reuse"
    assert {noun for noun, _ in said.keys() - reused(said)} == set()
    assert project.contents() == before


def test_threads_are_no_ingredient_where_they_change_no_bits(project: Project):
    project.edit("problem.py", "    seed=0,", "    seed=0,\n    threads_change_bits=False,")
    project.run()
    threads(project)

    assert len(reused(project.run())) == 16
