"""What docs/EXPORT.md says is so."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ml_assets import cli
from ml_assets.exports import FORMATS, LIMITS
from ml_assets.training.network import Network
from ml_assets_tests.doubles import parcels
from ml_assets_tests.exports.conftest import Leave

PAGE = (Path(__file__).parents[2] / "docs" / "EXPORT.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.M | re.S)


@pytest.mark.parametrize("line", blocks("sh")[0].splitlines())
def test_a_command_line_is_understood(line: str):
    program, *arguments = shlex.split(line)

    assert program == "ml-assets"
    assert cli.parser().parse_args(arguments)


def test_the_formats_and_their_limits_are_named():
    assert set(re.findall(r"^\| `(\w+)` \|", PAGE, re.M)) == set(FORMATS)
    assert f"| {LIMITS['onnx'].apart:.0e}".replace("e-05", "e-5") in PAGE


def test_the_documented_program_feeds_an_onnx_file(leave: Leave, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    table = parcels.binary()
    exported = leave(parcels.PROBLEM, table, "onnx")
    exported.folder.rename(tmp_path / "delays")
    monkeypatch.chdir(tmp_path)
    rows = table.features.iloc[-240:]
    told: dict[str, Any] = {"rows": rows}

    exec(blocks("python")[0], told)

    assert told["prediction"].shape == (240,)
    assert ((told["prediction"] >= 0) & (told["prediction"] <= 1)).all()
    assert np.unique(told["prediction"].round(3)).size > 20


def test_the_documented_network_is_one():
    code = blocks("python")[1].partition("\n\nPROBLEM")[0]
    told: dict[str, Any] = {"built_from": lambda model: model}
    exec(code, told)

    assert isinstance(told["as_network"]("a module"), Network)


def test_links_lead_to_files():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", PAGE)

    assert [link for link in links if not (Path(__file__).parents[2] / "docs" / link).exists()] == []
