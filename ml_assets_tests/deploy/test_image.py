"""The image builds, is not root, and serves the code location with nothing writable but its two folders.

It is built where a builder is at hand and a base image is there already (`podman pull docker.io/library/python:3.11-slim`).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator

import pytest

from ml_assets_tests.deploy.conftest import DEPLOY

DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
BASE = "docker.io/library/python:3.11-slim"
LARGEST_BYTES = 2.5e9  # with PyTorch for CPUs; for CUDA it is some gigabytes more
SECONDS_TO_START = 120


def test_the_image_is_not_root_and_is_pinned():
    assert re.search(r"^USER 1000:1000$", DOCKERFILE, re.M)
    assert "--constraint constraints.txt" in DOCKERFILE
    assert re.search(r"^HEALTHCHECK .*grpc-health-check", DOCKERFILE, re.M)


def test_the_image_has_what_serving_needs():
    extras = tomllib.loads((DEPLOY.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]

    assert "'.[deploy]'" in DOCKERFILE
    assert set(extras["serve"]) <= set(extras["deploy"])


def test_no_package_registry_is_named():
    hosts = re.findall(r"https?://[\w.-]+", DOCKERFILE + (DEPLOY / "README.md").read_text())

    assert not [host for host in hosts if re.search(r"pypi|pytorch\.org|pythonhosted", host)]


def builder() -> str:
    for program in ("podman", "docker"):
        inspect = [program, "image", "inspect", BASE]
        if shutil.which(program) and not subprocess.run(inspect, capture_output=True, check=False).returncode:
            return program
    pytest.skip(f"no podman or docker has {BASE}")


def run(*command: str, **options: int) -> str:
    done = subprocess.run(command, cwd=DEPLOY.parent, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> tuple[str, str]:
    """A builder and the image it built."""
    program, wheels = builder(), os.environ.get("PIP_FIND_LINKS", "")
    local = ["-v", f"{wheels}:{wheels}:ro", "--env", f"PIP_FIND_LINKS={wheels}", "--network", "host"]
    more = ["--format", "docker", *(local if wheels.startswith("/") else [])] if program == "podman" else []
    run(program, "build", *more, "-t", "ml_assets:test", "-f", "deploy/Dockerfile", ".", timeout=1500)
    return program, "ml_assets:test"


@pytest.fixture
def container(image: tuple[str, str]) -> Iterator[tuple[str, str]]:
    program, name = image
    confined = ["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--tmpfs", "/tmp"]
    started = run(program, "run", "-d", *confined, name)
    try:
        yield program, started
    finally:
        subprocess.run([program, "rm", "-f", started], capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_is_not_too_large(image):
    program, name = image

    assert int(run(program, "image", "inspect", "--format", "{{.Size}}", name)) < LARGEST_BYTES


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_serves_the_code_location_confined(container):
    program, name = container
    deadline = time.monotonic() + SECONDS_TO_START
    health = [program, "exec", name, "dagster", "api", "grpc-health-check", "-p", "4000"]
    while subprocess.run(health, capture_output=True, check=False).returncode:
        assert time.monotonic() < deadline, run(program, "logs", name)
        time.sleep(1)

    assert run(program, "exec", name, "id", "-u") == "1000"
    assert run(program, "exec", name, "ml-assets", "--help")
    assert subprocess.run([program, "exec", name, "touch", "/app/x"], capture_output=True, check=False).returncode
