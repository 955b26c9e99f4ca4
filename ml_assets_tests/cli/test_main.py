from __future__ import annotations

import re
import shlex
import subprocess
import sys

import pytest

import ml_assets
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
    parser,
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
from ml_assets.store import open_store

EXAMPLES = {
    "new": new.EXAMPLES,
    "land": land.EXAMPLES,
    "try": try_out.EXAMPLES,
    "plan": plan.PLAN,
    "why": plan.WHY,
    "run": run.EXAMPLES,
    "ci": ci.EXAMPLES,
    "history": look.HISTORY,
    "show": look.SHOW,
    "lineage": look.LINEAGE,
    "diff": diff.EXAMPLES,
    "compare": compare.EXAMPLES,
    "reproduce": reproduce.EXAMPLES,
    "sql": sql.EXAMPLES,
    "champion": champion.CHAMPION,
    "promote": champion.PROMOTE,
    "rollback": champion.ROLLBACK,
    "approve": approve.EXAMPLES,
    "branch": branch.EXAMPLES,
    "push": push.EXAMPLES,
    "merge": merge.EXAMPLES,
    "calibrate-promotion": calibrate.EXAMPLES,
    "failures": failures.EXAMPLES,
    "monitoring": monitoring.EXAMPLES,
    "export": export.EXAMPLES,
    "serve": serve.EXAMPLES,
    "answered": answered.EXAMPLES,
    "skew": skew.EXAMPLES,
    "verify": verify.EXAMPLES,
    "sign": sign.EXAMPLES,
    "gc": retention.GC,
    "du": retention.DU,
    "pin": retention.PIN,
    "unpin": retention.UNPIN,
    "mirror": mirror.EXAMPLES,
    "view": view.EXAMPLES,
}
VERBS = tuple(EXAMPLES)


def example_commands(verb: str) -> list[list[str]]:
    """The examples as the shell would pass them: what follows two spaces or more is a comment."""
    lines = [line.strip() for line in EXAMPLES[verb].splitlines()]
    commands = [re.split(r"\s{2,}", line)[0] for line in lines if line.startswith("ml-assets ")]
    return [shlex.split(command)[1:] for command in commands]


def test_help_names_every_command_the_references_the_exit_codes_and_the_environment(call):
    answer = call("--help")
    assert answer.code == 0
    for word in (*VERBS, "flight_delays/model@2013-06:9c22", "3 refused and nothing changed", "ML_ASSETS_STORE"):
        assert word in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_command_says_what_it_does_and_shows_examples(call, verb):
    answer = call(verb, "--help")
    assert answer.code == 0
    summary = answer.out.split("\n\n")[1]
    assert summary.split()[0].islower(), "a sentence about the command"
    assert EXAMPLES[verb] in answer.out
    assert "--json" in answer.out


@pytest.mark.parametrize("verb", VERBS)
def test_the_examples_are_understood(verb):
    for arguments in example_commands(verb):
        assert arguments[0] == verb
        assert callable(parser().parse_args(arguments).carry_out)


def test_no_command_is_left_out_of_these_tests(call):
    commands = call("--help").out.partition("commands:\n")[2].partition("\n\n")[0]
    shown = [line.split()[0] for line in commands.splitlines() if line.startswith("    ") and line[4] != " "]
    assert shown == [*VERBS]


def test_version_is_the_packages(call):
    answer = call("--version")
    assert (answer.code, answer.out) == (0, f"ml-assets {ml_assets.__version__}\n")


@pytest.mark.parametrize("arguments", [(), ("fly",), ("promote", "9c22ab"), ("show",)], ids=str)
def test_what_cannot_be_parsed_is_code_2_with_the_usage(call, arguments):
    answer = call(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.startswith("usage: ml-assets")


def test_what_cannot_be_understood_is_code_2_and_told_without_the_errors_name(shared, refused):
    message = refused(2, "champion", "umbrella")
    assert message == "ml-assets: There is no problem 'umbrella'. Known: umbrellas, ice_cream."


def test_a_refusal_is_code_3_and_told_with_the_errors_name(shared, refused):
    assert refused(3, "show", "umbrellas/model@2030-01").startswith("UnknownVersion: umbrellas/model@2030-01 names")


def test_looking_at_a_store_needs_no_dagster_and_reading_makes_no_store(tmp_path):
    code = (
        "import sys; from ml_assets.cli import main; assert main(['show', 'flight_delays/champion']) == 3;"
        "assert main(['history', 'flight_delays']) == 3; assert 'dagster' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "make something: ml-assets run flight_delays" in done.stderr
    assert list(tmp_path.iterdir()) == []


COMMAND = f"{shlex.quote(sys.executable)} -c 'import sys; from ml_assets.cli import main; sys.exit(main())'"


@pytest.mark.parametrize(
    ("arguments", "streams", "code"),
    [
        ("show umbrellas/model@2024-01 --json", "", 0),
        ("promote umbrellas/model@2030-01 --why so", "2>&1", 3),
        ("champion umbrella", "2>&1", 2),
    ],
)
def test_the_reader_of_the_output_may_go_away_and_the_exit_code_is_still_true(shared, arguments, streams, code):
    script = f"{COMMAND} {arguments} {streams} | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == (f"{code}\n", "")


def test_a_pipe_that_breaks_elsewhere_is_an_error_and_not_a_reader_who_went_away(shared, call, monkeypatch):
    def ask(*of: object) -> None:
        raise BrokenPipeError("a process that was asked is gone")

    monkeypatch.setattr("ml_assets.store.store.Store.manifest", ask)
    with pytest.raises(BrokenPipeError, match="that was asked"):
        call("show", "umbrellas/model@2024-01")


def test_the_branch_and_the_user_come_from_the_environment(own, call, monkeypatch):
    monkeypatch.setenv("ML_ASSETS_BRANCH", "bob/trial")
    monkeypatch.setenv("ML_ASSETS_USER", "bob")
    before = own.log("umbrellas/ledger", None)
    assert call("promote", "umbrellas/model@2024-02", "--why", "a trial").code == 0
    (move,) = open_store(own.url, branch="bob/trial").log("umbrellas/ledger", None)
    assert (move.by, move.why, move.target.partition) == ("bob", "a trial", "2024-02")
    assert own.log("umbrellas/ledger", None) == before
    assert [row["by"] for row in call("champion", "umbrellas", "--log", "--json").json] == ["ada", "bob"]
