"""What is kept and why, by plain facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ml_assets.errors import InvalidProblem
from ml_assets.problem import Keep
from ml_assets.retention import Retention
from ml_assets.retention.facts import Facts, Named, Version
from ml_assets.retention.plan import NEVER_NAMED, REJECTED, Plan, Rules, decide
from ml_assets.store import VersionKey, open_store
from ml_assets_tests.doubles import ice_cream, umbrellas

PROBLEM = umbrellas.PROBLEM


def key(noun: str, n: int, month: str = "2024-01", problem: str = "umbrellas") -> VersionKey:
    return VersionKey(f"{problem}/{noun}", month, f"{n:064x}")


def version(of: VersionKey, *inputs: VersionKey, **told: object) -> Version:
    return Version(of, ((of.version, 1),), inputs, 0.0)._replace(**told)


def named(*targets: VersionKey, asset: str = "", branch: str = "main") -> Named:
    return Named(branch, asset or targets[0].asset, targets[0].partition, targets)


def planned(versions: list[Version], *logs: Named, keep: dict[str, Keep] | None = None, pin: str = "") -> Plan:
    facts = Facts({one.key: one for one in versions}, logs, {versions[0].key: pin} if pin else {}, frozenset())
    return decide(facts, Rules.of([replace(PROBLEM, keep=keep or {})]), now=100.0, grace=10.0)


MODELS = [key("model", n) for n in range(5)]
FEATURES = [key("features", n, f"2024-0{n}") for n in range(1, 5)]


def test_the_last_three_that_a_branch_named_are_kept_each_counted_once():
    plan = planned([*map(version, MODELS)], named(*MODELS, MODELS[3]))

    assert {one: reason.why for one, reason in plan.kept.items()} == {
        MODELS[3]: "main names it",
        MODELS[4]: "among the last 3 of main",
        MODELS[2]: "among the last 3 of main",
    }
    assert plan.goes[MODELS[0]] == "Keep(versions=3) of umbrellas/model, the default"


def test_what_is_pinned_young_or_named_by_a_ledger_is_kept_and_what_is_rejected_or_never_named_goes():
    pinned, young, crowned, rejected, unnamed = MODELS
    versions = [
        version(pinned),
        version(young, written=95.0),
        version(crowned),
        version(rejected, rejected=True),
        version(unnamed),
    ]
    plan = planned(versions, named(crowned, asset="umbrellas/ledger"), pin="cited")

    assert {one: reason.kind for one, reason in plan.kept.items()} == {
        pinned: "pinned",
        young: "young",
        crowned: "named",
    }
    assert plan.goes == {rejected: REJECTED, unnamed: NEVER_NAMED}


@pytest.mark.parametrize("noun", ["audit", "champion", "failures", "calibration", "answers"])
def test_of_what_remembers_decisions_all_that_was_named_is_kept(noun: str):
    several = [key(noun, n) for n in range(5)]

    assert planned([*map(version, several)], named(*several)).kept.keys() == set(several)


def test_of_a_problem_that_is_not_loaded_all_that_was_named_is_kept():
    foreign = [key("features", n, problem="elsewhere") for n in range(5)]

    assert planned([*map(version, foreign)], named(*foreign)).kept.keys() == set(foreign)


def test_a_rule_counts_the_newest_partitions_also_of_what_a_branch_names():
    logs = [named(one) for one in FEATURES]
    plan = planned([*map(version, FEATURES)], *logs, keep={"features": Keep(partitions=2, versions=1)})

    assert plan.kept.keys() == set(FEATURES[2:])
    assert plan.goes[FEATURES[0]] == "Keep(partitions=2, versions=1) of umbrellas/features"


def test_an_input_goes_only_if_it_can_be_made_again_from_inputs_that_are_there():
    landed, made, model = key("dataset", 1), key("features", 2), key("model", 3)
    versions = [version(landed, reads_landed=True), version(made, landed), version(model, made)]
    plan = planned(versions, named(model))

    assert plan.kept.keys() == {landed, model} and plan.goes.keys() == {made}
    assert plan.kept[landed].why == f"needed to make {model} again"
    assert planned([versions[0], version(made, landed, is_recorded=False), versions[2]], named(model)).kept.keys() == {
        made,
        model,
    }


def test_landed_files_are_counted_on_where_a_rule_says_so_and_what_a_rule_takes_away_is_said():
    landed, made, model = key("dataset", 1), key("features", 2), key("model", 3)
    keep = {"dataset": Keep(partitions=1)}
    newer = key("dataset", 4, "2024-02")
    of_files = [version(landed, reads_landed=True), version(newer), version(made, landed), version(model, made)]
    assert planned(of_files, named(model), named(landed), named(newer), keep=keep).lost == {}

    of_rows = [version(landed, is_recorded=False), *of_files[1:]]
    plan = planned(of_rows, named(model), named(landed), named(newer), keep=keep)
    assert landed in plan.goes
    assert plan.lost == {model: f"{landed} goes by its rule Keep(partitions=1, versions=3), and cannot be made again"}


def test_rules_that_make_no_sense_are_refused(tmp_path):
    store = open_store(str(tmp_path))
    with pytest.raises(InvalidProblem, match="keeps nothing"):
        Keep(versions=0)
    with pytest.raises(InvalidProblem, match="do not follow each other in time"):
        replace(ice_cream.PROBLEM, keep={"features": Keep(partitions=3)})
    with pytest.raises(InvalidProblem, match="keep of umbrellas names 'audit'"):
        Retention(store, [replace(PROBLEM, keep={"audit": Keep()})])
