"""Large objects and many small ones, to a store and back: ours beside raw obstore, boto3, s3fs and Dagster's S3 IO manager.

    python -m benchmarks.storage [--ceph] [--part N]      # N: only so much of a 500 MB frame, a 1 GiB object, 10,000 x 4 KB

Ours hashes what it writes, verifies what it reads and never overwrites; the others do none of this. Each takes its turn in
each round, so the ratios hold on a busy machine, too. s3fs is left out where it is not installed. Memory is that of a process
of its own, beyond the value that it holds.
"""

from __future__ import annotations

import argparse
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd

from benchmarks.comparison import Comparison
from benchmarks.landing_tick import ceph
from ml_assets.store import File, open_store
from ml_assets.store.blobs import Blobs

ROUNDS = 3
FRAME, OBJECT, FILES, FILE = 500_000_000, 1 << 30, 10_000, 4096
AT_ONCE = 16
MIB = 1 << 20
BEYOND = 64  # MiB of memory, beyond the value
NO_CLAIM = float("inf")
Do = Callable[[], object]


@dataclass(frozen=True)
class Work:
    """One thing to do, by ours and by the others; ``at_most`` times as long as the first of them.

    Attributes:
        before: what is done before ours, uncounted.
    """

    what: str
    ours: Do
    others: dict[str, Do]
    at_most: float = NO_CLAIM
    before: Do = lambda: None

    def compared(self) -> Iterator[Comparison]:
        seconds: dict[str, list[float]] = {"": [], **{name: [] for name in self.others}}
        for _ in range(ROUNDS):
            self.before()
            for name, do in {"": self.ours, **self.others}.items():
                seconds[name].append(timed(do))
        for n, name in enumerate(self.others):
            yield Comparison(self.what, name, seconds[""], seconds[name], self.at_most if n == 0 else NO_CLAIM)


def timed(do: Do) -> float:
    started = time.perf_counter()
    do()
    return time.perf_counter() - started


class Peers:
    """Clients that put and get bytes under a name in the bucket of the environment, or below a folder."""

    def __init__(self, url: str) -> None:
        from obstore.store import from_url

        self.url = url
        options: Any = {"client_options": {"allow_http": True}} if url.startswith("s3") else {"mkdir": True}
        self.obstore = from_url(url if "://" in url else f"file://{url}", **options)

    def puts(self, data: bytes) -> dict[str, Do]:
        import obstore

        found: dict[str, Do] = {"obstore": lambda: obstore.put(self.obstore, "x", data)}
        return found | ({} if "://" not in self.url else self._of_s3(lambda put, get: put("x", data)))

    def gets(self) -> dict[str, Do]:
        import obstore

        found: dict[str, Do] = {"obstore": lambda: obstore.get(self.obstore, "x").bytes()}
        return found | ({} if "://" not in self.url else self._of_s3(lambda put, get: get("x")))

    def trees(self, folder: Path) -> dict[str, Do]:
        import obstore

        found: dict[str, Do] = {"obstore": lambda: each(folder, lambda n, p: obstore.put(self.obstore, f"t/{n}", p))}
        if "://" in self.url:
            found |= self._of_s3(lambda put, get: each(folder, lambda n, p: put(f"t/{n}", p.read_bytes())))
        return found

    def _of_s3(self, do: Callable[[Callable[..., Any], Callable[..., Any]], object]) -> dict[str, Do]:
        return {name: lambda p=put, g=get: do(p, g) for name, (put, get) in self._clients().items()}  # type: ignore[misc]

    def _clients(self) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
        import io

        import boto3
        from botocore.config import Config

        bucket, _, prefix = self.url.removeprefix("s3://").partition("/")
        client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], config=Config(max_pool_connections=32))

        def put(name: str, data: bytes) -> None:
            client.upload_fileobj(io.BytesIO(data), bucket, f"{prefix}/b/{name}")

        def get(name: str) -> None:
            client.download_fileobj(bucket, f"{prefix}/b/{name}", io.BytesIO())

        return {"boto3": (put, get)} | _s3fs(f"{bucket}/{prefix}/f")


def _s3fs(root: str) -> dict[str, tuple[Callable[..., Any], Callable[..., Any]]]:
    try:
        import s3fs  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        return {}
    files = s3fs.S3FileSystem(endpoint_url=os.environ["AWS_ENDPOINT_URL"], use_listings_cache=False)
    return {"s3fs": (lambda name, data: files.pipe(f"{root}/{name}", data), lambda name: files.cat(f"{root}/{name}"))}


def each(folder: Path, do: Callable[[str, Path], object]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda path: do(path.name, path), folder.iterdir()))


def works(url: str, part: float, folder: Path) -> Iterator[Work]:
    """What is compared at a place. First puts are of new bytes each time."""
    blobs, peers, rng = Blobs(open_store(url).backend), Peers(f"{url}/peers"), np.random.default_rng(0)
    data = rng.bytes(round(OBJECT * part))
    fresh: list[bytes] = []
    kept: list[File] = []

    def renew() -> None:
        fresh[:] = [os.urandom(16) + data[16:]]

    def put_new() -> None:
        kept[:] = [blobs.write("x", *fresh)]

    yield Work("object: put", put_new, peers.puts(data), 1 / 0.9, renew)
    fresh.clear()
    yield Work("object: get", lambda: blobs.read(kept[0]), peers.gets(), 1 / 0.9)
    yield Work("object: verified, not kept", lambda: blobs.check(kept[0]), peers.gets())
    same = blobs.write("x", data)
    yield Work("object: put again", lambda: blobs.write("x", data), {"hashing": lambda: hashed(data)}, 1.5)
    blobs.backend.delete(f"blobs/{same.digest[:2]}/{same.digest}")
    yield from frames(url, part, rng)
    yield from trees(url, peers, round(FILES * part), folder)


