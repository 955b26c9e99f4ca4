"""What a rank tells whoever waits for its training: marked lines of JSON among all the others that it prints.

    {"began": 1, "pid": 4711}                                             each rank
    {"step": 20, "metrics": {"train_loss": 0.41}}                         rank 0, as it goes
    {"say": "resumed from step 1200, 2 interruptions"}                    rank 0, for the log
    {"done": <content>, "check": <outcome>, "rows": [900, 100], "resumed": ""}   rank 0, once the model is stored
    {"interrupted": "…"}                                                  it was asked to stop, and saved
    {"failed": "ValueError", "rank": 1, "message": "…", "trace": "…"}     its code raised
    {"lost": 0, "message": "…"}                                           it lost the others: one of them is gone
    {"died": 1, "signal": "SIGKILL"}                                      its node, which saw it die

They go through standard output because that is what both a pipe and the log of a pod carry.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

MARK = "::ml_assets:: "
STDOUT = 1


def tell(**fact: Any) -> None:
    """Say it, in one write. Nobody may be listening any more: then it is not said, and what is under way goes on."""
    line = f"\n{MARK}{json.dumps(fact)}\n".encode()
    with suppress(BrokenPipeError):
        while line:
            line = line[os.write(STDOUT, line) :]


def heard(line: str) -> Mapping[str, Any] | None:
    """What a line tells; None if it is any other line."""
    _, mark, fact = line.partition(MARK)
    if not mark:
        return None
    try:
        told = json.loads(fact)
    except ValueError:  # cut off: its process died as it spoke
        return None
    return told if isinstance(told, dict) else None
