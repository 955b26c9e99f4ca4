"""The clients of Triton and KServe get from a server what a batch says, to the bit."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from ml_assets.training.model import predict
from ml_assets_tests.cli.test_serve import is_ready, serving, until
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.serving.clients import COLUMNS

CLIENTS = os.environ.get("ML_ASSETS_TEST_CLIENTS", "")
"""An interpreter that has kserve and tritonclient[http]."""


@pytest.mark.slow
@pytest.mark.skipif(
    not CLIENTS, reason="ML_ASSETS_TEST_CLIENTS names no interpreter with kserve and tritonclient[http]"
)
def test_the_clients_of_triton_and_kserve_are_answered_as_a_batch_is(shared):
    script = Path(__file__).with_name("clients.py")
    with serving("umbrellas") as (server, url):
        until(lambda: is_ready(url), server)
        asked = subprocess.run([CLIENTS, str(script), url], capture_output=True, text=True, check=False)
    assert asked.returncode == 0, asked.stderr

    features = pd.DataFrame({name: values for name, (_, values) in COLUMNS.items()}).astype({"shop": "str"})
    batch = predict(umbrellas.PROBLEM, shared.load("umbrellas/champion"), features).tolist()
    *by_triton, refusal = json.loads(asked.stdout)["triton"]
    assert by_triton == [batch] * 24 and "Column 'shop' is missing" in refusal
    assert json.loads(asked.stdout)["kserve"] == [batch] * 2
