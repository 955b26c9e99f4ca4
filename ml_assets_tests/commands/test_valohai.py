"""Files for Valohai: those that make sense are read as they are, the others are refused with all that is wrong in them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from valohai_yaml import parse

from ml_assets.commands import Command, Parameter, valohai_step
from ml_assets.errors import InvalidProblem, Refused
from ml_assets.training.run import Run
from ml_assets_tests.commands.conftest import data
from ml_assets_tests.commands.test_command import Nothing

FILES = Path(__file__).parent / "valohai_files"
WHOLE = "valohai_files/whole.yaml"


def test_a_step_with_everything_is_a_command():
    step = valohai_step(WHOLE, "train", inputs={"train": "training-data"}, tables="csv")
    assert step.image == "r-base:4.5.1"
    assert (step.time_limit_seconds, step.silence_limit_seconds) == (7200, 600)
    assert step.variables == {"MODE": "careful"}
    assert step.environment == (), "one that is optional is not waited for"
    assert step.parameters[0] == Parameter("rate", "float", 0.1, min=0, max=1)
    assert step.parameters[3] == Parameter("layers", "integer", (3, 4), multiple="repeat")


def test_it_runs_as_its_file_says_and_a_flag_that_is_true_by_default_is_passed():
    step = valohai_step(WHOLE, "train", inputs={"train": "training-data"}, tables="csv", in_image=False)
    left = step(data(7), Nothing(), Run(0, print))
    assert left.read("model/rows") == b"7\n"
    assert left.read("parameters").decode().split() == [
        "--rate=0.1", "-n", "10", "--link=logit", "--layers=3", "--layers=4", "--columns=a/b", "--fast", "--shuffle"
    ]  # fmt: skip
    assert left.read("places") == b"--rate=0.1 0.1 {unknown}  careful\n"


def test_but_for_flags_it_is_the_line_that_their_library_builds():
    theirs = parse((FILES / "whole.yaml").read_text()).steps["train"].build_command({"fast": True, "shuffle": True})
    step = valohai_step(WHOLE, "train", inputs={"train": "training-data"}, tables="csv", in_image=False)
    left = step(data(7), Nothing(), Run(0, print))
    assert f"echo {left.read('parameters').decode().strip()} > $VH_OUTPUTS_DIR/parameters" == theirs[2]


def test_it_runs_in_its_image_unless_it_is_told_otherwise():
    with pytest.raises(Refused, match="runs in the image busybox alone"):
        valohai_step("valohai_files/small.yaml", "count")(data(), Nothing(), Run(0, print))
    step = valohai_step("valohai_files/small.yaml", "count", tables="csv", in_image=False)
    assert step(data(5), Nothing(), Run(0, print)).read("rows").startswith(b"6 ")


def test_anchors_share_what_steps_have_in_common():
    assert valohai_step("valohai_files/shared.yaml", "train").parameters[0].default == 3
    assert valohai_step("valohai_files/shared.yaml", "train-deeper").parameters[0].default == 9


def test_the_file_lies_beside_the_module_that_calls_or_another_one(tmp_path: Path, monkeypatch):
    shutil.copy(FILES / "small.yaml", tmp_path / "valohai.yaml")
    module = ModuleType("of_a_team")
    module.__file__ = str(tmp_path / "of_a_team.py")
    monkeypatch.setitem(sys.modules, "of_a_team", module)
    assert isinstance(valohai_step("valohai.yaml", "count", module="of_a_team"), Command)
    exec("from ml_assets.commands import valohai_step\nSTEP = valohai_step('valohai.yaml', 'count')", module.__dict__)
    assert module.STEP.module == "of_a_team"


BROKEN = {
    "defaults": [
        "step 'train': the default of 'rate' is 2, above its max 1",
        "step 'train': the default of 'rounds' is 'ten', which is no integer",
        "step 'train': the default of 'link' is 'log', none of its choices 'logit', 'probit'",
        "step 'train': the default of 'threads' is 4, which is no string",
        "step 'train': the default of 'layers' is 'many', which is no integer",
        "step 'train': the parameter 'width' has min 9 above max 1",
    ],
    "twice": [
        "two steps are called 'train'",
        "step 'train' has two parameters called 'rate'",
        "step 'train' has two inputs called 'rows'",
    ],
    "undeclared": [
        "step 'train': its command names the parameter 'rat', which it does not declare",
        "step 'train': its command names the parameter 'round', which it does not declare",
        "task 'search' is of the step 'trian', which there is not",
        "task 'other' varies the parameter 'depth', which step 'train' does not declare",
    ],
    "edges": [
        "pipeline 'all' has two nodes called 'fit'",
        "pipeline 'all': node 'score' is of the step 'predict', which there is not",
        "pipeline 'all': node 'again' overrides parameters 'speed', which step 'train' does not declare",
        "pipeline 'all': an edge leads to again.input.row; node 'again' has no input 'row'",
        "pipeline 'all': an edge leads from prepare.output.*; there is no node 'prepare'",
        "pipeline 'all': an edge leads to again.output.rows; 'output' is none of input, parameter, file",
        "pipeline 'all': an edge leads from fit.parameter.speed; node 'fit' has no parameter 'speed'",
        "pipeline 'all': its parameter 'rate' is for 'fit.parameters.speed'; node 'fit' has no parameter 'speed'",
        "pipeline 'all': its parameter 'other' is for 'nobody.parameters.rate'; there is no node 'nobody'",
    ],
    "circle": ["pipeline 'all': its nodes wait for each other in a circle: a -> b -> c -> a"],
}


@pytest.mark.parametrize(("file", "said"), BROKEN.items(), ids=BROKEN)
def test_all_that_makes_no_sense_in_a_file_is_said(file: str, said: list[str]):
    parse((FILES / f"{file}.yaml").read_text())  # which minds nothing of this
    with pytest.raises(InvalidProblem) as refused:
        valohai_step(f"valohai_files/{file}.yaml", "train")
    first, *faults = str(refused.value).splitlines()
    assert first.endswith(f"{file}.yaml makes no sense in {len(said)} places:")
    assert [fault.strip().rstrip(".") for fault in faults] == said


NO_FILES = {
    "on": "is no valohai.yaml: 1 errors: True is not of type 'string'",
    "key_twice": "is no valohai.yaml: the key 'command' stands twice",
    "text": "is no valohai.yaml: while parsing a flow mapping",
    "nowhere": "There is no file ",
}


@pytest.mark.parametrize(("file", "said"), NO_FILES.items(), ids=NO_FILES)
def test_what_is_no_such_file_is_refused(file: str, said: str):
    with pytest.raises(InvalidProblem) as refused:
        valohai_step(f"valohai_files/{file}.yaml", "train")
    assert said in str(refused.value)


NOT_HERE = {
    "train": "valohai_files/mounts.yaml, step 'train': its mounts are not there here",
    "stops": "its stop-condition is not looked at here",
    "needs": "nobody gives its input 'rows'. Say which of ours it is: inputs={'train': 'rows'}",
    "tarin": "mounts.yaml has no step 'tarin'. It has train, stops, needs.",
}


@pytest.mark.parametrize(("step", "said"), NOT_HERE.items(), ids=NOT_HERE)
def test_a_step_that_cannot_be_carried_out_here_is_refused(step: str, said: str):
    with pytest.raises(InvalidProblem) as refused:
        valohai_step("valohai_files/mounts.yaml", step)
    assert said in str(refused.value)


def test_an_input_that_the_step_does_not_have_is_refused():
    with pytest.raises(InvalidProblem, match=r"it has no input 'rows'\. It has none"):
        valohai_step("valohai_files/small.yaml", "count", inputs={"train": "rows"})
