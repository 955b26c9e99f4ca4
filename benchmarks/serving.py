"""`python -m benchmarks.serving`: champions over HTTP against a bare Starlette app that calls the same ``predict``.

The bare app parses JSON, makes a frame of it, gives it the types of training and answers: no checks, no queue, no limits, no
metrics, no version, no reload. Both answer requests of one row, and of a hundred, from four connections, in turns of one run.
The same with every answer recorded (`--record`), and how much that costs.
Also how long a cold start takes, of what, what memory a worker has, and 10,000 requests while the champion moves 20 times.

    throughput  requests a second, ours / theirs
    cpu         CPU of the server for a request, theirs / ours: what throughput would be on idle cores
    recording   requests a second, with / without it; its cpu: CPU of the server for a request, without / with it
    p99         latency that 99 % of requests keep, of each round, ours / theirs; the median of the rounds
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ml_assets import problems
from ml_assets.problem import Problem
from ml_assets.settings import Settings
from ml_assets.store import open_store
from ml_assets_tests.doubles import judged, parcels

PROBLEMS = {
    "forest": replace(parcels.PROBLEM, name=judged.PROBLEM.name),
    "formula": judged.PROBLEM,
}  # one address for both
"""A forest of scikit-learn behind a pipeline, as models are; and a line of NumPy, where all that is ours shows."""
ROUNDS, CONNECTIONS = 6, 4
REQUESTS = {"forest": 240, "formula": 480}
PARCEL = {"weight": 2.5, "city": "Rome", "stops": 4, "size": "M", "fragile": True}
AT_LEAST, AT_MOST = 0.8, 1.5  # throughput, also with recording; p99: of the forest
ROW = "{:26} {:>9} {:>9} {:>11} {:>8} {:>8} {:>10} {:>8}"
MOVED_REQUESTS, MOVES, POLL_SECONDS = 10_000, 20, 0.05
Answered = tuple[float, float, int, str]  # when it was sent and answered, the status, the version
TICKS = 100  # a second, of the kernel's count of CPU


@dataclass
class Load:
    """What came of all rounds against one server."""

    seconds: list[float] = field(default_factory=list)  # of a round
    p99: list[float] = field(default_factory=list)  # of a round
    cpu: list[float] = field(default_factory=list)  # of a round, in the server


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        print(
            ROW.format(
                "model, rows of a request", "ours /s", "bare /s", "throughput", "cpu", "p99", "recording", "its cpu"
            )
        )
        held = [compare(Path(folder) / name, name, rows) for name in PROBLEMS for rows in (1, 100)]
        print()
        cold_start(Path(folder) / "forest")
        held.append(moving(Path(folder) / "moving"))
    return 0 if all(held) else 1


def compare(folder: Path, name: str, rows: int) -> bool:
    make(folder, PROBLEMS[name])
    ours, bare, recorded, requests = Load(), Load(), Load(), REQUESTS[name]
    with (
        server("ours", folder, name) as mine,
        server("bare", folder, name) as theirs,
        server("recorded", folder, name) as kept,
    ):
        for number in range(ROUNDS + 1):
            turns = [(ours, mine), (bare, theirs), (recorded, kept)]
            for load, one in turns if number % 2 else turns[::-1]:
                ask(load if number else Load(), one, rows, requests)
    throughput = statistics.median(bare.seconds) / statistics.median(ours.seconds)
    cpu = sum(bare.cpu) / sum(ours.cpu)
    p99 = statistics.median(ours.p99) / statistics.median(bare.p99)
    a_second = [requests / statistics.median(load.seconds) for load in (ours, bare)]
    said = f"{throughput:.2f}", f"{cpu:.2f}", f"{p99:.2f}"
    recording = statistics.median(ours.seconds) / statistics.median(recorded.seconds)
    its_cpu = sum(ours.cpu) / sum(recorded.cpu)
    costs = f"{recording:.2f}", f"{its_cpu:.2f}"
    fast = max(throughput, cpu) >= AT_LEAST and max(recording, its_cpu) >= AT_LEAST
    holds = name != "forest" or (fast and p99 <= AT_MOST)
    print(
        ROW.format(f"{name}, {rows}", *(f"{n:.0f}" for n in a_second), *said, *costs) + "  does not hold" * (not holds),
        flush=True,
    )
    return holds


def make(folder: Path, problem: Problem) -> None:
    if not folder.exists():
        store = open_store(str(folder))
        judged.crown(store, judged.judged(store, problem), problem=problem)


# ---------------------------------------------------------------- asking


def ask(load: Load, one: tuple[int, int], rows: int, requests: int) -> None:
    """A round: each connection sends its share, one request after the other."""
    port, pid = one
    body = json.dumps({"rows": [PARCEL] * rows}).encode()
    began, cpu, latencies = time.perf_counter(), cpu_of(pid), list[float]()

    def connection() -> None:
        talk = http.client.HTTPConnection("127.0.0.1", port)
        for _ in range(requests // CONNECTIONS):
            sent = time.perf_counter()
            talk.request("POST", f"/problems/{judged.NAME}/predict", body, {"Content-Type": "application/json"})
            reply = talk.getresponse()
            answer = reply.read()
            assert reply.status == 200, answer
            latencies.append(time.perf_counter() - sent)
        talk.close()

    threads = [threading.Thread(target=connection) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    load.seconds.append(time.perf_counter() - began)
    load.cpu.append(cpu_of(pid) - cpu)
    load.p99.append(statistics.quantiles(latencies, n=100)[98])


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


# ---------------------------------------------------------------- serving


@contextmanager
def server(kind: str, folder: Path, name: str) -> Iterator[tuple[int, int]]:
    """A server as a process of its own: its port and its process."""
    command = [sys.executable, "-m", "benchmarks.serving", kind, str(folder), name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        port = int(json.loads(process.stdout.readline())["port"])
        until_ready(port)
        yield port, process.pid
    finally:
        process.terminate()
        process.communicate()


def until_ready(port: int) -> None:
    while True:
        talk = http.client.HTTPConnection("127.0.0.1", port)
        talk.request("GET", "/v2/health/ready")
        if talk.getresponse().status == 200:
            return


def serve(kind: str, folder: str, name: str) -> None:
    from ml_assets.pages.server import listen
    from ml_assets.serving.server import answer

    problems.PROBLEMS = (PROBLEMS[name],)
    at = listen("127.0.0.1", 0, token="", pages="")
    print(json.dumps({"port": at.socket.getsockname()[1]}), flush=True)
    answer(bare(folder, PROBLEMS[name]) if kind == "bare" else ours(folder, at.hosts, kind == "recorded"), at, 3)


def ours(folder: str, hosts: frozenset[str], records: bool) -> Any:
    import ml_assets
    from ml_assets.serving.alarm import Alarm
    from ml_assets.serving.app import application
    from ml_assets.serving.assembly import Wanted, serving
    from ml_assets.serving.recording.recorder import Recording
    from ml_assets.serving.watch import Watch

    store = ml_assets.open_store(Settings(store=folder))
    spool = Path(tempfile.mkdtemp(dir=folder)) if records else None
    found = serving(store, Wanted([judged.NAME], recording=Recording(spool) if spool else None))
    lines = [model.line for model in found.models.values()]
    return application(found, Watch(lines, found.shared, Alarm(), POLL_SECONDS), hosts=hosts)


def bare(folder: str, problem: Problem) -> Any:
    import pandas as pd
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import JSONResponse
    from starlette.routing import Route

    import ml_assets
    from ml_assets.categories import restored
    from ml_assets.training.model import predict

    store = ml_assets.open_store(Settings(store=folder))
    model = store.load(judged.ledger(store, problem).current().model)
    types = model.features | {name: restored(of) for name, of in model.categories.items()}

    async def answer(request: Request) -> JSONResponse:
        rows = pd.DataFrame((await request.json())["rows"]).astype(types)
        return JSONResponse({"prediction": predict(problem, model, rows).tolist()})

    async def ready(request: Request) -> JSONResponse:
        return JSONResponse({})

    return Starlette(
        routes=[
            Route("/problems/{name:path}/predict", answer, methods=["POST"]),
            Route("/v2/health/ready", ready),
        ]
    )


# ---------------------------------------------------------------- a champion that moves


def moving(folder: Path) -> bool:
    """Requests from four connections while the champion moves: whether any fails, and whether each version served at its time.

    A version may answer what was sent before the first answer of its successor came, and only once it was crowned.
    """
    store = open_store(str(folder))
    models = [judged.judged(store, slope=slope) for slope in (1.0, 0.5, 2.0)]
    judged.crown(store, models[0])
    crowned, answers = [(time.perf_counter(), models[0].version)], list[Answered]()
    with server("ours", folder, "formula") as (port, _):

        def connection() -> None:
            talk = http.client.HTTPConnection("127.0.0.1", port)
            for _ in range(MOVED_REQUESTS // CONNECTIONS):
                sent = time.perf_counter()
                talk.request("POST", f"/problems/{judged.NAME}/predict", json.dumps({"rows": [PARCEL]}))
                reply = talk.getresponse()
                said = json.loads(reply.read())
                answers.append((sent, time.perf_counter(), reply.status, said.get("model_version", "")))
            talk.close()

        threads = [threading.Thread(target=connection) for _ in range(CONNECTIONS)]
        for thread in threads:
            thread.start()
        for n in range(1, MOVES + 1):
            due = n * MOVED_REQUESTS // (MOVES + 2)
            while any(t.is_alive() for t in threads) and (len(answers) < due or answers[-1][3] != crowned[-1][1]):
                time.sleep(0.001)
            crowned.append((time.perf_counter(), models[n % 3].version))
            judged.crown(store, models[n % 3])
        for thread in threads:
            thread.join()
    failed = sum(status != 200 for *_, status, _ in answers)
    ends = [_first_answer(at, of, answers) for at, of in crowned[1:]] + [float("inf")]
    reigns = [(version, began, end) for (began, version), end in zip(crowned, ends, strict=True)]
    early_or_late = sum(not _in_time(answer, reigns) for answer in answers)
    print(f"{len(answers):,} requests, {MOVES} moves: {failed} failed, {early_or_late} by a version out of its time")
    return failed + early_or_late == 0


def _in_time(answer: Answered, reigns: list[tuple[str, float, float]]) -> bool:
    sent, came, _, version = answer
    return any(of == version and began <= came and sent <= end for of, began, end in reigns)


def _first_answer(at: float, of: str, answers: list[Answered]) -> float:
    return min((came for sent, came, _, version in answers if version == of and sent >= at), default=float("inf"))


# ---------------------------------------------------------------- a cold start


def cold_start(folder: Path) -> None:
    """Until it is ready, and how long the libraries alone take to load; and what memory it has then."""
    libraries = seconds_of([sys.executable, "-c", "import pandas, pyarrow, sklearn.ensemble, sklearn.pipeline"])
    began = time.perf_counter()
    with server("ours", folder, "forest") as (_, pid):
        seconds = time.perf_counter() - began
        told = dict(
            line.split(":") for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:] if ":" in line
        )
    print(f"cold start until ready: {seconds:.1f} s; to load pandas, pyarrow and scikit-learn alone: {libraries:.1f} s")
    print(f"memory of a worker: {int(told['Pss'].split()[0]) / 1024:.0f} MiB (PSS)")


def seconds_of(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    if len(sys.argv) > 1:
        serve(*sys.argv[1:])
    else:
        sys.exit(main())
