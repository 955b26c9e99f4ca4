"""`ml-assets`: what the UI does not do, or what is quicker to type.

Exit codes: 0 done · 1 done, and the answer is bad (a run failed, verify found damage, ci a worse model, skew a difference) ·
2 the command cannot be understood · 3 refused, nothing was changed (the message says why and what to do) · 130 stopped by Ctrl-C.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ml_assets import __version__, problems
from ml_assets.cli import (
    answered,
    approve,
    branch,
    calibrate,
    champion,
    ci,
    compare,
    diff,
    export,
    failures,
    land,
    look,
    merge,
    mirror,
    monitoring,
    new,
    plan,
    push,
    reproduce,
    retention,
    run,
    serve,
    sign,
    skew,
    sql,
    try_out,
    verify,
    view,
)
from ml_assets.cli.show import finish, progress, take_any_text
from ml_assets.errors import MlAssetsError, UsageError
from ml_assets.settings import (
    Settings,
    let_arrow_free_memory,
    let_garbage_wait,
    let_gpus_repeat,
    let_waiting_threads_yield,
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command; returns the exit code."""
    let_garbage_wait()
    take_any_text()
    warn_of_broken_problems()
    options = parser().parse_args(arguments)
    let_waiting_threads_yield()
    let_gpus_repeat()
    let_arrow_free_memory()
    try:
        code: int = options.carry_out(options, Settings.from_environment())
    except UsageError as error:
        progress(f"ml-assets: {error}")
        return 2
    except MlAssetsError as error:
        progress(f"{type(error).__name__}: {error}")
        return 3
    except KeyboardInterrupt:  # Ctrl-C: whoever pressed it knows why, and wants no traceback
        return 130
    finally:
        finish()
    return code


def warn_of_broken_problems() -> None:
    """One line each, whatever the command: who looks at something else should know of it too."""
    for broken in problems.BROKEN:
        progress(f"warning: the problem {broken.name} cannot be used; why: ml-assets history {broken.name}")


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = argparse.ArgumentParser(
        prog="ml-assets",
        description="Land, run, look at, promote, approve, roll back and verify versioned machine-learning assets.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"ml-assets {__version__}")
    verbs = top.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for group in (
        new,
        land,
        try_out,
        plan,
        run,
        ci,
        look,
        diff,
        compare,
        reproduce,
        sql,
        champion,
        approve,
        branch,
        push,
        merge,
        calibrate,
        failures,
        monitoring,
        export,
        serve,
        answered,
        skew,
        verify,
        sign,
        retention,
        mirror,
        view,
    ):
        group.add_to(verbs)
    return top


_EPILOG = """references:
  flight_delays/model@2013-06        what the branch names for that partition
  flight_delays/model@2013-06:9c22   that version of it
  flight_delays/champion             the model that is champion now; where each line or partition has one of its own,
                                     ml-assets champion PROBLEM --partition P says which
  9c22ab                             any version, by its first digits

exit codes: 0 done, 1 a run failed, verify found damage, ci a worse model, skew a difference, 2 cannot be understood,
3 refused and nothing changed

environment: ML_ASSETS_STORE, ML_ASSETS_LANDING (a folder or s3://bucket/prefix), ML_ASSETS_BRANCH, ML_ASSETS_USER,
ML_ASSETS_UPSTREAM (a store that is only read, under one's own), ML_ASSETS_PROBLEMS (packages)
"""
