#!/usr/bin/env bash
# kserve 0.21.0: InferenceRESTClient answers without the model_version that the server sent.
#
# The Open Inference Protocol has model_version in each inference response, and InferResponse a field for it. from_rest and from_grpc
# set it; from_bytes, which the client reads every REST answer by, does not: whoever logs which version answered logs None. What
# stands in the response's parameters is kept. Seen: "from_rest: 7", "from_bytes: None, of its parameters 7".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'kserve==0.21.0' 2>/dev/null
said=$("$folder/venv/bin/python" -W ignore - <<'PY'
import json

from kserve import InferResponse

plain = {"model_name": "m", "model_version": "7", "id": "1", "parameters": {"model_version": "7"},
         "outputs": [{"name": "y", "shape": [1], "datatype": "FP64", "data": [0.5]}]}
sent = json.dumps(plain).encode()
read = InferResponse.from_bytes(sent, len(sent))
print(InferResponse.from_rest(plain).model_version, read.model_version, read.parameters["model_version"])
PY
)
echo "kserve 0.21.0: from_rest, from_bytes, of its parameters: $said"
[ "$said" = "7 None 7" ] || { echo "this has changed" >&2; exit 1; }
