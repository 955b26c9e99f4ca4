"""The machine, told from files laid out as kernels and drivers lay theirs."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from ml_assets.computation.machine import Gpus, cpu_kind, gpus, usable_cores

ALLOWED = len(os.sched_getaffinity(0))


def machine(folder: Path, **files: str) -> Path:
    """A file system with these files in it."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def many_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))


@pytest.mark.usefixtures("many_cores")
@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({}, 16),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "400000 100000"}, 4),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "max 100000"}, 16),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "150000 100000"}, 2),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "10000 100000"}, 1),
        ({"proc/self/cgroup": "0::/", "sys/fs/cgroup/cpu.max": "9900000 100000"}, 16),
        (
            {
                "proc/self/cgroup": "0::/pods/mine",
                "sys/fs/cgroup/pods/cpu.max": "300000 100000",
                "sys/fs/cgroup/pods/mine/cpu.max": "max 100000",
            },
            3,
        ),
        (
            {
                "proc/self/cgroup": "0::/../../elsewhere",
                "sys/fs/cgroup/cpu.max": "200000 100000",
                "sys/elsewhere/cpu.max": "100000 100000",
            },
            2,
        ),
        (
            {
                "proc/self/cgroup": "9:memory:/\n4:cpu,cpuacct:/docker/3f\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "500000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            5,
        ),
        (
            {
                "proc/self/cgroup": "4:cpu:/",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            16,
        ),
    ],
    ids=[
        "no groups", "version 2", "version 2, no limit", "one and a half", "a tenth", "more than there are",
        "limited from above", "a group outside of the container", "version 1", "version 1, no limit",
    ],
)  # fmt: skip
def test_cores_are_as_many_as_the_control_groups_grant(tmp_path, files, cores):
    assert usable_cores(machine(tmp_path, **files)) == cores


def test_without_control_groups_the_affinity_decides(tmp_path):
    assert usable_cores(tmp_path) == ALLOWED
    assert 1 <= usable_cores() <= ALLOWED


def test_a_system_that_knows_no_affinity_has_the_cores_it_counts(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 6)
    assert usable_cores(tmp_path) == 6


def test_the_processor_has_the_name_that_the_kernel_gives_it(tmp_path):
    text = "processor\t: 0\nmodel\t\t: 17\nmodel name\t: AMD EPYC 9654\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 9654\n"
    assert cpu_kind(machine(tmp_path, **{"proc/cpuinfo": text})) == "AMD EPYC 9654"


def test_a_processor_without_a_name_is_of_the_kind_that_python_knows(tmp_path):
    assert cpu_kind(machine(tmp_path, **{"proc/cpuinfo": "processor : 0\n"})) in (
        platform.processor(), platform.machine()
    )  # fmt: skip


OPEN = (
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  560.35.03  Release Build  (dvs-builder@U16)  Aug 16\nGCC"
)
CLOSED = (
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.129.03  Thu Oct 19 18:56:32 UTC 2023\nGCC version: 12.2.0\n"
)


@pytest.mark.parametrize(("said", "driver"), [(OPEN, "560.35.03"), (CLOSED, "535.129.03")], ids=["open", "closed"])
def test_the_driver_tells_its_version_and_the_kind_of_each_gpu(tmp_path, said, driver):
    files = {
        "proc/driver/nvidia/version": said,
        "proc/driver/nvidia/gpus/0000:01:00.0/information": "Model: \t\t NVIDIA H200\nIRQ:   \t\t 16\nGPU UUID: \t GPU-1\n",
        "proc/driver/nvidia/gpus/0000:02:00.0/information": "Model: \t\t NVIDIA A100\nIRQ:   \t\t 17\nGPU UUID: \t GPU-2\n",
    }
    assert gpus(machine(tmp_path, **files)) == Gpus(("NVIDIA A100", "NVIDIA H200"), driver)


def smi(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program nvidia-smi that does this."""
    (folder / "bin").mkdir()
    (folder / "bin/nvidia-smi").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "bin/nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}")


def test_where_the_driver_has_no_files_nvidia_smi_is_asked(tmp_path, monkeypatch):
    smi(tmp_path, monkeypatch, "echo 'NVIDIA L4, 550.54.15'; echo 'NVIDIA L4, 550.54.15'")
    assert gpus(tmp_path) == Gpus(("NVIDIA L4", "NVIDIA L4"), "550.54.15")


@pytest.mark.parametrize(
    "script",
    ["echo 'NVIDIA-SMI has failed'; exit 9", "echo 'No devices were found'", ":"],
    ids=["no driver", "no device", "nothing"],
)
def test_a_machine_whose_nvidia_smi_knows_of_none_has_no_gpu(tmp_path, monkeypatch, script):
    smi(tmp_path, monkeypatch, script)
    assert gpus(tmp_path) == Gpus()


def test_an_nvidia_smi_that_hangs_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr("ml_assets.computation.machine.ANSWERS_WITHIN_SECONDS", 0.1)
    smi(tmp_path, monkeypatch, "exec sleep 60")
    assert gpus(tmp_path) == Gpus()


def test_without_nvidia_there_is_no_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert gpus(tmp_path) == Gpus()
