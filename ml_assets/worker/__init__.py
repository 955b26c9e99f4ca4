"""One model trained by several processes, on the GPUs of one machine or on several machines.

    step                                     node (torchrun), one per machine          rank, one per GPU
    ── order ───────────────────────────────▶ python -m ml_assets.worker.node ───────▶ python -m ml_assets.worker
       reads what they say                                                              loads the inputs by version,
    ◀── lines on stdout: progress, failure, the stored model ─────────────────────────  trains, rank 0 stores the model

    order    what is to be trained, as JSON: names and versions, no values, no secrets
    told     what a rank says, a line each
    work     what one process does: load, fit, store, load again; the same where there is only one
    rank     one of several processes
    node     torchrun, which must not outlive whoever started it

All ranks of a training end together. Whatever ends them, it goes on from its last checkpoint when it is started again.
"""
