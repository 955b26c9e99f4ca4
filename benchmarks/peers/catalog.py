"""Who is compared, and the commands by which each does what the rows ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ASSETS = "dagster asset materialize -f {programs}/dagster_assets.py --select"


@dataclass(frozen=True, eq=False)
class Peer:
    """A tool and its commands.

    Attributes:
        key: as ``--only`` names it.
        requirements: what its environment has besides pandas and scikit-learn; None: our own environment.
        commands: scenario (six, chain, prepare, fan, frame) -> command, with ``{value}``: rate, steps or megabytes.
        before: scenario -> a command that is needed and not timed; ``new``: in a new folder.
        after: scenario -> a command, not timed, that leaves the answer.
        chains: lengths of the two chains whose difference is measured.
    """

    key: str
    name: str
    commands: Mapping[str, str]
    requirements: tuple[str, ...] | None = ()
    before: Mapping[str, str] = field(default_factory=dict)
    after: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    chains: tuple[int, int] = (1, 6)


def program(file: str) -> dict[str, str]:
    """The commands of a program that takes the scenario and its value."""
    start = f"python {{programs}}/{file}"
    with_value = {scenario: f"{start} {scenario} {{value}}" for scenario in ("six", "chain", "frame")}
    return {**with_value, "prepare": f"{start} prepare", "fan": f"{start} fan"}


def dvc() -> Peer:
    write = "python {programs}/dvc_stages.py write"
    scenarios = {"six": " six {value}", "chain": " chain {value}", "frame": " frame {value}", "prepare": " prepare"}
    before = {scenario: write + rest for scenario, rest in {**scenarios, "fan": " fan"}.items()}
    commands = dict.fromkeys(before, "dvc repro -q")
    return Peer("dvc", "DVC", commands, ("dvc", "joblib"), {**before, "new": "dvc init -q --no-scm"})


def metaflow() -> Peer:
    start = "env FLOW={flow} python {{programs}}/metaflow_flows.py --quiet --no-pylint run --max-workers 2"
    commands = {
        "six": start.format(flow="Six") + " --rate {value}",
        "chain": start.format(flow="ChainOf{value}"),
        "prepare": start.format(flow="Prepare"),
        "fan": start.format(flow="Fan"),
        "frame": start.format(flow="Frame") + " --megabytes {value}",
    }
    return Peer("metaflow", "Metaflow", commands, ("metaflow",))


def dagster(key: str, name: str, executor: str, chains: tuple[int, int]) -> Peer:
    commands = {
        "six": ASSETS + ' \'+key:evaluation\' --config-json \'{{"ops":{{"model":{{"config":{{"rate":{value}}}}}}}}}\'',
        "chain": ASSETS + " '+key:link_{last}'",
        "prepare": ASSETS + " 'group:prepare'",
        "fan": ASSETS + " 'group:fan'",
        "frame": ASSETS + ' \'group:frame\' --config-json \'{{"ops":{{"big":{{"config":{{"megabytes":{value}}}}}}}}}\'',
    }
    return Peer(key, name, commands, ("dagster",), environment={"EXECUTOR": executor}, chains=chains)


def ours() -> Peer:
    six, months = "ml-assets run +rides/evaluation --partition 2024-01", "--partitions 2024-01..2024-08"
    commands = {
        "six": six + " --set params.rate={value}",
        "chain": "dagster asset materialize -f {programs}/ours_chain.py --select '+key:link_{last}'",
        "prepare": f"ml-assets run +rides/split {months}",
        "fan": f"ml-assets run rides/model {months} --jobs {{cores}}",
        "frame": "python {programs}/ours_frame.py {value}",
    }
    return Peer("ours", "ours", commands, None, after={"six": "python {programs}/ours_answer.py"}, chains=(1, 12))


PEERS = (
    Peer("plain", "plain Python", program("plain.py"), chains=(1, 10_001)),
    Peer("joblib", "joblib.Memory", program("joblib_memory.py"), ("joblib",), chains=(1, 101)),
    dvc(),
    metaflow(),
    Peer("flytekit", "flytekit", program("flytekit_workflow.py"), ("flytekit",), chains=(1, 101)),
    dagster("dagster", "Dagster, default", "multiprocess", (1, 4)),
    dagster("inprocess", "Dagster, in-process", "in_process", (1, 12)),
    ours(),
)
