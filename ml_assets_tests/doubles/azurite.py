"""Azure's blob service in the small: Azurite, Microsoft's emulator, where it is installed (``npm install azurite``; try 3.35)."""

from __future__ import annotations

import base64
import email.utils
import hashlib
import hmac
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

import pytest

from ml_assets_tests.doubles.ports import free_port

PROGRAM = "azurite-blob"
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # every Azurite's
CONTAINER = "ml-assets"
PATIENCE_SECONDS = 60


@pytest.fixture(scope="session")
def azurite() -> Iterator[dict[str, str]]:
    """What a client needs to reach it."""
    if shutil.which(PROGRAM) is None:
        pytest.skip(f"Azurite is not installed: no {PROGRAM}. See ml_assets_tests/doubles/azurite.py.")
    with running(free_port()) as url:
        yield {"AZURE_STORAGE_USE_EMULATOR": "true", "AZURITE_BLOB_STORAGE_URL": url}


@contextmanager
def running(port: int) -> Iterator[str]:
    """Its address, once it has a container, while the block runs."""
    url = f"http://127.0.0.1:{port}"
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--inMemoryPersistence", "--disableTelemetry"]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([PROGRAM, *options, "--silent", "--skipApiVersionCheck"], **quiet)
    try:
        _make_container(url)
        yield url
    finally:
        process.kill()
        process.wait()


def _make_container(url: str) -> None:
    """As soon as it listens. obstore makes none."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        headers = {"x-ms-date": email.utils.formatdate(usegmt=True), "x-ms-version": "2021-08-06", "Content-Type": "x"}
        said = "".join(f"{name}:{headers[name]}\n" for name in ("x-ms-date", "x-ms-version"))
        asked = f"PUT\n\n\n\n\nx\n\n\n\n\n\n\n{said}/{ACCOUNT}/{ACCOUNT}/{CONTAINER}\nrestype:container"
        signed = base64.b64encode(hmac.digest(base64.b64decode(KEY), asked.encode(), hashlib.sha256)).decode()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{signed}"
        address = f"{url}/{ACCOUNT}/{CONTAINER}?restype=container"
        try:
            urllib.request.urlopen(urllib.request.Request(address, b"", headers, method="PUT")).close()
        except URLError as error:
            if time.monotonic() > deadline or getattr(error, "code", None):
                raise
            time.sleep(0.2)
        else:
            return
