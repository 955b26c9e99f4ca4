"""Runs on Kubernetes: light steps in the run's own pod, each training in a pod that has what its ``Compute`` says.

Dagster's ``k8s_job_executor`` gives every step a pod, which costs light steps half a minute each; counts what a machine did to
a pod as one of the retries that the user allows; and leaves a step under way for ever whose pod was replaced (dagster #33755).
Ours is the loop of executor.py over pods that are made as dagster-k8s makes them, so that the run launcher's and the code
location's configuration (image, secrets, service account …) applies to them as to any other.

    run's pod          ── dataset ── features ── split ─┐                 ┌─ evaluation ── champion
    pod of attempt 1                                    └─ model … gone   │
    pod of attempt 2                                       (checkpoint) ──┘

    executor.py      the executor's configuration
    pods.py          begins, watches, begins again and ends each training's pod
    attempts.py      a pod of a step as it is asked for
    creation.py      creates its Job, when nothing trains the same any more
    record.py        what we write into Dagster's event log about pods
    endings.py       what the cluster says of a pod, as a sentence and a cause; pure
    event_tail.py    what pods report, read from Dagster's event log
    api.py           the few calls to the API of Kubernetes, and which of its errors are worth another try
    run_launcher.py  Dagster's run launcher, which also clears up after a run whose pod died
"""
