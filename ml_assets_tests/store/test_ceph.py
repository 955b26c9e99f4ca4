"""The real S3 server of the tests comes up on a machine that does other things, too."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from ml_assets_tests.doubles import ceph
from ml_assets_tests.doubles.ports import free_port

pytestmark = [
    pytest.mark.s3,
    pytest.mark.skipif(
        bool(ceph.missing_programs()), reason="Ceph is not installed, see ml_assets_tests/doubles/ceph.py"
    ),
]


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@pytest.mark.parametrize("position", [0, 1], ids=["gateway", "monitor"])
def test_a_cluster_whose_port_is_taken_comes_up_on_another(tmp_path, taken, position):
    ports = [free_port(), free_port()]
    ports[position] = taken

    with ceph.running(tmp_path, lambda: ports.pop(0) if ports else free_port()) as server:
        assert taken not in (server.port, server._monitor_port)
        assert ceph._answers(server.port)
    assert not list(tmp_path.iterdir())


def test_a_cluster_that_never_comes_up_says_what_its_daemons_said(tmp_path, taken, monkeypatch):
    monkeypatch.setattr(ceph, "ATTEMPTS", 1)  # each takes ten seconds to give up the port
    never = ceph.running(tmp_path, lambda: taken)

    with pytest.raises(ceph.DidNotStart, match=r"its monitor does not answer: ceph-mon has ended[\s\S]*unable to bind"):
        never.__enter__()
    assert not list(tmp_path.iterdir())


def test_a_program_that_fails_is_quoted(tmp_path):
    server = ceph.CephRgw(tmp_path, free_port(), free_port())

    with pytest.raises(ceph.DidNotStart, match=r"^monmaptool .* ended with status 255: [\s\S]*No such file"):
        server._run("monmaptool", "--print", str(tmp_path / "nowhere"))
