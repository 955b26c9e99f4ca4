"""A step of a training on several machines, as its pod runs it: ``python -m … STORE COMPUTATION PORT ACCIDENTS``.

It prints the digest of the model, or the error that ended the training.
"""

from __future__ import annotations

import sys
from functools import partial

from ml_assets.compute import Devices
from ml_assets.errors import TrainingError
from ml_assets.orchestration.distributed import indexed_job, train_on
from ml_assets.training.run import Run
from ml_assets_tests.doubles import tides

if __name__ == "__main__":
    url, computation, port, accidents = sys.argv[1:]
    store = tides.store_in(url)
    indexed_job.IndexedJob.start = partial(indexed_job.IndexedJob.start, port=int(port))  # type: ignore[method-assign]  # pods share this machine
    try:
        trained = train_on(
            Devices(local=1, nodes=2),
            tides.PROBLEM,
            tides.split_in(store),
            tides.TideParams(accidents=accidents),
            Run(0, print),
            store=store,
            computation=computation,
        )
    except TrainingError as error:
        print(f"{type(error).__name__}: {error}")
    else:
        print(f"model {trained.content.digest} {trained.resumed}")
