#!/usr/bin/env bash
# pyarrow 26.0.1, pyarrow.json.read_json: text that looks like a date becomes a timestamp, by what all other lines of a block are.
#
# JSON has no dates. A column of order numbers, "2024-05-01", "2024-05-02", is read as timestamp[s]; with one that is no date
# among them, "2024-05-X1", all of them are text. So the type of a column changes from file to file, and what was text does not
# join with itself. An explicit schema (ParseOptions(explicit_schema=...)) keeps it text.
# Seen: timestamp[s], string, string.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'pyarrow==26.0.1' 2>/dev/null
said=$("$folder/venv/bin/python" - <<'PY'
import pyarrow as pa
from pyarrow import json

def read(*values, schema=None):
    lines = "".join(f'{{"order": "{value}"}}\n' for value in values).encode()
    options = json.ParseOptions(explicit_schema=schema) if schema else None
    return str(json.read_json(pa.BufferReader(lines), parse_options=options).schema.field("order").type)

text = pa.schema([("order", pa.string())])
print(read("2024-05-01", "2024-05-02"), read("2024-05-01", "2024-05-X1"), read("2024-05-01", schema=text))
PY
)
echo "pyarrow 26.0.1: $said"
[ "$said" = "timestamp[s] string string" ] || { echo "this has changed" >&2; exit 1; }
