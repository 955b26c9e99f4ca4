"""``python -m ml_assets.worker ORDER``: a rank, as torchrun starts it."""

from __future__ import annotations

import signal
import sys

from ml_assets.settings import (
    let_arrow_free_memory,
    let_garbage_wait,
    let_gpus_repeat,
    let_waiting_threads_yield,
    rank_of_torchrun,
)
from ml_assets.training.ranks import Place
from ml_assets.worker.order import Order
from ml_assets.worker.rank import carry_out, end_with_parent

if __name__ == "__main__":
    end_with_parent(signal.SIGKILL)
    let_garbage_wait()
    let_waiting_threads_yield()
    let_gpus_repeat()
    let_arrow_free_memory()
    carry_out(Order.from_text(sys.argv[1]), Place(*rank_of_torchrun()))
