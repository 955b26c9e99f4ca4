"""What becomes of a training's pod: a run in this process, whose trainings are pods of the API double."""

from __future__ import annotations

import os

import pytest

from ml_assets_tests.doubles import on_command
from ml_assets_tests.doubles.diary import STEPS
from ml_assets_tests.orchestration.cluster.place import IN_NEW_INTERPRETERS

pytestmark = pytest.mark.slow
ALL_STEPS = [f"step {n}" for n in range(1, STEPS + 1)]


def steps(place) -> list[str]:
    return [line for line in place.diary.lines() if line.startswith("step")]


@IN_NEW_INTERPRETERS
def test_only_the_training_gets_a_pod_and_that_asks_for_what_its_compute_says(place):
    place.diary.allow(6)

    run = place.start()()

    assert run.is_success, place.told()[-6:]
    (job,) = place.api.jobs()
    assert job["metadata"]["labels"]["dagster/op"] == "learn"
    spec = job["spec"]["template"]["spec"]
    assert spec["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert spec["nodeSelector"] == {"nvidia.com/gpu.product": "NVIDIA-L4"}
    assert place.diary.lines() == [f"prepare in {os.getpid()}", "begin 0", *ALL_STEPS, "judge 6"]


def test_a_training_whose_pod_is_taken_away_in_every_way_goes_on_each_time(place):
    ended = place.start()
    ways = [
        ("is deleted", place.api.delete_pod),
        ("is killed", place.api.kill),
        ("runs out of memory", lambda pod: place.api.kill(pod, "OOMKilled")),
        ("is evicted", place.api.evict),
    ]
    for done, (_, take_away) in enumerate(ways, start=1):
        place.diary.allow(done)
        place.wait_for_lines(f"step {done}")
        take_away(place.running_pod())
        place.wait_for_lines(f"begin {done}")
    place.diary.allow(6)

    run = ended()

    assert run.is_success, place.told()[-6:]
    assert steps(place) == ALL_STEPS, "no step was taken twice"
    retries = place.told("STEP_UP_FOR_RETRY")
    assert len(retries) == len(place.told("STEP_RESTARTED")) == len(ways)
    assert "OOMKilled" in retries[2]
    assert "it has 4096Mi" in retries[2]
    assert place.told("STEP_FAILURE") == place.told("STEP_FAILURE")[:2], "asked to end, a step says that it failed"
    assert len(place.api.jobs(op="learn")) == len(ways) + 1


def test_a_training_that_dies_of_itself_fails_with_its_exit_code_and_last_lines(place):
    run = place.start(on_command.crashing)()

    assert run.is_failure
    (failure,) = place.told("STEP_FAILURE")
    assert "exit code 139" in failure
    assert "Segmentation fault, it says" in failure
    assert len(place.api.jobs()) == 1, "its compute allows no retries"


def test_an_image_that_is_not_there_fails_the_step_after_a_while(place):
    place.api.kubelet.images = {}

    run = place.start()()

    assert run.is_failure
    (failure,) = place.told("STEP_FAILURE")
    assert "ErrImagePull" in failure
    assert "ml-assets:1" in failure
    assert any("cannot begin (ErrImagePull)" in line for line in place.told("ENGINE_EVENT"))
    assert not place.api.pods(op="learn"), "what cannot begin is cleared away"


@pytest.mark.parametrize(
    ("status", "after"),
    [(500, True), (429, False), (0, True)],
    ids=["500 after it", "429", "reset after it"],
)
def test_a_job_whose_creation_went_wrong_is_created_once(place, status, after):
    place.api.fail("POST /apis/batch", status, after=after)
    place.diary.allow(6)

    run = place.start()()

    assert run.is_success, place.told()[-6:]
    assert len(place.api.jobs()) == 1
    assert any("tried again in 1 s" in line for line in place.told("ENGINE_EVENT"))


def test_an_api_that_does_not_answer_for_a_while_disturbs_no_training(place):
    ended = place.start()
    place.wait_for_lines("begin 0")
    place.api.fail("GET /apis/batch", 500, times=6)
    place.diary.allow(6)

    assert ended().is_success
    assert place.told("STEP_UP_FOR_RETRY") == []


def test_a_job_that_the_cluster_refuses_fails_the_step_and_says_why(place):
    place.api.fail("POST /apis/batch", 403, times=100)

    run = place.start()()

    assert run.is_failure
    assert "Kubernetes refused (403)" in place.told("STEP_FAILURE")[0]
