"""`ml-assets try`: a problem's chain on a sample of its rows, or one asset alone, in this process; nothing is kept."""

from __future__ import annotations

import argparse
import shlex
import time
import traceback
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ml_assets.cli.diff import lines
from ml_assets.cli.show import command, progress, say, say_json
from ml_assets.cli.work import config_of
from ml_assets.errors import MlAssetsError
from ml_assets.problem import Problem
from ml_assets.problems import problem_named
from ml_assets.settings import Settings

if TYPE_CHECKING:
    from ml_assets.orchestration.launch import Step
    from ml_assets.orchestration.tried import Tried

EXAMPLES = """  ml-assets try flight_delays --partition 2013-06                 the whole chain, on 2,000 rows of each month
  ml-assets try flight_delays --partition 2013-06 --rows 500 --pdb
  ml-assets try flight_delays/model --partition 2013-06 --set params.learning_rate=0.05
                                                                  one asset, on what the branch names, against what it names
A breakpoint() in the problem's functions stops here.
"""


def add_to(verbs: Any) -> None:
    """Add `try`."""
    summary = "run a problem's chain on a sample of rows, or one asset, in this process; keep nothing"
    parser = command(verbs, "try", summary, try_out, EXAMPLES)
    parser.add_argument("what", metavar="PROBLEM[/ASSET]", help="a problem, or one asset of it alone")
    parser.add_argument("--partition", metavar="P", required=True, help="e.g. 2013-06 or '2013-06|EWR'")
    parser.add_argument(
        "--rows", type=int, metavar="N", help="rows of each dataset (default: 2000 of a chain, all of an asset alone)"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="params.x=V",
        dest="settings",
        help="set a parameter, seed or candidate",
    )
    parser.add_argument("--pdb", action="store_true", help="open the debugger where an exception was raised")


def try_out(options: argparse.Namespace, settings: Settings) -> int:
    """0 if everything was made, 1 if a check refused something or the problem's code raised."""
    started = time.perf_counter()
    name, _, asset = options.what.partition("/")
    problem = problem_named(name)
    config = config_of([f"{name}/{asset or 'model'}"], options.settings)
    with _ProblemsErrors(options.pdb):
        tried = _tried(problem, asset or None, options, config, settings)
    if options.json:
        say_json(_as_json(tried))
    else:
        _say(tried, time.perf_counter() - started)
    return 0 if tried.passed else 1


def _tried(
    problem: Problem, asset: str | None, options: argparse.Namespace, config: dict[str, Any], settings: Settings
) -> Tried:
    from ml_assets.orchestration.try_out import try_out as tried_out

    given = {name: config.get(name) for name in ("params", "seed", "candidate")}
    return tried_out(problem, options.partition, options.rows, asset=asset, settings=settings, report=_report, **given)


def _report(step: Step) -> None:
    for line in step.lines():
        progress(line)


def _say(tried: Tried, seconds: float) -> None:
    for line in tried.words():
        say(line)
    if tried.asset is not None and tried.rows is None and tried.asset in tried.made:
        found = tried.diff()
        for line in lines(found) if found else ["There is no stored version to compare it with."]:
            say(line)
    in_steps = sum(step.seconds for step in tried.steps)
    say(f"{'done' if tried.passed else 'REFUSED'}: {seconds:.1f} s, {in_steps:.1f} s of them in the steps")
    what = f"{tried.problem.name}/{tried.asset}" if tried.asset else tried.problem.name
    verb = "run" if tried.passed else "try"
    say(f"next: ml-assets {verb} {what} --partition {shlex.quote(tried.partition)}")


def _as_json(tried: Tried) -> dict[str, Any]:
    found = tried.diff() if tried.asset else None
    return {
        "problem": tried.problem.name,
        "asset": tried.asset,
        "partition": tried.partition,
        "rows": tried.rows,
        "passed": tried.passed,
        "steps": [asdict(step) for step in tried.steps],
        "skipped": dict(tried.skipped),
        "metrics": {name: dict(of) for name, of in tried.metrics.items()},
        "decision": tried.decision,
        "diff": found.to_json() if found else None,
    }


class _ProblemsErrors:
    """What the problem's code raises is shown from its first line on, and looked into with ``--pdb``."""

    def __init__(self, looked_into: bool) -> None:
        self.looked_into = looked_into

    def __enter__(self) -> None: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not isinstance(error, Exception) or isinstance(error, MlAssetsError):
            return
        import bdb
        import pdb

        from ml_assets.orchestration.messages import of_users_code

        if isinstance(error, bdb.BdbQuit):  # she left the debugger
            raise SystemExit(130) from None
        at = of_users_code(at)
        traceback.print_exception(kind, error, at)
        if self.looked_into:
            pdb.post_mortem(at)
        raise SystemExit(1) from None
