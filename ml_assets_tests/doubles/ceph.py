"""A real S3 server for tests: a single-node Ceph (monitor, manager, disk in memory, RGW), loopback only, a few seconds to start.

    apt-get install --no-install-recommends radosgw ceph-mon ceph-osd ceph-mgr

No systemd, no cephx; all state lies in one folder; only the processes started here are stopped, by their ids. What does not
start (a port that was free is taken, a daemon ended, a machine too busy) is started again from nothing, elsewhere.
"""

from __future__ import annotations

import http.client
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ml_assets_tests.doubles.ports import free_port

PROGRAMS = ("ceph", "ceph-mon", "ceph-mgr", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
ACCESS_KEY, SECRET_KEY = "testkey", "testsecret"
ATTEMPTS = 3
PATIENCE_SECONDS = 80  # of one attempt; an idle machine takes four, and all of them must fit in a test's timeout of 300
LOG_TAIL = 2_000  # characters of each log that a failure shows

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


class DidNotStart(Exception):
    """Ceph did not come up: what was waited for or run, what it said, and the ends of the logs."""


class CephRgw:
    """One cluster, in a folder of its own. ``environment`` is what an S3 client needs to reach it."""

    def __init__(self, root: Path, port: int, monitor_port: int) -> None:
        self.root = root
        self.port = port
        self._monitor_port = monitor_port
        self._fsid = str(uuid.uuid4())
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._deadline = time.monotonic() + PATIENCE_SECONDS

    @property
    def environment(self) -> dict[str, str]:
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ALLOW_HTTP": "true",
        }

    def start(self) -> None:
        """Returns when it answers; nothing is left where it does not.

        Raises:
            DidNotStart: with all that is known of why.
        """
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        for process in reversed(self._processes.values()):
            process.kill()
            process.wait()
        self._processes.clear()
        shutil.rmtree(self.root, ignore_errors=True)

    def _start_all(self) -> None:
        try:
            self._configure()
            self._start_monitor()
            self._start_disk()
            self._start_gateway()
        except DidNotStart as fault:
            raise DidNotStart(f"{fault}\n{self._logs()}") from fault

    def _configure(self) -> None:
        for name in ("mon", "mgr", "osd", "run", "log"):
            (self.root / name).mkdir(parents=True)
        fields = {"fsid": self._fsid, "monitor_port": self._monitor_port, "root": self.root, "port": self.port}
        (self.root / "ceph.conf").write_text(CONFIGURATION.format(**fields))

    def _start_monitor(self) -> None:
        monitors = str(self.root / "monmap")
        address = f"[v1:127.0.0.1:{self._monitor_port}]"
        self._run("monmaptool", "--create", "--clobber", "--fsid", self._fsid, "--addv", "a", address, monitors)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", monitors)
        self._start("ceph-mon", "-i", "a", "-f")
        self._wait_until(lambda: "quorum" in self._ask("mon", "stat"), "its monitor does not answer", "ceph-mon")
        self._start("ceph-mgr", "-i", "x", "-f")

    def _start_disk(self) -> None:
        disk = str(uuid.uuid4())
        self._run("ceph", "--connect-timeout", "30", "osd", "new", disk)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", disk)
        self._start("ceph-osd", "-i", "0", "-f")
        self._wait_until(self._disk_is_up, "its disk did not come up", "ceph-mon")

    def _disk_is_up(self) -> bool:
        if self._processes["ceph-osd"].poll() is not None:  # one start in five loses a race with the monitor and exits
            self._start("ceph-osd", "-i", "0", "-f")
        return "1 up" in self._ask("osd", "stat")

    def _start_gateway(self) -> None:
        user = ["--uid=test", "--display-name=test", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"]
        self._run("radosgw-admin", "user", "create", *user)
        self._start("radosgw", "-n", "client.rgw", "-f")
        self._wait_until(lambda: _answers(self.port), "its gateway does not answer", "ceph-mon", "radosgw")

    def _wait_until(self, is_so: Callable[[], bool], otherwise: str, *needed: str) -> None:
        """Wait for something to come true, for as long as the ``needed`` programs run."""
        while not is_so():
            for program in needed:
                if (status := self._processes[program].poll()) is not None:
                    raise DidNotStart(f"{otherwise}: {program} has ended with status {status}.")
            if time.monotonic() > self._deadline:
                raise DidNotStart(f"{otherwise}. Starting has taken more than {PATIENCE_SECONDS} seconds.")
            time.sleep(0.1)

    def _ask(self, *question: str) -> str:
        """What the monitor says; empty if it does not answer."""
        return self._run("ceph", "--connect-timeout", "5", *question, check=False)

    def _run(self, program: str, *arguments: str, check: bool = True) -> str:
        patience = max(1.0, self._deadline - time.monotonic())
        return _said([program, "--conf", str(self.root / "ceph.conf"), *arguments], patience, check=check)

    def _start(self, program: str, *arguments: str) -> None:
        command = [program, "--conf", str(self.root / "ceph.conf"), *arguments]
        with (self.root / "log" / f"{program}.out").open("ab") as log:
            self._processes[program] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _logs(self) -> str:
        """The end of each log."""
        logs = sorted((self.root / "log").iterdir())
        return "\n".join(f"--- {log.name}\n{log.read_text(errors='replace')[-LOG_TAIL:]}" for log in logs)


@contextmanager
def running(root: Path, ports: Callable[[], int] = free_port) -> Iterator[CephRgw]:
    """A cluster that answers while the block runs.

    Args:
        ports: gives a port at each call.
    Raises:
        DidNotStart: if it did not come up several times over; of the last time.
    """
    server = _started(root, ports)
    try:
        yield server
    finally:
        server.stop()


def _started(root: Path, ports: Callable[[], int], attempt: int = 1) -> CephRgw:
    server = CephRgw(root / str(attempt), ports(), ports())
    try:
        server.start()
    except DidNotStart:
        if attempt == ATTEMPTS:
            raise
        return _started(root, ports, attempt + 1)
    return server


def _said(command: list[str], patience: float, *, check: bool) -> str:
    """What a program writes.

    Raises:
        DidNotStart: if it fails (unless not ``check``ed) or does not end within so many seconds.
    """
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=patience)
    except subprocess.TimeoutExpired as late:
        raise DidNotStart(f"{' '.join(command)} has not ended within {patience:.0f} seconds.") from late
    if check and done.returncode:
        raise DidNotStart(f"{' '.join(command)} ended with status {done.returncode}: {done.stderr}{done.stdout}")
    return done.stdout


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):  # somebody else's server may talk something else
        return False
    finally:
        connection.close()
