from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from ml_assets.errors import Diverged, Interrupted, MlAssetsError, Pruned, RankFailed, RankLost
from ml_assets.evaluation.checks import CheckOutcome
from ml_assets.orchestration.distributed.crew import follow
from ml_assets.store import Content, File
from ml_assets.training.run import Run
from ml_assets.worker.told import MARK
from ml_assets.worker.work import Trained

MODEL = Content("record", {"type": "x"}, (File("a", "0" * 64, 3),))
TRAINED = Trained(MODEL, CheckOutcome("reloads", True, True, "It does."), 90, 10, "resumed from step 3, 1 interruption")
DONE = TRAINED.to_json()
FAILED = {"failed": "ValueError", "rank": 1, "message": "no tide", "trace": "File tides.py\nValueError: no tide"}
LOST = {"lost": 0, "message": "Connection closed by peer"}


@dataclass
class Scripted:
    """Processes that say what is written, one look at a time."""

    script: list[list[Mapping[str, Any] | str]]
    fate: str = ""
    asked: int = 0
    closed: int = 0
    is_over: bool = False

    def hear(self) -> list[str]:
        facts = self.script.pop(0)
        self.is_over = not self.script
        return [fact if isinstance(fact, str) else f"[rank0]: {MARK}{json.dumps(fact)}" for fact in facts]

    def ask_to_stop(self) -> None:
        self.asked += 1

    def close(self) -> None:
        self.closed += 1


@dataclass
class Listener:
    lines: list[str] = field(default_factory=list)

    @property
    def run(self) -> Run:
        return Run(0, self.lines.append)


def followed(crew: Scripted, run: Run | None = None) -> Trained:
    return follow(crew, run or Listener().run, "The training of tides")


def test_progress_is_relayed_and_the_model_of_rank_0_returned():
    crew, listener = (
        Scripted([[{"began": 0, "pid": 1}, {"say": "resumed"}], [{"step": 5, "metrics": {"loss": 0.5}}, DONE]]),
        Listener(),
    )

    assert followed(crew, listener.run) == TRAINED
    assert listener.lines == ["resumed", "step 5: loss 0.5"]
    assert crew.closed == 1


def test_what_is_no_fact_of_ours_is_printed(capsys: pytest.CaptureFixture[str]):
    followed(Scripted([["hello", "", f"{MARK}{{cut of", DONE]]))

    assert capsys.readouterr().out == f"hello\n{MARK}{{cut of\n"


def test_processes_are_asked_to_stop_once_and_end_as_interrupted():
    crew = Scripted([[], [], [{"interrupted": "Saved after step 7."}]])

    with pytest.raises(Interrupted, match=r"Saved after step 7\. It goes on from its last checkpoint"):
        followed(crew, replace(Listener().run, asked_to_stop=lambda: True))
    assert (crew.asked, crew.closed) == (1, 1)


def test_a_model_that_was_done_before_they_were_asked_is_not_lost():
    assert followed(Scripted([[], [DONE]]), replace(Listener().run, asked_to_stop=lambda: True)) == TRAINED


def test_a_trial_that_is_not_worth_going_on_ends_its_processes():
    def prune(step: int, metrics: Mapping[str, float]) -> None:
        raise Pruned("worse than the median")

    crew = Scripted([[{"step": 5, "metrics": {"loss": 9.0}}], [DONE]])
    with pytest.raises(Pruned):
        followed(crew, replace(Listener().run, told=prune))
    assert crew.closed == 1


ENDS = [
    (
        "rank killed",
        [LOST, {"died": 1, "signal": "SIGKILL"}],
        "",
        RankLost,
        "rank 1 was ended by SIGKILL, perhaps for want",
    ),
    (
        "rank killed, another ended for it",
        [{"died": 1, "signal": "SIGKILL"}, {"died": 0, "signal": "SIGTERM"}],
        "",
        RankLost,
        "rank 1 was ended by SIGKILL",
    ),
    (
        "others lost",
        [LOST, {"died": 0, "signal": "SIGABRT"}],
        "",
        RankLost,
        "rank 0 lost the others: Connection closed",
    ),
    ("pod evicted", [LOST], "Pod a was ended by the cluster: Evicted.", RankLost, "Evicted"),
    (
        "own error",
        [LOST, FAILED],
        "1 of its 2 pods are gone.",
        RankFailed,
        "rank 1 failed:\nFile tides.py\nValueError: no tide",
    ),
    ("crash", [LOST, {"died": 1, "signal": "SIGSEGV"}, "last words"], "", RankFailed, "last words"),
    ("nothing told", ["ModuleNotFoundError: No module"], "", RankFailed, "Their last lines:\nModuleNotFoundError"),
    ("silence", [], "", RankFailed, "they said nothing"),
    ("error of ours", [{**FAILED, "failed": "Diverged", "message": "loss is nan"}], "", Diverged, "^loss is nan$"),
    ("no error of ours", [{**FAILED, "failed": "annotations"}], "", RankFailed, "rank 1 failed"),
]


@pytest.mark.parametrize(("said", "fate", "kind", "words"), [end[1:] for end in ENDS], ids=[end[0] for end in ENDS])
def test_why_there_is_no_model(said: list[Any], fate: str, kind: type[MlAssetsError], words: str):
    with pytest.raises(kind, match=words) as raised:
        followed(Scripted([said], fate))
    assert type(raised.value) is kind
