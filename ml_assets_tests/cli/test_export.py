"""`ml-assets export`: what is asked for, what is said, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

MONTH = "umbrellas/model@2024-03"


def test_a_model_leaves_and_what_was_compared_is_said(shared, call, tmp_path):
    answer = call("export", MONTH, "--to", "onnx", str(tmp_path / "umbrellas"))

    assert answer.code == 0, answer
    key = shared.head("umbrellas/model", "2024-03").target
    what, compared, then = answer.lines
    assert what.startswith(f"{key} as onnx in {tmp_path / 'umbrellas'}: 2 files, ")
    assert compared.startswith("compared with its source: ")
    assert compared.endswith(", 0 flipped labels")
    assert then.startswith(f"next: python -m json.tool {tmp_path / 'umbrellas'}/export.json")
    about = json.loads((tmp_path / "umbrellas" / "export.json").read_text())
    assert about["model"]["version"] == key.version
    assert list(about["inputs"]) == ["clouds", "above_usual"]


def test_partition_names_the_model_and_json_says_all(shared, call, tmp_path):
    answer = call(
        "export", "umbrellas/model", "--partition", "2024-02", "--to", "native", str(tmp_path / "a"), "--json"
    )

    assert answer.json["model"]["partition"] == "2024-02"
    assert answer.json["compared"]["equal"] is True
    assert answer.json["folder"] == str(tmp_path / "a")


@pytest.mark.slow
def test_a_folder_is_named_from_where_one_is(shared, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    answer = call("export", MONTH, "--to", "mlflow", "umbrellas")

    assert answer.code == 0, answer
    assert "every bit is equal" in answer.lines[1]
    assert [path.name for path in tmp_path.iterdir()] == ["umbrellas"]
    assert not [*(tmp_path / "umbrellas").rglob("__pycache__")]


def test_a_champion_is_whose_model_serves(shared, call, tmp_path):
    serves = call("champion", "umbrellas", "--json").json["version"]
    then = call("champion", "umbrellas", "--partition", "2024-01", "--json").json["version"]

    now = call("export", "umbrellas/champion", "--to", "native", str(tmp_path / "now"), "--json")
    before = call(
        "export", "umbrellas/champion", "--partition", "2024-01", "--to", "native", str(tmp_path / "then"), "--json"
    )

    assert (now.json["model"]["version"], before.json["model"]["version"]) == (serves, then)


def test_a_champion_of_no_partition_says_which_there_are(shared, refused, tmp_path):
    said = refused(2, "export", "ice_cream/champion", "--to", "native", str(tmp_path / "a"))
    assert "has a champion of its own; add --partition: " in said


def test_a_champion_of_each_partition_is_named_by_it(shared, call, tmp_path):
    answer = call(
        "export", "ice_cream/champion", "--partition", "south/east", "--to", "native", str(tmp_path / "a"), "--json"
    )

    assert answer.json["model"]["asset"] == "ice_cream/model"
    assert answer.json["task"] == "regression"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (
            ("umbrellas/split@2024-03", "--to", "native"),
            2,
            "is no model. Name one: ml-assets export umbrellas/model --partition",
        ),
        (("umbrellas/model@2031-01", "--to", "native"), 3, "umbrellas/model@2031-01 names nothing"),
        (
            (MONTH, "--to", "native", "--limit", "0.1"),
            2,
            "answers bit for bit as its source does, or is refused: it takes no --limit",
        ),
        ((MONTH, "--to", "mlflow", "--flips", "1"), 2, "it takes no --flips"),
        ((MONTH, "--to", "onnx", "--limit", "2"), 2, "2 is no difference from 0 to 1"),
        ((MONTH, "--to", "onnx", "--flips", "-1"), 2, "-1 is no number of labels"),
        ((MONTH, "--to", "pickle"), 2, "invalid choice: 'pickle'"),
        ((MONTH, "--to", "onnx", "--limit", "0"), 3, "allowed: 0 and 0 flipped labels. Nothing was released."),
        (
            ("ice_cream/model@south/east", "--to", "onnx"),
            3,
            "Line, and no converter to ONNX knows what ice_cream's predict does",
        ),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(arguments, code, said, shared, call, tmp_path):
    answer = call("export", *arguments, str(tmp_path / "out"))

    assert (answer.code, answer.out) == (code, ""), answer
    assert said in answer.err
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_a_folder_that_exists_is_refused(shared, call, tmp_path: Path):
    answer = call("export", MONTH, "--to", "native", str(tmp_path))

    assert answer.code == 3
    assert f"Refused: {tmp_path} exists, and an export never replaces anything." in answer.err
