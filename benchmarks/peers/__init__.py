"""One pipeline, told to seven tools: what each costs around the same work.

    python -m benchmarks.peers                        all that can be installed; about ten minutes on two cores
    python -m benchmarks.peers --only ours,plain --rounds 5

``programs/`` holds one program per tool, written as its own users would; the work of all is in ``programs/steps.py``. Each
peer has a throw-away environment of its own (``~/.cache/ml_assets-benchmarks``) with the same pandas and scikit-learn.

What a row is. Wall clock of a command in a new process, the peers in turns, medians:

    cold               the six steps, in a folder in which nothing was ever run
    nothing changed    the same command again
    one parameter      the training with another learning rate
    one more step      of a chain of trivial steps: (a long chain - a chain of one) / the steps between
    eight trainings    of eight months, on all cores; what comes before them was done before
    500 MB frame       made by one step, looked at by the next; less what the same takes with 1 MB, and less the making

*Ours* is this working tree, copied into a temporary folder with the pipeline as its only problem, and used by the command
line: `ml-assets run +rides/evaluation` makes dataset (load and clean), features, split, model and evaluation. It does more
than the others in the same seconds: it checks schema, leaks and the reloaded model, judges a baseline beside the model, says
how sure the metrics are, draws figures, and writes a manifest with all digests. *One more step* is an asset in our code
location, with our store and executor; the *frame* goes through the store's API.

Every training has one thread (``OMP_NUM_THREADS=1``), so that a row does not depend on who else is on the machine: threads
that wait for each other take ten times as long beside two busy processes. Eight trainings have all cores between them.
"""
