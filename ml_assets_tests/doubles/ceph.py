"""A real S3 server for tests: a single-node Ceph (monitor, manager, disk in memory, RGW), loopback only, a few seconds to start.

    apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr

No systemd, no cephx; all state lies in one folder; only the processes started here are stopped, by their ids.
"""

from __future__ import annotations

import http.client
import shutil
import socket
import subprocess
import time
import uuid
from pathlib import Path
from types import TracebackType

PROGRAMS = ("ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY, SECRET_KEY = "testkey", "testsecret"
PATIENCE_SECONDS = 90

CONFIGURATION = """
[global]
fsid = {fsid}
mon host = [v1:127.0.0.1:{monitor_port}]
public addr = 127.0.0.1
ms bind ipv6 = false
ms bind msgr2 = false
auth cluster required = none
auth service required = none
auth client required = none
osd pool default size = 1
osd pool default min size = 1
mon allow pool size one = true
osd pool default pg num = 8
osd pool default pg autoscale mode = off
mon max pg per osd = 1000
paxos propose interval = 0.05
paxos min wait = 0.01
osd crush chooseleaf type = 0
run dir = {root}/run
admin socket = {root}/run/$name.asok
log file = {root}/log/$name.log
crash dir = {root}/log
mon data = {root}/mon
mgr data = {root}/mgr
mgr module path = {root}/mgr
osd data = {root}/osd
osd objectstore = memstore
memstore device bytes = 2147483648
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw dynamic resharding = false
rgw dns name = localhost
"""


def missing_programs() -> list[str]:
    """The programs that are needed and not installed."""
    return [name for name in PROGRAMS if shutil.which(name) is None]


class CephRgw:
    """Runs while the ``with`` block does. ``environment`` is what an S3 client needs to reach it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.port = _free_port()
        self._monitor_port = _free_port()
        self._fsid = str(uuid.uuid4())
        self._processes: list[subprocess.Popen[bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
        }

    def __enter__(self) -> CephRgw:
        try:
            self._configure()
            self._start_cluster()
            self._start_gateway()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stop()

    def _configure(self) -> None:
        for name in ("mon", "mgr", "osd", "run", "log"):
            (self.root / name).mkdir(parents=True)
        fields = {"fsid": self._fsid, "monitor_port": self._monitor_port, "root": self.root, "port": self.port}
        (self.root / "ceph.conf").write_text(CONFIGURATION.format(**fields))

    def _start_cluster(self) -> None:
        monitors = str(self.root / "monmap")
        address = f"[v1:127.0.0.1:{self._monitor_port}]"
        _run("monmaptool", "--create", "--clobber", "--fsid", self._fsid, "--addv", "a", address, monitors)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)
        self._start("ceph-mon", "-i", "a", "-f")
        self._start("ceph-mgr", "-i", "x", "-f")
        disk = str(uuid.uuid4())
        self._run("ceph", "--connect-timeout", "30", "osd", "new", disk)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        process = self._start("ceph-osd", "-i", "0", "-f")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while "1 up" not in self._run("ceph", "--connect-timeout", "5", "osd", "stat", check=False):
            if process.poll() is not None:  # one start in five loses a race with the monitor and exits
                process = self._start("ceph-osd", "-i", "0", "-f")
            _wait_a_little(deadline, "its disk did not come up")

    def _start_gateway(self) -> None:
        user = ["--uid=test", "--display-name=test", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"]
        self._run("radosgw-admin", "user", "create", *user)
        self._start("radosgw", "-n", "client.rgw", "-f")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not _answers(self.port):
            _wait_a_little(deadline, "its gateway does not answer")

    def _run(self, program: str, *arguments: str, check: bool = True) -> str:
        return _run(program, "--conf", str(self.root / "ceph.conf"), *arguments, check=check)

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [program, "--conf", str(self.root / "ceph.conf"), *arguments]
        with (self.root / "log" / f"{program}.out").open("ab") as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._processes.append(process)
        return process

    def _stop(self) -> None:
        for process in reversed(self._processes):
            process.kill()
            process.wait()
        self._processes.clear()
        shutil.rmtree(self.root, ignore_errors=True)


def _run(*command: str, check: bool = True) -> str:
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=PATIENCE_SECONDS).stdout


def _wait_a_little(deadline: float, what: str) -> None:
    if time.monotonic() > deadline:
        raise TimeoutError(f"Ceph did not start within {PATIENCE_SECONDS} seconds: {what}.")
    time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
