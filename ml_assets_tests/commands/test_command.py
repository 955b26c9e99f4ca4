"""A command by itself: what it is given, what becomes of how it ends, and what is refused before it runs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ml_assets.commands import Command, Parameter
from ml_assets.commands.process import ENDS_WITHIN_SECONDS
from ml_assets.errors import CommandFailed, CommandLost, Interrupted, InvalidParams, InvalidProblem, Refused
from ml_assets.partitions import Monthly
from ml_assets.problem import Checkpoint, Compute
from ml_assets.store import Folder
from ml_assets.training.hearing import heard_by
from ml_assets.training.run import Run
from ml_assets_tests.commands.conftest import MODULE, data
from ml_assets_tests.doubles import umbrellas

TABLE = pd.DataFrame(
    {
        "x": [0.1, 1 / 3, np.nan, 5e-324],
        "text": ["", None, 'a "b",\nc', "é"],
        "n": pd.array([2**53 + 1, None, -1, 0], dtype="Int64"),
        "ok": [True, False, True, True],
        "at": pd.Series([1, None, 3, 4]).astype("Int64").astype("datetime64[us, UTC]"),
    }
)  # fmt: skip
RETURNS = {"x": "float64", "text": "str", "n": "Int64", "ok": "bool", "at": "datetime64[us, UTC]"}


@dataclass(frozen=True)
class Nothing:
    pass


def train(command: Command, run: Run | None = None, params: object = Nothing()) -> dict[str, bytes]:
    left = command(data(), params, run or Run(0, print))
    return {name: left.read(name) for name in left.names}


# ---------------------------------------------------------------- what it is given


@pytest.mark.parametrize("form", ["parquet", "arrow", "csv"])
def test_a_table_comes_back_bit_for_bit(form):
    copy = Command("cp {inputs}/data/data.* {outputs}/features." + form, tables=form, returns=RETURNS)
    found = copy(TABLE.head(0), TABLE)
    pd.testing.assert_frame_equal(found, TABLE, check_exact=True)


def test_a_training_gets_keys_features_and_labels_of_both_parts():
    line = "cd {inputs}; cat train/features.csv validation/label.csv > {outputs}/all; find * -type f | sort > {outputs}/names"
    left = train(Command(line, tables="csv"))
    assert left["all"].decode().splitlines()[:3] == ['"x","shop"', '0,"east"', '0.1,"west"']
    assert left["all"].endswith(b'"label"\n0\n1\n')
    names = [f"{part}/{table}.csv" for part in ("train", "validation") for table in ("features", "keys", "label")]
    assert left["names"].decode().split() == names


def test_inputs_are_called_as_it_wants_them():
    left = train(Command("ls {inputs} > {outputs}/names", inputs={"train": "training-data"}))
    assert left["names"].split() == [b"training-data", b"validation"]


def test_it_gets_seed_parameters_and_the_variables_that_it_asks_for_and_no_others(monkeypatch):
    monkeypatch.setenv("API_KEY", "k3y")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    command = Command(
        "env > $OUTPUTS/env; cp $VH_CONFIG_DIR/parameters.json $OUTPUTS; echo {seed} {value:depth} > $OUTPUTS/told",
        parameters=(Parameter("depth", "integer", 3),),
        environment=("API_KEY",),
        variables={"MODE": "fast"},
    )
    left = train(command, Run(7, print))
    env = dict(line.split("=", 1) for line in left["env"].decode().splitlines())
    assert (env["API_KEY"], env["MODE"], env["SEED"], env["TZ"]) == ("k3y", "fast", "7", "UTC")
    assert "AWS_SECRET_ACCESS_KEY" not in env
    assert left["parameters.json"] == b'{"depth": 3}'
    assert left["told"] == b"7 3\n"


def test_its_own_files_are_where_it_runs(beside: Path):
    (beside / "lib").mkdir()
    (beside / "lib" / "say").write_text("#!/bin/sh\necho hello > $OUTPUTS/said\n")
    assert train(Command(("./lib/say",), files=("lib/say",), module=MODULE)) == {"said": b"hello\n"}


def test_a_dataset_is_made_of_the_sources_that_it_reads():
    class Landed:
        def table(self, name: str) -> pd.DataFrame:
            return pd.DataFrame({"name": [name], "n": [1]})

    line = "sed s/visits/{partition}/ {inputs}/visits/visits.csv > {outputs}/dataset.csv; echo {start} {end} >&2"
    found = Command(line, reads=("visits",), tables="csv", returns={"n": "int64"})(
        Monthly("2024-01", "2024-03").partition("2024-02"), Landed()
    )
    assert found.to_dict("records") == [{"name": "2024-02", "n": 1}]


def test_rows_are_put_in_order_by_their_numbers():
    line = "printf 'row,n\\n2,30\\n0,10\\n1,20\\n' > {outputs}/features.csv"
    index = pd.Index([7, 8, 9])
    found = Command(line, returns={"n": "int64"})(TABLE.head(0), TABLE.head(3).set_axis(index))
    assert found["n"].to_dict() == {7: 10, 8: 20, 9: 30}
    assert list(found) == ["n"]


def test_columns_of_a_csv_that_have_no_declared_type_are_text():
    found = Command("printf 'id\\n007\\n008\\n' > {outputs}/features.csv")(TABLE.head(0), TABLE.head(2))
    assert list(found["id"]) == ["007", "008"]


def test_a_model_is_a_folder_that_another_command_is_given():
    model = Command("mkdir {outputs}/deep; echo 2 > {outputs}/deep/factor")(data(), Nothing(), Run(0, print))
    line = "f=$(cat {inputs}/model/deep/factor); awk -F, -v f=$f 'NR==1 {print \"p\"; next} {print f * $1}' "
    predict = Command(line + "{inputs}/features/features.csv > {outputs}/predictions.csv", tables="csv")
    assert predict(model, data().train.features).tolist() == [0.0, 0.2, 0.4, 0.6, 0.8]


def test_of_several_columns_there_is_an_answer_each():
    predict = Command("printf 'a,b\\n1,2\\n3,4\\n' > {outputs}/predictions.csv")
    assert predict(Folder.of({"m": b""}), data().validation.features).tolist() == [[1, 2], [3, 4]]


def test_it_is_a_step_of_ones_own():
    line = "cat {inputs}/orders/orders.csv {inputs}/rates/x > {outputs}/{value:name}"
    command = Command(line, tables="csv", parameters=(Parameter("name", default="all"),))
    left = command.carry_out({"orders": pd.DataFrame({"n": [1]}), "rates": Folder.of({"x": b"y"})}, {"name": "mine"})
    assert left.read("mine") == b'"n"\n1\ny'


# ---------------------------------------------------------------- how it ends

ENDINGS = {
    "an exit code": ("echo no >&2; exit 3", CommandFailed, "ended with exit code 3. It said last:\nno"),
    "a signal of its own": ("kill -SEGV $$", CommandFailed, "was ended by SIGSEGV"),
    "for want of memory": ("kill -KILL $$", CommandLost, "was ended by SIGKILL"),
    "one that nobody of ours sent": ("kill -TERM $$", CommandLost, "was ended by SIGTERM"),
    "inside of a pipeline": ("false | cat; touch {outputs}/x", CommandFailed, "ended with exit code 1"),
    "a variable that is not set": ("echo $NOBODY; touch {outputs}/x", CommandFailed, "NOBODY: unbound variable"),
    "nothing left": ("true", CommandFailed, "ended well and left nothing in its outputs"),
    "a link": ("ln -s /etc/passwd {outputs}/x", CommandFailed, "x in its outputs is a link or a device"),
    "what is no UTF-8": ("printf '\\377' >&2; exit 1", CommandFailed, "It said last:\n\\xff"),
}


@pytest.mark.parametrize(("line", "error", "said"), ENDINGS.values(), ids=ENDINGS)
def test_a_command_that_ends_badly_says_how(line: str, error: type[Exception], said: str):
    with pytest.raises(error) as failed:
        train(Command(line))
    assert said in str(failed.value)


def test_what_cannot_be_started_says_why(beside: Path):
    (beside / "odd").write_text("#!/nowhere/python\n")
    with pytest.raises(CommandFailed, match=r"(?s)ended with exit code 127.*\./odd cannot be started: No such file"):
        train(Command(("./odd",), files=("odd",), module=MODULE))


LEFT = {
    "another name": (
        "echo x > {outputs}/feature.csv",
        "left feature.csv in its outputs, where one of features.parquet",
    ),
    "two of them": ("touch {outputs}/features.parquet {outputs}/features.arrow", "where one of features.parquet"),
    "no Parquet": ("echo x > {outputs}/features.parquet", "left features.parquet, which cannot be read"),
    "another type": ("printf 'n\\n1\\na\\n2\\n' > {outputs}/features.csv", "column 'n' is no int64"),
    "a column less": (
        "printf 'm\\n1\\n2\\n3\\n' > {outputs}/features.csv",
        "left a CSV without the column 'n' of its returns. It has m.",
    ),
    "too few rows": ("printf 'n\\n1\\n' > {outputs}/features.csv", "was given 3 rows and left 1"),
    "a row twice": ("printf 'n,row\\n1,0\\n1,0\\n1,2\\n' > {outputs}/features.csv", "left 3 with other numbers"),
}


@pytest.mark.parametrize(("line", "said"), LEFT.values(), ids=LEFT)
def test_a_table_that_is_not_what_it_should_be_is_refused(line: str, said: str):
    with pytest.raises(CommandFailed) as failed:
        Command(line, returns={"n": "int64"})(TABLE.head(0), TABLE.head(3))
    assert said in str(failed.value)


BACKGROUND = {
    "of its group": "sleep 1000 & echo $! > {outputs}/pid",
    "that left its group": "setsid sh -c 'echo $$ > {outputs}/.pid; mv {outputs}/.pid {outputs}/pid; sleep 1000; :' & "
    "while [ ! -e {outputs}/pid ]; do sleep 0.01; done",
}


@pytest.mark.parametrize("line", BACKGROUND.values(), ids=BACKGROUND)
def test_what_it_starts_in_the_background_ends_with_it(line: str):
    left = train(Command(line))
    assert not is_running(int(left["pid"]))


def test_one_that_takes_too_long_is_ended():
    command = Command("trap 'echo bye >&2; exit 0' TERM; sleep 1000 & wait", time_limit_seconds=0.5)
    with pytest.raises(CommandFailed, match=r"(?s)exit code 0, because it ran for longer than 0\.5 s.*bye"):
        train(command)


def test_one_that_says_nothing_for_too_long_is_ended():
    with pytest.raises(CommandFailed, match=r"because it said nothing for longer than 0\.5 s"):
        train(Command("sleep 1000", silence_limit_seconds=0.5))


def test_all_of_it_ends_when_the_process_that_waits_is_killed(tmp_path: Path):
    pids = tmp_path / "pids"
    program = f"""
