#!/usr/bin/env bash
# Dagster 1.13.27: DAGSTER_EVENT_BATCH_SIZE collects events and saves nothing where its own storages keep them.
#
# The variable has the instance hold back the planned events of a run and hand them to store_event_batch together. No storage
# that Dagster ships (SQLite, in memory; PostgreSQL and MySQL inherit the same) has such a method of its own: the one of the base
# class stores one event after the other, each in a transaction. So a run of an asset with twenty checks commits as often with it.
# Seen: 21 planned events, 21 calls of store_event, with 0 as with 100.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dagster==1.13.27' 'sqlalchemy<2.1'
cat >"$folder/count.py" <<'PYTHON'
import os
import sys
import tempfile
import warnings

import dagster as dg
from dagster._core.storage.event_log.base import EventLogStorage
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

warnings.simplefilter("ignore")
specs = [dg.AssetCheckSpec(f"check_{n}", asset="table") for n in range(20)]


@dg.asset(check_specs=specs)
def table():
    yield dg.Output(1)
    for spec in specs:
        yield dg.AssetCheckResult(check_name=spec.name, passed=True)


assert SqlEventLogStorage.store_event_batch is EventLogStorage.store_event_batch, "there is a batch now"
stored = []
one = SqliteEventLogStorage.store_event
SqliteEventLogStorage.store_event = lambda self, event: (stored.append(event), one(self, event))[1]
os.environ["DAGSTER_EVENT_BATCH_SIZE"] = sys.argv[1]
with tempfile.TemporaryDirectory() as home, dg.DagsterInstance.from_ref(
    dg._core.instance.ref.InstanceRef.from_dir(home)
) as instance:
    job = dg.Definitions([table]).resolve_implicit_global_asset_job_def()
    instance.create_run_for_job(job)
print(len([event for event in stored if "PLANNED" in event.dagster_event.event_type_value]))
PYTHON
without=$("$folder/venv/bin/python" "$folder/count.py" 0 2>/dev/null)
with=$("$folder/venv/bin/python" "$folder/count.py" 100 2>/dev/null)
echo "Dagster 1.13.27: planned events of a run that are stored one by one: $without without batches, $with with DAGSTER_EVENT_BATCH_SIZE=100"
[ "$without" = 21 ] && [ "$with" = 21 ] || { echo "this has changed" >&2; exit 1; }
