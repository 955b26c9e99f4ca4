"""What skops trusts is written down for the pinned versions: the same as it finds by itself, only sooner."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ml_assets.store.codecs.skops_io import WRITTEN_DOWN, versions

WRITTEN = json.loads(WRITTEN_DOWN.read_text(encoding="utf-8"))
WRITE_AGAIN = "write it down again: python -m ml_assets_tests.store.codecs.write_skops_trusts"
CONSTRAINTS = Path(__file__).parents[3] / "constraints.txt"

FOUND = "from ml_assets_tests.store.codecs.write_skops_trusts import found; print(found())"
TRUSTED_BY_US = """
from ml_assets.store.codecs import skops_io
from pathlib import Path
import json, sys
skops_io.versions = lambda: json.loads(sys.argv[1])
io = skops_io.skops_io()
from skops.io import _general, _trusted_types
print(json.dumps({
    "has walked": _trusted_types.__spec__ is not None,
    "trusted": sorted(_general.SKLEARN_ESTIMATOR_TYPE_NAMES),
}))
"""


def said_by(program: str, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True
    ).stdout


def test_it_was_written_down_for_the_versions_that_we_install():
    pinned = dict(re.findall(r"^([\w-]+)==(\S+)$", CONSTRAINTS.read_text(), re.MULTILINE))
    assert WRITTEN["versions"] == {name: pinned[name] for name in WRITTEN["versions"]}, WRITE_AGAIN


@pytest.mark.skipif(WRITTEN["versions"] != versions(), reason="other versions than those that we install")
def test_what_is_written_down_is_what_skops_finds_by_itself():
    assert json.loads(said_by(FOUND)) == WRITTEN, WRITE_AGAIN


@pytest.mark.parametrize("other", [{}, {"skops": "99"}], ids=["as written down", "other version"])
def test_skops_finds_out_by_itself_only_where_a_version_differs(other: dict[str, str]):
    said = json.loads(said_by(TRUSTED_BY_US, json.dumps({**WRITTEN["versions"], **other})))
    assert said["has walked"] is bool(other)
    assert "sklearn.linear_model._base.LinearRegression" in said["trusted"]
