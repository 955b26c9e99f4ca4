#!/usr/bin/env bash
# obstore 0.12.1: whoever hands over an endpoint and boto's credentials may reach another endpoint, with keys that have expired.
#
# - AWS_ENDPOINT_URL_S3 of the environment is stronger than an endpoint= that is given: data meant for one server goes to another.
#   What is stronger is aws_endpoint_url_s3, which S3Store() takes and S3Store.from_url() refuses as unknown.
# - Boto3CredentialProvider says of any credentials that they last 30 minutes, and obstore asks again when 5 are left. Boto renews
#   those with less than 15: of some with 16 minutes left, requests of the last 9 of these 25 minutes are signed with expired keys.
# - GOOGLE_SKIP_SIGNATURE counts for reading alone: a write asks the metadata server for a token.
# Seen: "8 9 refused", "16 30", "none token".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'obstore==0.12.1' boto3
cat >"$folder/look.py" <<'PYTHON'
import os
from datetime import UTC, datetime, timedelta

import boto3
import obstore
from botocore.credentials import RefreshableCredentials
from botocore.session import get_session
from obstore.auth.boto3 import Boto3CredentialProvider
from obstore.store import GCSStore, S3Store

once = {
    "client_options": {"allow_http": True, "timeout": timedelta(seconds=2)},
    "retry_config": {"max_retries": 0, "retry_timeout": timedelta(seconds=1)},
}


def said(do):
    try:
        do()
    except Exception as error:
        return str(error).partition("\n")[0]


os.environ |= {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:8", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
ours = "http://127.0.0.1:9"
asked = [said(lambda s=s: obstore.get(s, "k")) for s in (
    S3Store("b", endpoint=ours, **once), S3Store("b", aws_endpoint_url_s3=ours, **once))]
refused = said(lambda: S3Store.from_url("s3://b", aws_endpoint_url_s3=ours, **once))
print(*(text.partition("127.0.0.1:")[2][0] for text in asked), "refused" if "not valid" in refused else refused)

lasts = datetime.now(UTC) + timedelta(minutes=16)
session = get_session()
session._credentials = RefreshableCredentials("a", "b", "t", lasts, lambda: {}, "test")
told = Boto3CredentialProvider(boto3.Session(botocore_session=session))()["expires_at"]
print(16, round((told - datetime.now(UTC)).total_seconds() / 60))

os.environ |= {"GOOGLE_SKIP_SIGNATURE": "true", "GOOGLE_BASE_URL": ours}
gcs = GCSStore("b", **once)
for do in (lambda: obstore.get(gcs, "k"), lambda: obstore.put(gcs, "k", b"")):
    print("token" if "token request" in said(do) else "none", end=" ")
PYTHON
seen=$("$folder/venv/bin/python" "$folder/look.py" | tr '\n' ' ')
echo "obstore 0.12.1: ports asked; minutes left, minutes told; tokens for a read, a write: $seen"
[ "$seen" = "8 9 refused 16 30 none token " ] || { echo "this has changed" >&2; exit 1; }
