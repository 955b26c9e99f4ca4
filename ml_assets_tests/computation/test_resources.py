"""What a step took. Nothing is asserted of how fast anything is: only of what is counted."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest

from ml_assets.computation.resources import FORGET_PEAK, Meter, Reading, taken

linux = pytest.mark.skipif(not FORGET_PEAK.exists(), reason="the kernel keeps no peak that can be forgotten")


def burn(seconds: float) -> None:
    """Use this much CPU time."""
    until = time.thread_time() + seconds
    while time.thread_time() < until:
        pass


def in_a_process(program: str) -> list[float]:
    """What a program prints, one number in each line, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [float(line) for line in done.stdout.split()]


# ---------------------------------------------------------------- seconds


def test_the_time_of_all_threads_counts():
    meter = Meter()
    workers = [threading.Thread(target=burn, args=(0.1,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert meter.read()["cpu_seconds"] >= 0.2


def test_the_time_of_children_that_ended_counts():
    meter = Meter()
    program = "import time\nwhile time.process_time() < 0.2: pass"
    subprocess.run([sys.executable, "-c", program], check=True)
    assert meter.read()["cpu_seconds"] >= 0.2


def test_what_was_before_does_not_count():
    burn(0.2)
    assert Meter().read()["cpu_seconds"] < 0.2


def test_waiting_takes_wall_time_alone():
    meter = Meter()
    time.sleep(0.2)
    used = meter.read()
    assert used["wall_seconds"] >= 0.2 > used["cpu_seconds"]


def test_it_can_be_read_again():
    meter = Meter()
    first = meter.read()
    burn(0.05)
    assert meter.read()["cpu_seconds"] > first["cpu_seconds"]


def test_it_starts_no_thread():
    before = threading.active_count()
    meter = Meter()
    assert threading.active_count() == before
    meter.read()


# ---------------------------------------------------------------- memory


HELD = """
from ml_assets.computation.resources import Meter
def held(mebibytes):
    bytearray(b"x") * (mebibytes * 2**20)
"""  # a process of its own: what other tests left behind may be given back meanwhile, and hide what is held here


@linux
def test_the_peak_is_that_of_the_step_and_not_of_the_process():
    program = """
held(100)
after = Meter()
print(after.read()["peak_memory_mib"])
held(100)
print(after.read()["peak_memory_mib"])
print(Meter().read()["peak_memory_mib"])
"""
    small, large, later = in_a_process(HELD + program)
    assert large - small > 90
    assert later < small + 50


@linux
def test_meters_inside_a_meter_do_not_make_it_forget():
    program = """
outer = Meter()
held(100)
middle = Meter()
held(50)
inner = Meter()
for meter in (inner, middle, outer):
    print(meter.read()["peak_memory_mib"])
"""
    lowest, low, high = in_a_process(HELD + program)
    assert low - lowest > 40
    assert high - low > 40


REFUSED = """
from pathlib import Path
from ml_assets.computation.resources import Meter
def peak(use):
    meter = Meter(Path("/nowhere/clear_refs"))
    bytearray(b"x") * (use * 2**20)
    print(meter.read().get("peak_memory_mib", -1))
peak(50); peak(25); peak(100)
"""


def test_where_the_kernel_does_not_forget_only_a_new_peak_is_told():
    first, lower, higher = in_a_process(REFUSED)
    assert 50 < first < 100
    assert lower == -1
    assert higher > 100


CHILDREN = """
import subprocess, sys
from ml_assets.computation.resources import Meter
hold = lambda mib: [sys.executable, "-c", f"bytearray(b'x') * ({mib} * 2**20)"]
own = bytearray(b"x") * (40 * 2**20)
for child in (["true"], hold(100), hold(80), hold(150)):
    meter = Meter()
    subprocess.run(child, check=True)
    print(meter.read().get("child_peak_memory_mib", -1))
"""


def test_the_largest_child_is_told_where_it_is_known_to_be_one_of_the_step():
    nothing, first, lower, higher = in_a_process(CHILDREN)
    assert nothing == -1  # the kernel says 40 MiB and more: those of the process that it came from
    assert 100 < first < 150
    assert lower == -1
    assert 150 < higher < 200


# ---------------------------------------------------------------- GPUs


def reading(wall: float, **counts: int) -> Reading:
    return Reading(wall, 0.0, 0.0, {int(name[-1]): count for name, count in counts.items()})


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        ({}, {}, 0.0),
        ({}, {"gpu0": 7}, 10.0),
        ({"gpu0": 7}, {"gpu0": 8}, 10.0),
        ({"gpu0": 7}, {"gpu0": 7}, 0.0),
        ({"gpu0": 7}, {"gpu0": 8, "gpu1": 1, "gpu2": 0}, 20.0),
    ],
    ids=["none", "its first use", "used again", "used before alone", "two of three"],
)
def test_gpu_seconds_are_those_of_each_gpu_that_the_step_used(before, after, seconds):
    used = taken(reading(5.0, **before), reading(15.0, **after), 1.0, known=True)
    assert used["gpu_seconds"] == seconds


def test_without_torch_no_gpu_was_used_and_torch_is_not_loaded_to_find_out():
    program = "import sys\nfrom ml_assets.computation.resources import Meter\n"
    assert in_a_process(program + "print(Meter().read()['gpu_seconds'], 'torch' in sys.modules or 0)") == [0.0, 0.0]


def test_torch_is_asked_only_once_it_uses_a_gpu(monkeypatch):
    """A stand-in for torch's public functions: no machine of ours has a GPU."""
    cuda = SimpleNamespace(
        is_initialized=lambda: bool(taken_memory),
        device_count=lambda: 2,
        memory_stats=lambda gpu: {"allocation.all.allocated": taken_memory[gpu]},
    )
    taken_memory: list[int] = []
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    assert Reading.now().gpu_allocations == {}
    taken_memory += [3, 0]
    assert Reading.now().gpu_allocations == {0: 3, 1: 0}


def test_a_torch_that_is_being_loaded_uses_no_gpu_yet(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    assert Reading.now().gpu_allocations == {}
