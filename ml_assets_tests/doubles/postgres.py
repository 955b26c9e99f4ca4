"""A PostgreSQL of one's own, on a free port of this machine, from the programs of Debian's package ``postgresql``."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ml_assets_tests.doubles.ports import free_port


@dataclass(frozen=True)
class Postgres:
    """Where it listens, and who may ask it."""

    port: int
    password: str = "secret"

    def as_dagster_says_it(self) -> dict[str, Any]:
        """What ``postgres_db`` of a dagster.yaml says of it, but for the password."""
        return {"hostname": "127.0.0.1", "port": self.port, "username": "dagster", "db_name": "postgres", "params": {}}


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Running, with an empty database; skips the test where the programs are not installed."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    server = Postgres(free_port())
    (folder / "password").write_text(server.password)
    if os.geteuid() == 0:  # PostgreSQL does not run as root
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    data = str(folder / "data")
    control = [str(programs / "pg_ctl"), "-D", data, "-w"]
    options = f"-p {server.port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    try:
        _run(
            str(programs / "initdb"), "-D", data, "-U", "dagster", "-A", "scram-sha-256", f"--pwfile={folder}/password"
        )
        _run(*control, "-l", f"{folder}/log", "-o", options, "start")
        try:
            yield server
        finally:
            _run(*control, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    found = shutil.which("initdb")
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found and not folders:
        pytest.skip("PostgreSQL is not here: Debian's package postgresql")
    return Path(found).parent if found else folders[-1]


def _run(*command: str) -> None:
    other = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    subprocess.run([*other, *command], check=True, cwd="/", stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
