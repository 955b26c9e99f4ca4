#!/usr/bin/env bash
# absl-py 2.5.1 beside Dagster 1.13.27: a run closes the file that stood in for standard error while absl was imported.
#
# Keras imports absl, whose log handler keeps the stream that sys.stderr is at that moment. Each run of Dagster whose instance
# configures Python's logging (python_logs in dagster.yaml) calls logging.config.dictConfig, which closes all handlers; absl's
# then closes its stream, and spares only what sys.stderr, sys.stdout or the process's own are at *that* moment. So where standard
# error is replaced for a while, as test runners, notebooks and log capture do, their file is closed under their feet: pytest
# reports "I/O operation on closed file" for all tests that follow, none of which is at fault.
# Seen: the file is open before the run, and closed after it; with absl's stream set to sys.__stderr__ first, it stays open.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dagster==1.13.27' 'sqlalchemy<2.1' 'absl-py==2.5.1'
cat >"$folder/run.py" <<'PYTHON'
import io
import sys
import tempfile
import warnings

import dagster as dg

warnings.simplefilter("ignore")


@dg.job
def nothing():
    pass


captured = io.StringIO()
sys.stderr = captured
from absl import logging  # noqa: E402

sys.stderr = sys.__stderr__
if sys.argv[1] == "guarded":
    logging.get_absl_handler().python_handler.stream = sys.__stderr__
logs = {"python_logs": {"dagster_handler_config": {"handlers": {"console": {"class": "logging.StreamHandler"}}}}}
before = captured.closed
with tempfile.TemporaryDirectory() as home, dg.instance_for_test(temp_dir=home, overrides=logs) as instance:
    nothing.execute_in_process(instance=instance)
print(f"{before} {captured.closed}")
PYTHON
plain=$("$folder/venv/bin/python" "$folder/run.py" plain 2>/dev/null)
guarded=$("$folder/venv/bin/python" "$folder/run.py" guarded 2>/dev/null)
echo "absl-py 2.5.1 and Dagster 1.13.27: closed before and after a run: $plain; with another stream for absl: $guarded"
[ "$plain" = "False True" ] && [ "$guarded" = "False False" ] || { echo "this has changed" >&2; exit 1; }