from ml_assets.commands import Command
Command("setsid sleep 1000 & sleep 1000 & echo $$ $(jobs -p) > {pids}.part; mv {pids}.part {pids}; wait").carry_out({{}})
"""
    waiting = subprocess.Popen([sys.executable, "-c", program])
    while not pids.exists():
        assert waiting.poll() is None
    waiting.kill()
    waiting.wait()
    for pid in map(int, pids.read_text().split()):
        while is_running(pid):
            pass


def is_running(pid: int) -> bool:
    """Not gone, and not only waited for by nobody."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


# ---------------------------------------------------------------- a training


class Shelf:
    """Checkpoints in memory."""

    def __init__(self, *kept):
        self.kept = list(kept)

    def latest(self):
        return self.kept[-1] if self.kept else None

    def is_due(self, step):
        return True

    def save(self, step, state):
        self.kept.append(Checkpoint(step, state))


def test_metrics_are_heard_as_they_are_said():
    heard = []
    line = (
        """echo '{"step": 1, "loss": 2}'; echo plain; echo '{"step": 2, "loss": 1, "name": "x"}'; touch {outputs}/m"""
    )
    train(Command(line), Run(0, print, told=lambda step, metrics: heard.append((step, dict(metrics)))))
    assert heard == [(1, {"loss": 2.0}), (2, {"loss": 1.0})]