def hashed(data: bytes) -> str:
    from ml_assets.store import digest

    return digest(data)


def frames(url: str, part: float, rng: np.random.Generator) -> Iterator[Work]:
    store, kept = open_store(url), []
    frame = pd.DataFrame(rng.random((round(FRAME * part / 80), 10))).rename(columns=str)
    others = dagster_s3(url) if "://" in url else {}

    def put() -> None:
        frame.iloc[0, 0] = rng.random()
        kept[:] = [store.put(frame)]

    yield Work("frame: put", put, {name: lambda put=put: put(frame) for name, (put, _) in others.items()})  # type: ignore[misc]
    yield Work("frame: get", lambda: store.get(kept[0]), {name: get for name, (_, get) in others.items()})
    whole = {"get": lambda: store.get(kept[0])}
    yield Work("frame: get a column of ten", lambda: store.get(kept[0], columns=["3"]), whole, 0.5)
    yield Work("frame: get 1,000 rows", lambda: store.get(kept[0], rows=range(1000)), whole, 0.8)
    yield Work("frame: put again", lambda: store.put(frame), {"put": put})


def dagster_s3(url: str) -> dict[str, tuple[Callable[..., Any], Do]]:
    import boto3
    import dagster as dg
    from dagster_aws.s3.io_manager import PickledObjectS3IOManager

    bucket, _, prefix = url.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    manager = PickledObjectS3IOManager(bucket, client, f"{prefix}/dagster")

    def to() -> dg.OutputContext:
        return dg.build_output_context(asset_key=dg.AssetKey("frame"))

    def get() -> object:
        return manager.load_input(dg.build_input_context(asset_key=dg.AssetKey("frame"), upstream_output=to()))

    return {"Dagster S3": (lambda frame: manager.handle_output(to(), frame), get)}


def trees(url: str, peers: Peers, files: int, folder: Path) -> Iterator[Work]:
    store, tree, kept = open_store(url), folder / "tree", []
    tree.mkdir()
    for n in range(files):
        (tree / f"{n:05d}").write_bytes(os.urandom(FILE))

    def put() -> None:
        for path in tree.iterdir():
            path.write_bytes(os.urandom(FILE))
        started = time.perf_counter()
        kept[:] = [(store.put(tree), time.perf_counter() - started)]

    def get() -> None:
        store.get(kept[0][0]).copy_to(folder / "back")

    put()
    yield Work(f"{files:,} x 4 KB: put again", lambda: store.put(tree), peers.trees(tree))
    yield Work(f"{files:,} x 4 KB: get", lambda: (shutil.rmtree(folder / "back", ignore_errors=True), get()), {})
    if "://" not in url:
        with mock.patch.object(os, "fsync", lambda descriptor: None):
            unsynced = timed(put)
        timed(put)
        print(
            f"{files:,} x 4 KB: put {kept[0][1]:.2f} s with fsync, {unsynced:.2f} s without (both write the files anew)"
        )


def beyond(url: str, part: float) -> dict[str, float]:
    """MiB beyond the value, of a put and of a get of the object, each in a process of its own."""
    return {what: _said(url, part, what) for what in ("put", "get")}


def _said(url: str, part: float, what: str) -> float:
    told = [sys.executable, "-m", "benchmarks.storage", "--measure", what, "--part", str(part), url]
    return float(subprocess.run(told, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])


def measure(url: str, part: float, what: str) -> float:
    blobs = Blobs(open_store(url).backend)
    small, data = os.urandom(20 * MIB), os.urandom(round(OBJECT * part))
    blobs.read(blobs.write("x", small[: 1 << 10]))
    if what == "put":
        before = resident()
        blobs.write("x", data)
        return peak() - before
    file = blobs.write("x", data)
    del data, small
    # a process that only reads
    code = (
        "import sys; from benchmarks.storage import *; from ml_assets.store import *;"
        "b = Blobs(open_store(sys.argv[1]).backend); f = File('x', sys.argv[2], int(sys.argv[3]));"
        "small = b.write('x', b'x'); b.read(small); before = resident(); d = b.read(f); print(peak() - before - len(d) / MIB)"
    )
    told = [sys.executable, "-c", code, url, file.digest, str(file.size)]
    return float(subprocess.run(told, check=True, stdout=subprocess.PIPE, text=True).stdout)


def resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / MIB


def peak() -> float:
    """Of this program: what ``getrusage`` says begins with that of the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024


def told(url: str, part: float) -> bool:
    from benchmarks.__main__ import table

    with tempfile.TemporaryDirectory() as folder:
        found: list[Comparison] = []
        for work in works(url, part, Path(folder)):
            found += (new := list(work.compared()))
            print(*list(table(new))[len(found) > len(new) :], sep="\n", flush=True)
    memory = beyond(url, part)
    print(
        *(f"object: {what}: {mib:.0f} MiB beyond the value (claimed {BEYOND})" for what, mib in memory.items()),
        sep="\n",
    )
    return all(each.holds for each in found) and max(memory.values()) <= BEYOND


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    asked = argparse.ArgumentParser()
    asked.add_argument("url", nargs="?")
    asked.add_argument("--ceph", action="store_true")
    asked.add_argument("--part", type=float, default=1.0)
    asked.add_argument("--measure")
    given = asked.parse_args()
    if given.measure:
        print(measure(given.url, given.part, given.measure))
    elif given.ceph:
        with ceph() as place:
            sys.exit(0 if told(place, given.part) else 1)
    else:
        with tempfile.TemporaryDirectory() as local:
            sys.exit(0 if told(f"{local}/store", given.part) else 1)
