"""``python -m ml_assets.worker.node <torchrun's arguments> ORDER``: torchrun, for the ranks of one machine.

It is torchrun with three things added: it ends with whoever started it, it says which rank a signal killed (a rank that is
killed cannot say so, and the others then fail of that), and its ranks have time to save before they are killed.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence

from ml_assets.worker.rank import end_with_parent
from ml_assets.worker.told import tell

WORKER = "ml_assets.worker"
CONSEQUENCES = (signal.SIGKILL, signal.SIGABRT, signal.SIGTERM)
"""Signals that end a rank because another one is gone: the more likely, the later."""


def here(ranks: int) -> list[str]:
    """torchrun's arguments for all ranks on this machine, by the loopback interface: its own name may lead nowhere."""
    return ["--standalone", "--local-addr=127.0.0.1", f"--nproc-per-node={ranks}"]


def on_one_of(nodes: int, number: str, ranks: int, address: str, port: int) -> list[str]:
    """torchrun's arguments on one of several machines.

    The rendezvous is torchrun's static one: it alone keeps the numbers that nodes have, so that rank 0, which tells and
    stores, is on node 0, where it is listened to.

    Args:
        number: of this node, or what a pod's arguments have for it.
        address, port: of node 0.
    """
    place = [f"--nnodes={nodes}", f"--node-rank={number}", f"--nproc-per-node={ranks}"]
    return [*place, "--rdzv-backend=static", f"--master-addr={address}", f"--master-port={port}"]


def command(arguments: Sequence[str], order: str) -> list[str]:
    """What starts a node, after the interpreter."""
    return ["-m", "ml_assets.worker.node", *arguments, "-m", WORKER, order]


def main(arguments: Sequence[str]) -> int:
    """Be torchrun. Its exit code: 0 if all ranks ended well."""
    end_with_parent(signal.SIGTERM)
    from torch.distributed import run
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    try:
        run.main(arguments)
    except ChildFailedError as failed:
        for rank, by in _killed({rank: failure.exitcode for rank, failure in failed.failures.items()}):
            tell(died=rank, signal=by.name)
        print(failed, file=sys.stderr)
        return 1
    return 0


def _killed(exit_codes: Mapping[int, int]) -> list[tuple[int, signal.Signals]]:
    """The ranks that a signal ended: first the one of which the others may have died. torchrun ends those that are left."""
    by = {rank: signal.Signals(-code) for rank, code in exit_codes.items() if code < 0}
    return sorted(by.items(), key=lambda item: CONSEQUENCES.index(item[1]) if item[1] in CONSEQUENCES else -1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