class Ear:
    """Lets a command go on once it was asked meanwhile."""

    def __init__(self, go: Path) -> None:
        self.go, self.heard = go, []  # type: Path, list[tuple[int, dict[str, float]]]

    def hear(self, step: int, metrics: dict[str, float]) -> None:
        self.heard.append((step, metrics))

    def meanwhile(self) -> None:
        if self.heard:
            self.go.touch()


def test_who_listens_to_a_command_that_is_no_training_hears_it_and_is_asked_while_it_says_nothing(tmp_path: Path):
    ear = Ear(tmp_path / "go")
    line = f"""echo '{{"step": 2, "rows": 7}}'; while [ ! -e {ear.go} ]; do sleep 0.01; done; echo x > {{outputs}}/x"""
    with heard_by(ear):
        Command(line).carry_out({})
    assert ear.heard == [(2, {"rows": 7.0})]
    Command("echo '{\"rows\": 8}'; echo x > {outputs}/x").carry_out({})
    assert len(ear.heard) == 1, "nobody listens any more"


def test_what_hears_metrics_may_end_it(tmp_path: Path):
    class Enough(Exception):
        pass

    def told(step, metrics):
        raise Enough

    line = f"""echo $$ > {tmp_path}/pid; echo '{{"loss": 2}}'; exec sleep 1000"""
    with pytest.raises(Enough):
        train(Command(line), Run(0, print, told=told))
    assert not is_running(int((tmp_path / "pid").read_text()))


