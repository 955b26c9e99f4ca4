"""The only place that touches the environment: everything that may differ between a laptop and a cluster, read once, frozen.

Credentials are not here: the object-store client reads the usual ``AWS_*``, ``GOOGLE_*`` and ``AZURE_*`` variables itself, and
boto what else AWS has, so that no secret ever passes through our logs or metadata.
"""

from __future__ import annotations

import atexit
import gc
import getpass
import math
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from ml_assets.errors import Refused, UsageError

THREAD_LIMITS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
OF_ANY_PROGRAM = ("PATH", "HOME", "USER", "LD_LIBRARY_PATH", "CUDA_VISIBLE_DEVICES")
LEADING_GIT_AWAY = frozenset(
    ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY")
)


@dataclass(frozen=True)
class Settings:
    """Where things are and who is acting.

    Attributes:
        store: a local folder, ``scratch://folder`` (one that a power cut may damage), ``memory://``, or ``s3://bucket/prefix``
            (also ``gs://``, ``az://``).
        landing: where files land: a local folder or an URL as for ``store``.
        branch: refs are written to this branch; reading falls through to ``main``.
        upstream: the address of a store that is only read, under one's own: its ``main`` is ours; empty: none.
        user: recorded with every move of a ref.
        dagster_home: folder of the Dagster instance; empty: the one whose dagster.yaml is in the current folder.
        landing_queue: address of an SQS queue that is told of landed files; empty: the folder is only listed.
        alerts: where alerts go: empty for nowhere, ``log``, or the address of a Slack-compatible webhook (a secret: it is
            neither shown nor logged).
        ui: where people reach Dagster's UI; alerts link there.
        pages: where people reach ``ml-assets view``; the UI links there. Empty: it links nowhere.
        pages_token: what ``ml-assets view`` asks for where it is reachable from other machines (a secret).
        serve_token: what ``ml-assets serve`` asks for where it is reachable from other machines (a secret).
        record_key: the key of the digests that ``ml-assets serve --record-hashed`` keeps instead of values (a secret).
        signing_key: a PEM file with the private Ed25519 key that signs what is written; empty: nothing is signed.
        trusted_keys: a PEM file, or a folder of them, with the public keys of those whose manifests and logs are used; empty:
            everybody's.
        image: what the container image was built as, e.g. its digest; recorded with every version. Empty: not in one.
        cache: a folder for local copies of what the store can give again; may be deleted.
        cache_gib: how large the copies of a store's objects there may become; 0: none. Of a local store there are none.
        execution: where steps run: ``local``, on this machine, or ``kubernetes``, where each training gets a pod of its own.
        patience_seconds: how long a server that has answered before is asked again when it does not answer.
        mlflow: the address of an MLflow tracking server that is told of models and champions; empty: none. It may hold
            credentials: it is neither shown nor logged.
        openlineage: where OpenLineage events go: ``file:///folder/``, ``file:///events.jsonl`` or an http(s) address; empty:
            nowhere. It may hold credentials, too.
    """

    store: str = ".ml_assets/store"
    landing: str = ".ml_assets/landing"
    branch: str = "main"
    user: str = "unknown"
    dagster_home: str = ""
    upstream: str = ""
    landing_queue: str = ""
    alerts: str = field(default="", repr=False)
    ui: str = "http://127.0.0.1:3000"
    pages: str = "http://127.0.0.1:3001"
    pages_token: str = field(default="", repr=False)
    serve_token: str = field(default="", repr=False)
    record_key: str = field(default="", repr=False)
    signing_key: str = ""
    trusted_keys: str = ""
    image: str = ""
    cache: str = ".ml_assets/cache"
    cache_gib: float = 10.0
    execution: str = "local"
    patience_seconds: float = 300.0
    mlflow: str = field(default="", repr=False)
    openlineage: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Settings:
        """Read ``ML_ASSETS_STORE``, ``ML_ASSETS_LANDING``, ``ML_ASSETS_BRANCH``, ``ML_ASSETS_USER``, ``ML_ASSETS_UPSTREAM``,
        ``ML_ASSETS_LANDING_QUEUE``,
        ``ML_ASSETS_ALERTS``, ``ML_ASSETS_UI``, ``ML_ASSETS_PAGES``, ``ML_ASSETS_PAGES_TOKEN``, ``ML_ASSETS_SERVE_TOKEN``,
        ``ML_ASSETS_RECORD_KEY``, ``ML_ASSETS_SIGNING_KEY``, ``ML_ASSETS_TRUSTED_KEYS``,
        ``ML_ASSETS_IMAGE``, ``ML_ASSETS_CACHE``, ``ML_ASSETS_CACHE_GIB``, ``ML_ASSETS_EXECUTION``, ``ML_ASSETS_PATIENCE``,
        ``ML_ASSETS_MLFLOW``, ``ML_ASSETS_OPENLINEAGE``, ``DAGSTER_HOME``. (``ML_ASSETS_PROBLEMS`` and
        ``ML_ASSETS_KEY_PREFIX``, which say what there is and not where, are read by ``problems_named`` and ``key_prefix``.)

        One that is set to nothing, as compose files do, counts as not set. Over an upstream the branch is called like the user,
        if it is not named.

        Raises:
            UsageError: if a number is none, or the branch over an upstream is ``main``.
        """
        user, upstream = environ.get("ML_ASSETS_USER") or _login(), environ.get("ML_ASSETS_UPSTREAM", "")
        return cls(
            store=environ.get("ML_ASSETS_STORE") or cls.store,
            landing=environ.get("ML_ASSETS_LANDING") or cls.landing,
            branch=_branch(environ.get("ML_ASSETS_BRANCH", ""), user, upstream),
            user=user,
            dagster_home=environ.get("DAGSTER_HOME") or cls.dagster_home,
            upstream=upstream,
            landing_queue=environ.get("ML_ASSETS_LANDING_QUEUE") or cls.landing_queue,
            alerts=environ.get("ML_ASSETS_ALERTS", ""),
            ui=environ.get("ML_ASSETS_UI", cls.ui),
            pages=environ.get("ML_ASSETS_PAGES", cls.pages),
            pages_token=environ.get("ML_ASSETS_PAGES_TOKEN", ""),
            serve_token=environ.get("ML_ASSETS_SERVE_TOKEN", ""),
            record_key=environ.get("ML_ASSETS_RECORD_KEY", ""),
            signing_key=environ.get("ML_ASSETS_SIGNING_KEY", ""),
            trusted_keys=environ.get("ML_ASSETS_TRUSTED_KEYS", ""),
            image=environ.get("ML_ASSETS_IMAGE", ""),
            cache=environ.get("ML_ASSETS_CACHE") or cls.cache,
            cache_gib=_number("ML_ASSETS_CACHE_GIB", environ, cls.cache_gib, "GiB"),
            execution=environ.get("ML_ASSETS_EXECUTION") or cls.execution,
            patience_seconds=_number("ML_ASSETS_PATIENCE", environ, cls.patience_seconds, "seconds"),
            mlflow=environ.get("ML_ASSETS_MLFLOW", "").strip(),
            openlineage=environ.get("ML_ASSETS_OPENLINEAGE", "").strip(),
        )


