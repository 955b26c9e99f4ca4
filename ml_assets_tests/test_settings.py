from __future__ import annotations

import getpass
import os
import subprocess
import sys

import pytest

from ml_assets.errors import UsageError
from ml_assets.settings import (
    Settings,
    environ_for_code_in,
    environ_for_git,
    hash_seed,
    let_arrow_free_memory,
    let_gpus_repeat,
    let_waiting_threads_yield,
    on_cluster,
    share_cores,
    thread_limits,
    visible_gpus,
)

VARIABLES = {
    "ML_ASSETS_STORE": "s3://ml/prod",
    "ML_ASSETS_LANDING": "s3://ml/landing",
    "ML_ASSETS_BRANCH": "ada/trial",
    "ML_ASSETS_USER": "ada",
    "DAGSTER_HOME": "/srv/dagster",
    "ML_ASSETS_UPSTREAM": "s3://ml/theirs",
}


def test_settings_are_what_the_environment_says():
    assert Settings.from_environment(VARIABLES) == Settings(*VARIABLES.values())


@pytest.mark.parametrize(
    "environ", [{}, dict.fromkeys(VARIABLES, "")], ids=["nothing is set", "everything is set to nothing"]
)
def test_without_an_environment_everything_is_below_the_current_folder_on_main(environ):
    found = Settings.from_environment(environ)
    assert found == Settings(user=getpass.getuser())
    assert (found.store, found.landing, found.branch) == (".ml_assets/store", ".ml_assets/landing", "main")


def test_over_an_upstream_the_branch_is_called_like_the_user_and_main_is_none_of_ones_own():
    over = {"ML_ASSETS_UPSTREAM": "s3://ml/prod", "ML_ASSETS_USER": "ada"}
    assert Settings.from_environment(over).branch == "ada"
    assert Settings.from_environment({**over, "ML_ASSETS_BRANCH": "trial"}).branch == "trial"
    with pytest.raises(UsageError, match="main is that of s3://ml/prod, which is only read"):
        Settings.from_environment({**over, "ML_ASSETS_BRANCH": "main"})


def test_a_user_id_without_a_name_as_in_a_container_is_recorded_as_a_number(monkeypatch):
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 1_234_567)
    assert Settings.from_environment({}).user == "uid 1234567"


def test_the_image_and_the_folder_of_local_copies_are_settings_too():
    assert (Settings().image, Settings().cache) == ("", ".ml_assets/cache")
    found = Settings.from_environment({"ML_ASSETS_IMAGE": "sha256:1f0c", "ML_ASSETS_CACHE": "/var/cache/ml"})
    assert (found.image, found.cache) == ("sha256:1f0c", "/var/cache/ml")


def test_how_large_local_copies_may_become_is_a_number_of_gib():
    assert Settings.from_environment({"ML_ASSETS_CACHE_GIB": "0.5"}).cache_gib == 0.5
    with pytest.raises(UsageError, match=r"ML_ASSETS_CACHE_GIB is 'much', .* of GiB\. Write it like 10"):
        Settings.from_environment({"ML_ASSETS_CACHE_GIB": "much"})


def test_settings_cannot_be_changed_after_they_were_read():
    with pytest.raises(AttributeError):
        Settings().branch = "main"  # type: ignore[misc]


def test_processes_share_the_cores_unless_somebody_decided_otherwise(monkeypatch):
    for decided, processes, expected in ((None, 5, "3"), (None, 40, "1"), ("2", 5, "2")):
        monkeypatch.setenv("OMP_NUM_THREADS", decided or "unset")
        if decided is None:
            monkeypatch.delenv("OMP_NUM_THREADS")
        share_cores(16, processes)
        assert os.environ["OMP_NUM_THREADS"] == expected


def test_waiting_threads_spin_briefly_unless_somebody_decided_otherwise(monkeypatch):
    for name in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    let_waiting_threads_yield()
    assert os.environ["GOMP_SPINCOUNT"] == "1000"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    let_waiting_threads_yield()
    assert "GOMP_SPINCOUNT" not in os.environ