SAVES = """
n=$(cat {checkpoints}/n 2> /dev/null || echo 0)
echo $((n + 1)) > {checkpoints}/.n; mv {checkpoints}/.n {checkpoints}/n
echo '{"step": '$((n + 1))', "loss": 1}'
"""


def test_a_training_that_is_asked_to_stop_has_saved_and_goes_on():
    shelf, heard = Shelf(), []
    run = Run(0, print, checkpoints=shelf, told=lambda step, metrics: heard.append(step))
    asked = replace(run, asked_to_stop=lambda: bool(heard))
    with pytest.raises(Interrupted, match="asked to stop after step 1 and saved"):
        train(Command(SAVES + "trap 'exit 0' TERM; sleep 1000 & wait"), asked)
    assert [(one.step, one.state) for one in shelf.kept] == [(1, {"files": {"n": b"1\n"}})]
    assert train(Command(SAVES + "cp {checkpoints}/n {outputs}"), run) == {"n": b"2\n"}
    assert heard == [1, 2]


def test_a_command_may_take_old_checkpoints_away_while_it_is_looked_at(monkeypatch):
    monkeypatch.setattr("ml_assets.commands.process.LOOKS_SECONDS", 0.0)
    monkeypatch.setattr("ml_assets.commands.kept.LARGEST_SHARE", 1e9)
    shelf = Shelf()
    line = "cd {checkpoints}; for n in {1..400}; do : > .n; mv .n $n; rm -f -- $((n - 2)); done; touch {outputs}/m"
    train(Command(line), Run(0, print, checkpoints=shelf))
    assert set(shelf.latest().state["files"]) == {"399", "400"}
    assert [one.step for one in shelf.kept] == list(range(1, len(shelf.kept) + 1))


def test_a_kept_state_that_leads_out_of_the_folder_is_refused(tmp_path: Path):
    shelf = Shelf(Checkpoint(1, {"files": {"../../escaped": b""}}))
    with pytest.raises(ValueError, match="leads out of the folder"):
        train(Command("touch {outputs}/m"), Run(0, print, checkpoints=shelf))


def test_what_a_training_that_fails_has_saved_is_kept():
    shelf = Shelf()
    with pytest.raises(CommandFailed):
        train(Command(SAVES + "exit 1"), Run(0, print, checkpoints=shelf))
    assert [one.step for one in shelf.kept] == [1]


def test_a_training_that_ignores_the_question_is_killed(monkeypatch):
    monkeypatch.setattr("ml_assets.commands.process.SAVES_WITHIN_SECONDS", 0.3)
    with pytest.raises(Interrupted):
        train(Command("trap '' TERM; while :; do sleep 0.1; done"), Run(0, print, asked_to_stop=lambda: True))
    assert ENDS_WITHIN_SECONDS < 60


# ---------------------------------------------------------------- before anything runs


def test_a_program_that_is_not_there_is_said_before_anything_is_written():
    with pytest.raises(CommandFailed, match=r"there is no program 'Rscrpt' here\. Install it"):
        train(Command(("Rscrpt", "fit.R")))


def test_a_variable_that_is_not_set_is_said():
    with pytest.raises(Refused, match="The variable NO_SUCH_KEY, which a command is to get, is not set here"):
        train(Command("true", environment=("NO_SUCH_KEY",)))


def test_a_command_runs_in_its_own_image_alone(monkeypatch):
    command = Command("touch {outputs}/m", image="r:4.5")
    with pytest.raises(Refused, match=r"runs in the image r:4\.5 alone, and this is no image"):
        train(command)
    monkeypatch.setenv("ML_ASSETS_IMAGE", "r:4.5")
    assert train(command) == {"m": b""}


