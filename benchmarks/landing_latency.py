"""From a landed file to a run, and to a champion decision, with `dagster dev` running and nobody touching it.

    python -m benchmarks.landing_latency          a few minutes; not part of `make bench`

Against the floor: the least that Dagster can do, a sensor that lists a folder and asks for a run of an asset that does
nothing, with the same dagster.yaml. The files are real: five months of flights, one after another. To the decision it takes
three runs: the feature groups weather and flights, of whom one waits for the other, and the chain of flight_delays.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from benchmarks.comparison import Comparison
from ml_assets.problems import flights, weather
from ml_assets.store import open_landing, open_store
from ml_assets_tests.doubles.dagster_dev import DagsterDev, Run, dagster_dev

MONTHS = ("2013-01", "2013-02", "2013-03", "2013-04", "2013-05")
AT_MOST = (
    2.0  # a file must have been left alone for two seconds, and what Dagster is asked for is a chain of seven assets
)

FLOOR = """
from pathlib import Path
import dagster as dg

@dg.asset
def nothing() -> None: ...

@dg.sensor(target=nothing, minimum_interval_seconds=1, default_status=dg.DefaultSensorStatus.RUNNING)
def look():
    return [dg.RunRequest(run_key=path.name) for path in sorted(Path("landed").iterdir())]

defs = dg.Definitions([nothing], sensors=[look], executor=dg.in_process_executor)
"""

OURS = """
from ml_assets import open_landing, open_store
from ml_assets.orchestration import build_definitions
from ml_assets.problems import flight_delays, flights, weather

defs = build_definitions([weather.GROUP, flights.GROUP, flight_delays.PROBLEM], open_store(), open_landing())
"""


def main() -> int:
    floor = [run.started - landed for landed, run in floor_runs()]
    starts, decisions = [], []
    for landed, run, decided in our_runs():
        starts.append(run.started - landed)
        decisions.append(decided - landed)
    said = {"floor: landing -> run start": floor, "landing -> run start": starts, "landing -> decision": decisions}
    for what, seconds in said.items():
        print(f"{what:30} median {statistics.median(seconds):5.1f} s   {' '.join(f'{s:.1f}' for s in seconds)}")
    ratio = Comparison("landing -> run start", "an empty Dagster project", starts, floor, AT_MOST)
    print(f"ratio of run starts {ratio.ratio:.2f}, claimed <= {AT_MOST:g}")
    return 0 if ratio.holds else 1


def floor_runs() -> Iterator[tuple[float, Run]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "landed").mkdir()
        (folder / "floor.py").write_text(FLOOR)
        with dagster_dev(folder, "floor", PYTHONPATH=name) as dev:
            for month in MONTHS:
                yield from landed_runs(dev, lambda month=month: (folder / "landed" / month).touch())


def our_runs() -> Iterator[tuple[float, Run, float]]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        landing, store = open_landing(f"{name}/.ml_assets/landing"), open_store(f"{name}/.ml_assets/store")
        (folder / "ours.py").write_text(OURS)
        with dagster_dev(folder, "ours", PYTHONPATH=name) as dev:
            for month in MONTHS:
                groups = (flights.GROUP, weather.GROUP)
                files = {  # prepared before: only the landing is timed
                    f"{group.name}/{name}": frame
                    for group in groups
                    for name, frame in group.sample_files(month).items()
                }

                def land(files=files) -> None:
                    for file, frame in files.items():
                        landing.write(file, frame)

                for landed, run in landed_runs(dev, land, runs=3):
                    decided = store.head("flight_delays/champion", month)
                    assert decided is not None, f"{month} was not decided; run {run.id} {run.status}"
                    yield landed, run, datetime.fromisoformat(decided.at).timestamp()


def landed_runs(dev: DagsterDev, land: Callable[[], None], runs: int = 1) -> Iterator[tuple[float, Run]]:
    """When the files were there, and the first of the runs that they started."""
    before = len(dev.runs())
    land()
    landed = time.time()
    started = dev.wait_until_quiet(before + runs)[before:]
    assert all(run.succeeded for run in started), (started, dev.log[-2000:])
    yield landed, started[0]


if __name__ == "__main__":
    sys.exit(main())
