"""A store of 100,000 versions collected: time, requests by kind, and what it takes of memory beyond the process before.

Counted at a bucket in memory, so the time is that of our own work: a server adds what its replies take, of which 16 are waited
for at a time. Each version is named by its branch and made of one before it; of each partition the last three are kept.

    python -m benchmarks.collecting [versions]
"""

from __future__ import annotations

import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ml_assets.partitions.calendar import Daily
from ml_assets.retention import Retention
from ml_assets.store import Content, File, Input, Manifest, Store, VersionKey, canonical, digest
from ml_assets.store.canonical import plain, sealed
from ml_assets.store.keys import blob_key, ref_folder, version_key
from ml_assets_tests.doubles import umbrellas
from ml_assets_tests.doubles.bucket import Bucket

VERSIONS, OF_A_PARTITION = 100_000, 10
NOUNS = ("dataset", "features", "split", "model", "evaluation")
DAYS_LATER = 30 * 86400
PROBLEM = replace(umbrellas.PROBLEM, partitions=Daily("2015-01-01"))
ROW = "{:34} {:>12}"


class Counted(Bucket):
    """Keeps no list of what it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def _ask(self, kind: str, key: str) -> None:
        with self._lock:
            self.counts[kind] += 1


def fill(bucket: Counted, versions: int) -> None:
    """What committing and naming so many versions a month ago left, written past the store, which would take an hour."""
    at, partitions = time.time() - DAYS_LATER, iter(Daily("2015-01-01").keys())
    bucket.objects["store.json"] = b'{"format":1,"made_by":"ml_assets"}', at
    for _ in range(versions // OF_A_PARTITION // len(NOUNS)):
        partition, before = next(partitions), None
        for n in range(OF_A_PARTITION * len(NOUNS)):
            manifest = _made(bucket, n, partition, before)
            entry = n // len(NOUNS) + 1
            bucket.objects[version_key(manifest.key)] = manifest.to_bytes(), at
            bucket.objects[_log(manifest.key, entry)] = _named(manifest.key, entry), at
            before = Input("of", manifest.key, manifest.content.digest)


def _made(bucket: Counted, n: int, partition: str, before: Input | None) -> Manifest:
    data = canonical({"value": f"{n} {partition}"})
    file = File("value.json", digest(data), len(data))
    bucket.objects[blob_key(file.digest)] = data, time.time() - DAYS_LATER
    return Manifest(
        f"umbrellas/{NOUNS[n % len(NOUNS)]}",
        partition,
        Content("json", {}, (file,)),
        inputs=(before,) if before else (),
        code={"computation": {"key": "0" * 64}, "source": "0" * 64},
        environment="0" * 64,
    )


def _log(key: VersionKey, n: int) -> str:
    return f"{ref_folder('main', key.asset, key.partition)}/{n:010d}.json"


def _named(key: VersionKey, n: int) -> bytes:
    told = {"by": "ada", "why": "measured", "at": "2026-11-01T00:00:00+00:00", "run": None, "details": {}}
    return sealed({"n": n, "target": plain(key), "token": "0" * 32, **told})


def measured(bucket: Counted) -> Iterator[str]:
    """A line for each number."""
    for what in ("moved to the trash", "and, a grace period later, deleted"):
        bucket.counts.clear()
        before, started, computed = _rss(), time.perf_counter(), time.process_time()
        outcome = Retention(Store(bucket, user="ada"), [PROBLEM]).collect()
        seconds, computed, peak = time.perf_counter() - started, time.process_time() - computed, _peak()
        yield ROW.format(what, f"{outcome.moved.objects or outcome.deleted.objects:,}")
        yield ROW.format("  seconds", f"{seconds:.1f}")
        yield ROW.format("  of them on a processor", f"{computed:.1f}")
        yield ROW.format("  MiB at its peak, beyond the store", f"{peak - before:.0f}")
        yield from (ROW.format(f"  {kind}", f"{count:,}") for kind, count in sorted(bucket.counts.items()))
        bucket.objects = {key: (data, at - DAYS_LATER) for key, (data, at) in bucket.objects.items()}


def _rss() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def main() -> None:
    bucket, versions = Counted(), int(sys.argv[1]) if len(sys.argv) > 1 else VERSIONS
    fill(bucket, versions)
    print(ROW.format("versions", f"{sum(key.startswith('versions/') for key in bucket.objects):,}"))
    for line in measured(bucket):
        print(line, flush=True)


if __name__ == "__main__":
    main()