def test_parameters_are_checked_before_it_runs(tmp_path: Path):
    @dataclass(frozen=True)
    class Params:
        depth: int = 0

    command = Command(f"touch {tmp_path}/ran", parameters=(Parameter("depth", "integer", 3, min=1),))
    with pytest.raises(InvalidParams, match="'depth' is 0, below its min 1"):
        train(command, params=Params())
    with pytest.raises(InvalidParams, match=r"has no parameter 'width'. It has depth\."):
        command.carry_out({}, {"width": 1})
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_edited_since_is_not_run(beside: Path):
    (beside / "fit.sh").write_text("touch $OUTPUTS/m")
    command = Command(("sh", "fit.sh"), files=("fit.sh",), module=MODULE)
    (beside / "fit.sh").write_text("touch $OUTPUTS/other")
    with pytest.raises(CommandFailed, match=r"fit\.sh was edited while this was running"):
        train(command)


DECLARED = {
    "files of no module": ({"files": ("fit.R",)}, "files lie beside a module, and '' is none that has a file"),
    "a file that is not there": ({"files": ("fit.R",), "module": MODULE}, "'fit.R' in files is not beside the module"),
    "a file outside": ({"files": ("../fit.R",), "module": MODULE}, "'../fit.R' in files leads out of the folder"),
    "another form": ({"tables": "xlsx"}, "tables is 'xlsx'; there are parquet, arrow, csv"),
    "an unknown type": ({"returns": {"x": "number"}}, "returns gives 'x' the type 'number'"),
    "two of one name": ({"parameters": (Parameter("a", default=""),) * 2}, "two parameters are called 'a'"),
    "an odd input": ({"inputs": {"train": "../x"}}, "its input '../x' is no name of a folder"),
    "a negative limit": ({"time_limit_seconds": -1.0}, "a limit is a number of seconds"),
}


@pytest.mark.parametrize(("fields", "said"), DECLARED.values(), ids=DECLARED)
def test_a_command_that_makes_no_sense_is_refused_when_it_is_declared(beside: Path, fields, said: str):
    with pytest.raises(InvalidProblem) as refused:
        Command("true", **fields)
    assert said in str(refused.value)


C, SHUFFLE = Parameter("c", "float", max=0.5), Parameter("shuffle_label", "flag")
IN_A_PROBLEM = {
    "an input that there is not": (
        "train",
        {"inputs": {"training": "x"}},
        "names an input 'training'; there are train, validation",
    ),
    "a source that there is not": ("dataset", {"reads": ("bills",)}, "reads 'bills', which is none of its sources"),
    "a source of features": ("features", {"reads": ("bills",)}, "only that of a dataset reads sources"),
    "a parameter that nobody gives": (
        "predict",
        {"parameters": (Parameter("k", "integer"),)},
        "has the parameter 'k' without a default",
    ),
    "params that it does not know": ("train", {}, "has no parameter 'c', which is one of params"),
    "params out of their limits": ("train", {"parameters": (C, SHUFFLE)}, "'c' is 1.0, above its max 0.5"),
}


@pytest.mark.parametrize(("role", "fields", "said"), IN_A_PROBLEM.values(), ids=IN_A_PROBLEM)
def test_a_command_that_does_not_fit_its_problem_is_refused_when_it_is_declared(role: str, fields, said: str):
    with pytest.raises(InvalidProblem) as refused:
        replace(umbrellas.PROBLEM, **{role: Command("true", **fields)})
    assert said in str(refused.value)


def test_a_training_and_its_predictions_have_one_image():
    train, predict = Command("fit", image="r:1"), Command("answer", image="r:2")
    with pytest.raises(InvalidProblem, match=r"train and predict have two images, r:1 and r:2, .*Give them one\."):
        replace(umbrellas.PROBLEM, train=train, predict=predict, params=Nothing())
    replace(umbrellas.PROBLEM, train=train, predict=replace(predict, image="r:1"), params=Nothing())


def test_a_command_trains_as_one_process():
    command = Command("true", parameters=(Parameter("c", "float"), SHUFFLE))
    with pytest.raises(InvalidProblem, match="is one process, and its compute asks for several"):
        replace(umbrellas.PROBLEM, train=command, compute=Compute(gpus=2))


def test_a_command_cannot_predict_by_a_model_that_is_no_folder():
    with pytest.raises(InvalidProblem, match=r"was asked to predict by a dict\. A command reads a model as a folder"):
        Command("true")({}, TABLE)
