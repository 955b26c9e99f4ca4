"""The table of benchmarks/peers, and the programs it runs; no peer is installed here, and nothing is measured."""

from __future__ import annotations

import string
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from benchmarks.peers.catalog import PEERS, Peer
from benchmarks.peers.programs import steps
from benchmarks.peers.scenarios import COLD, IMPORT, NOTHING, PARAMETER, TRAINING, OtherAnswer, Seconds, six_steps
from benchmarks.peers.table import lines, rows
from ml_assets.problem import FeatureTable, RollingWindow
from ml_assets.training.split import assign_roles, rows_of
from ml_assets_tests.doubles import umbrellas

PROGRAMS = sorted((Path(__file__).parents[1] / "benchmarks/peers/programs").glob("*.py"))
MEASURED = [
    Seconds(IMPORT, "", 1.0),
    Seconds(NOTHING, "ours", 1.4),
    Seconds(COLD, "ours", 8.0),
    Seconds(COLD, "ours", 4.0),
    Seconds(COLD, "ours", 5.0),
    Seconds(COLD, "plain", 4.0),
    Seconds(COLD, "dvc", 12.0),
    Seconds(TRAINING, "", 3.0),
    Seconds(PARAMETER, "ours", 4.5),
]


def row(what: str, peer: str):
    return next(row for row in rows(MEASURED) if (row.what, row.peer) == (what, peer))


def test_a_ratio_is_that_of_the_medians():
    assert row(COLD, "ours").ratio == pytest.approx(5.0 / 4.0)


def test_nothing_changed_is_compared_with_the_import_of_dagster():
    assert row(NOTHING, "ours").ratio == pytest.approx(1.4)


def test_one_parameter_may_cost_the_training_and_a_second_and_a_half():
    assert row(PARAMETER, "ours").ratio == pytest.approx(1.0)
    assert row(PARAMETER, "ours").holds


def test_only_of_ours_something_is_claimed():
    assert {row.peer for row in rows(MEASURED) if row.claimed is not None} == {"ours"}


def test_a_claim_that_does_not_hold_is_said_so():
    slow = rows([*MEASURED, Seconds(NOTHING, "ours", 9.0)])
    assert [row.what for row in slow if not row.holds] == [NOTHING]
    assert [line for line in lines(slow) if line.endswith("does not hold")] == [
        line for line in lines(slow) if line.startswith(NOTHING) and " ours " in line
    ]


def test_without_the_alternative_there_is_no_ratio_and_no_claim():
    (alone,) = rows([Seconds(COLD, "ours", 5.0)])
    assert (alone.ratio, alone.claimed, alone.holds) == (None, None, True)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda path: path.stem)
def test_every_program_compiles(program: Path):
    compile(program.read_text(), str(program), "exec")


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
def test_every_command_names_a_program_that_is_there(peer: Peer):
    values = {"programs": "../programs", "value": "6", "last": 5, "cores": 2}
    for command in [*peer.commands.values(), *peer.before.values(), *peer.after.values()]:
        assert {name for _, name, _, _ in string.Formatter().parse(command) if name} <= set(values)
        for word in command.format(**values).split():
            assert not word.startswith("../programs/") or (PROGRAMS[0].parent / Path(word).name).exists()


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.key)
def test_every_peer_can_do_everything_that_is_measured(peer: Peer):
    assert set(peer.commands) == {"six", "chain", "prepare", "fan", "frame"}


def test_a_peer_that_comes_to_another_metric_is_refused(tmp_path: Path):
    with pytest.raises(OtherAnswer, match=r"DVC came to 0\.6 with rate 0\.1, the others to 0\.5"):
        list(six_steps(Place(tmp_path, 0.6), {0.1: 0.5, 0.05: 0.5}))


def test_the_split_of_the_pipeline_is_the_one_that_our_problem_makes():
    data = steps.clean(steps.landed("2024-01"))
    table = steps.features(data)
    split = RollingWindow(partitions=1, test_days=7, validation_days=7)
    problem = replace(umbrellas.PROBLEM, entity="ride", label=steps.LABEL, split=split, slices=())
    ours = FeatureTable(data[["ride", "at"]], table, data[steps.LABEL].to_numpy())
    roles = assign_roles(problem, ours, {"2024-01": len(ours)})
    for role, part in steps.split(data, table).items():
        expected = rows_of(ours, roles, role)
        pd.testing.assert_frame_equal(part.drop(columns=steps.LABEL), expected.features)
        assert part[steps.LABEL].tolist() == expected.label.tolist()


class Place:
    """A workplace of DVC in which every command comes to the same metric."""

    peer = next(peer for peer in PEERS if peer.key == "dvc")

    def __init__(self, folder: Path, metric: float) -> None:
        self.folder, self.metric = folder, metric

    def seconds(self, scenario: str, value: str = "") -> float:
        return 1.0

    def answer(self) -> object:
        return self.metric