@pytest.mark.parametrize(
    ("said", "understood"),
    [("3", 3), (" 3 ", 3), ("4,2", 4), ("", None), ("0", None), ("-1", None), ("all", None), ("1.5", None)],
)
def test_a_limit_of_threads_counts_where_libraries_understand_it(said, understood):
    expected = {} if understood is None else {"OMP_NUM_THREADS": understood}
    assert thread_limits({"OMP_NUM_THREADS": said, "HOME": "7"}) == expected


def test_each_library_has_a_limit_of_its_own():
    limits = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "2", "MKL_NUM_THREADS": "3"}
    assert thread_limits(limits) == {"OMP_NUM_THREADS": 1, "OPENBLAS_NUM_THREADS": 2, "MKL_NUM_THREADS": 3}


def test_hashes_are_random_unless_somebody_seeds_them():
    assert [hash_seed({}), hash_seed({"PYTHONHASHSEED": ""}), hash_seed({"PYTHONHASHSEED": "7"})] == [
        "random", "random", "7"
    ]  # fmt: skip


def test_git_keeps_its_variables_but_those_that_lead_it_to_another_repository():
    kept = {"PATH": "/bin", "GIT_SSL_CAINFO": "/ca.pem"}
    assert environ_for_git({**kept, "GIT_DIR": "/elsewhere/.git", "GIT_INDEX_FILE": "/elsewhere/.git/index"}) == kept


def test_a_process_imports_from_its_folder_first_and_keeps_all_variables_but_those_that_are_told():
    environ = {"HOME": "/home/ada", "OMP_NUM_THREADS": "8"}
    assert environ_for_code_in("/code", {"OMP_NUM_THREADS": "2"}, environ) == {
        "HOME": "/home/ada",
        "OMP_NUM_THREADS": "2",
        "PYTHONPATH": "/code",
    }
    assert environ_for_code_in("/code", {}, {"PYTHONPATH": "/mine"})["PYTHONPATH"] == f"/code{os.pathsep}/mine"


def test_what_was_said_of_cublas_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG")
    let_gpus_repeat()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"

    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    let_gpus_repeat()
    assert os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":16:8"


def test_arrow_frees_memory_unless_another_allocator_was_chosen(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "")
    monkeypatch.delenv("ARROW_DEFAULT_MEMORY_POOL")
    let_arrow_free_memory()
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "system"

    monkeypatch.setenv("ARROW_DEFAULT_MEMORY_POOL", "mimalloc")
    let_arrow_free_memory()
    assert os.environ["ARROW_DEFAULT_MEMORY_POOL"] == "mimalloc"


@pytest.mark.parametrize(
    ("said", "count"), [(None, None), ("", 0), ("-1", 0), ("0", 1), ("0, 2", 2), ("GPU-ab,GPU-cd", 2), ("0,-1,1", 1)]
)
def test_the_gpus_that_a_process_may_use_are_counted_as_cuda_counts_them(said, count):
    assert visible_gpus({} if said is None else {"CUDA_VISIBLE_DEVICES": said}) == count


def test_steps_get_pods_only_where_that_is_said():
    assert on_cluster({"ML_ASSETS_EXECUTION": "kubernetes"})
    assert not on_cluster({"ML_ASSETS_EXECUTION": "local"})
    assert not on_cluster({})


def test_garbage_is_looked_for_seldom_and_what_is_there_at_the_end_is_not_looked_through():
    said = "import gc; from ml_assets.settings import let_garbage_wait as wait; wait(); "
    said += "import atexit; print(gc.get_threshold()); atexit._run_exitfuncs(); print(gc.get_freeze_count() > 1000)"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["(20000, 10, 10)", "True"]


def test_a_library_that_counts_at_the_end_what_it_made_has_nothing_to_complain_of():
    said = "import duckdb; from ml_assets.settings import let_garbage_wait as wait; wait()"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert done.stderr == ""