def problems_named(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """The packages that ``ML_ASSETS_PROBLEMS`` names, separated by commas."""
    return tuple(filter(None, (name.strip() for name in environ.get("ML_ASSETS_PROBLEMS", "").split(","))))


def key_prefix(environ: Mapping[str, str] = os.environ) -> tuple[str, ...]:
    """What ``ML_ASSETS_KEY_PREFIX`` has Dagster's keys of assets begin with; nothing where it is not set.

    Raises:
        UsageError: if no key can begin with it.
    """
    prefix = environ.get("ML_ASSETS_KEY_PREFIX", "")
    if prefix and not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", prefix, re.ASCII):
        raise UsageError(
            f"ML_ASSETS_KEY_PREFIX is {prefix!r}, with which no asset's key can begin. Use letters, digits, _ and -, such as a "
            "person's name; a / begins another part."
        )
    return tuple(prefix.split("/")) if prefix else ()


def secret_named(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """The value of a variable that holds a secret, such as the URL of a database; to be used, never shown.

    Raises:
        UsageError: if it is not set.
    """
    if not environ.get(name):
        raise UsageError(
            f"The variable {name} is not set here. It holds the URL of a database, such as postgresql://user:password@host/name: "
            "set it where runs are started, and where Dagster's daemon runs."
        )
    return environ[name]


def do_variables_reach_s3(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether variables alone say how S3 is reached, and obstore reads them as boto does: no profile and no file of AWS's counts.

    Where both endpoint and region are variables, a file that is there too has nothing to add to keys.
    """
    own = (
        {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
        {"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_ROLE_ARN"},
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"},
        {"AWS_SKIP_SIGNATURE"},
    )
    named = {name for name, value in environ.items() if value}
    if not any(names <= named for names in own):
        return False
    is_placed = named & {"AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"} and named & {"AWS_REGION", "AWS_DEFAULT_REGION"}
    if own[0] <= named and is_placed:
        return True
    home = Path(environ.get("HOME", "~")).expanduser() / ".aws"
    files = (
        environ.get("AWS_CONFIG_FILE") or home / "config",
        environ.get("AWS_SHARED_CREDENTIALS_FILE") or home / "credentials",
    )
    return not named & {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"} and not any(
        Path(file).expanduser().exists() for file in files
    )


def aws_variables(environ: Mapping[str, str] = os.environ) -> tuple[tuple[str, str], ...]:
    """All that AWS's tools read of the environment; it holds secrets."""
    return tuple(sorted((name, value) for name, value in environ.items() if name.startswith("AWS_") or name == "HOME"))


def let_garbage_wait() -> None:
    """Have Python look for cycles of garbage seldom, and not when a process ends.

    By default it does each 700 new objects, among all that libraries made when they were loaded, and several times at the end.
    Measured: loading Dagster, pandas and scikit-learn 2.3 s and 1.85 s so, the end of the process 0.5 s and 0.05 s.
    """
    gc.set_threshold(20_000, 10, 10)
    atexit.unregister(_leave_garbage)
    atexit.register(_leave_garbage)


def _leave_garbage() -> None:
    """What is frozen is not looked through. Libraries that count at the end what they made would complain of it, at length."""
    if not {"duckdb", "jaxlib"} & sys.modules.keys():  # made with nanobind
        gc.freeze()


def let_gpus_repeat() -> None:
    """Have cuBLAS sum in the same order each time, without which torch refuses it to a training; before torch is loaded."""
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")


def let_arrow_free_memory() -> None:
    """Have Arrow give back what it frees, which its own allocators keep for later; to be called before pyarrow is loaded.

    A training of batches, 240 MB of rows, held 180 MB instead of 130 MB, and took no less time.
    """
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")


def let_waiting_threads_yield() -> None:
    """Shorten how long OpenMP's threads spin while they wait; to be called before scikit-learn or torch is loaded.

    Spinning is quickest on idle cores and ruinous on shared ones. A training on two cores, in seconds (alone, and beside
    two busy processes): spinning as by default 2.2 and 19 to 82, never spinning 3.4 and 4.3 to 5.5, spinning briefly 2.2
    and 5.3 to 5.7 (three months of flight_delays). ``make bench`` compares the two on a smaller one.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")


def share_cores(cores: int, processes: int) -> None:
    """Let this process use its share of the cores, as one of ``processes``; to be called before scikit-learn is loaded."""
    os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores // processes)))


def thread_limits(environ: Mapping[str, str] = os.environ) -> Mapping[str, int]:
    """The variables that tell numeric libraries how many threads to use, where they are set to something they understand.

    OpenMP takes a list, a number per level of nesting (``4,2``): the first counts.
    """
    first = {name: environ.get(name, "").partition(",")[0].strip() for name in THREAD_LIMITS}
    return {name: int(text) for name, text in first.items() if text.isdecimal() and int(text) > 0}


def hash_seed(environ: Mapping[str, str] = os.environ) -> str:
    """``PYTHONHASHSEED``: what orders sets of strings, ``random`` where each process has another."""
    return environ.get("PYTHONHASHSEED") or "random"


def on_cluster(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether steps that ask for resources get pods that have them."""
    return environ.get("ML_ASSETS_EXECUTION") == "kubernetes"


def visible_gpus(environ: Mapping[str, str] = os.environ) -> int | None:
    """How many of a machine's GPUs this process may use, by ``CUDA_VISIBLE_DEVICES``; None if it may use them all.

    The list ends where CUDA finds it to end: at -1, which names none.
    """
    listed = environ.get("CUDA_VISIBLE_DEVICES")
    if listed is None:
        return None
    names = [name.strip() for name in listed.split(",") if name.strip()]
    return names.index("-1") if "-1" in names else len(names)


def environ_for_git(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables but those by which git, inside one of its hooks, is led to another repository than where it is asked."""
    return {name: value for name, value in environ.items() if name not in LEADING_GIT_AWAY}


def container_beside(environ: Mapping[str, str] = os.environ) -> tuple[str, Path | None]:
    """The image of the container beside this one that runs commands, and the folder that both have; none where there is none."""
    folder = environ.get("ML_ASSETS_BESIDE")
    return environ.get("ML_ASSETS_BESIDE_IMAGE", ""), Path(folder) if folder else None


def environ_for_command(
    names: Iterable[str], told: Mapping[str, str], environ: Mapping[str, str] = os.environ, *, is_beside: bool = False
) -> dict[str, str]:
    """The variables of a command: those that it was declared to get, and what any program needs; the same on each machine.

    Args:
        is_beside: whether it runs in another container, which has a ``PATH`` of its own.
    Raises:
        Refused: if one that it is to get is not set.
    """
    if missing := sorted(set(names) - set(environ) - set(told)):
        raise Refused(
            f"The variable {missing[0]}, which a command is to get, is not set here. Set it where runs are started."
        )
    of_here = () if is_beside else OF_ANY_PROGRAM
    path = {} if is_beside else {"PATH": os.defpath}
    passed = {name: environ[name] for name in (*of_here, *THREAD_LIMITS, *names) if name in environ}
    return {**path, **passed, "LC_ALL": "C.UTF-8", "TZ": "UTC", **told}


def environ_now() -> dict[str, str]:
    """All variables, for a process that is forked from one which has others."""
    return dict(os.environ)


def take_over(environ: Mapping[str, str]) -> None:
    """Have these variables, and no others."""
    os.environ.clear()
    os.environ.update(environ)


def environ_for_code_in(
    folder: str, told: Mapping[str, str], environ: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """All variables, for a process that imports from ``folder`` before anywhere else; those that are ``told`` are changed."""
    path = os.pathsep.join(filter(None, (folder, environ.get("PYTHONPATH"))))
    return {**environ, **told, "PYTHONPATH": path}


@contextmanager
def writing_to(branch: str) -> Iterator[None]:
    """Have this process, and those that it starts, write refs to another branch meanwhile; before definitions are loaded."""
    before = os.environ.get("ML_ASSETS_BRANCH")
    os.environ["ML_ASSETS_BRANCH"] = branch
    try:
        yield
    finally:
        os.environ.pop("ML_ASSETS_BRANCH")
        if before is not None:
            os.environ["ML_ASSETS_BRANCH"] = before


def rank_of_torchrun(environ: Mapping[str, str] = os.environ) -> tuple[int, int, int]:
    """Which of the processes that torchrun started this one is: its rank, how many there are, its number on this machine."""
    return int(environ["RANK"]), int(environ["WORLD_SIZE"]), int(environ["LOCAL_RANK"])


def environ_for_ranks(ranks: int, seconds_to_stop: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """All variables, for a torchrun with so many processes: they share the cores, and have that long to save and end."""
    cores = str(max(1, (os.cpu_count() or 1) // ranks))
    return {"OMP_NUM_THREADS": cores, **environ, "TORCH_ELASTIC_SHUTDOWN_TIMEOUT": str(seconds_to_stop)}


def pod(environ: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The name of the pod that this process is in, and its namespace; empty where it is told by a kubeconfig."""
    namespace = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
    return environ.get("HOSTNAME", ""), namespace.read_text().strip() if namespace.exists() else ""


def _branch(named: str, user: str, upstream: str) -> str:
    if not upstream:
        return named or Settings.branch
    if named == Settings.branch:
        raise UsageError(
            f"ML_ASSETS_BRANCH is main, and main is that of {upstream}, which is only read. Leave it out (then the branch is "
            f"{user}), or name another."
        )
    return named or user


def _number(name: str, environ: Mapping[str, str], default: float, unit: str) -> float:
    try:
        number = float(environ.get(name) or default)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise UsageError(f"{name} is {environ[name]!r}, which is no number of {unit}. Write it like {default:g}.")
    return number


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user id without a name
        return f"uid {os.getuid()}"
