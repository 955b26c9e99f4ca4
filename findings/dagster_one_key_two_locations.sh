#!/usr/bin/env bash
# Dagster 1.13.27: an asset that two code locations define is that of the location whose name sorts first.
#
# Its page, what is launched there, backfills and what automation asks for run in that location, also where the other one's sensor
# asked. The order in workspace.yaml does not count. The UI tells of the collision, nothing refuses it. Jobs, sensors and
# schedules are each location's own. Seen: "main is first in the file: ada".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'dagster==1.13.27' 'sqlalchemy<2.1'
cat >"$folder/model.py" <<'PYTHON'
import dagster as dg

defs = dg.Definitions([dg.asset(name="model")(lambda: 1)])
PYTHON
cat >"$folder/workspace.yaml" <<'YAML'
load_from:
  - python_file: {relative_path: model.py, location_name: main}
  - python_file: {relative_path: model.py, location_name: ada}
YAML
cat >"$folder/look.py" <<'PYTHON'
import dagster as dg
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import WorkspaceFileTarget

with dg.DagsterInstance.get() as instance:
    with WorkspaceProcessContext(instance, WorkspaceFileTarget(["workspace.yaml"])) as context:
        graph = context.create_request_context().asset_graph
        print(graph.get_repository_handle(dg.AssetKey("model")).location_name)
PYTHON
mkdir "$folder/home"
seen=$(cd "$folder" && DAGSTER_HOME="$folder/home" venv/bin/python -W ignore look.py 2>/dev/null | grep -xE 'ada|main')
echo "Dagster 1.13.27: of two locations that define one asset, of which main is first in the file: $seen"
[ "$seen" = "ada" ] || { echo "this has changed" >&2; exit 1; }
