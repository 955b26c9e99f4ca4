"""DVC: one stage per step, each a process that reads and writes files; parameters in params.yaml; `dvc repro` runs what changed.

python dvc_stages.py write six 0.1      writes dvc.yaml and params.yaml; then `dvc repro`
"""

import json
import sys
from pathlib import Path

import steps

RUN = "python ../programs/dvc_stages.py"
PARTS = ("train", "validation", "test")


def stage(cmd: str, deps: list[str], outs: list[str], params: tuple[str, ...] = ()) -> dict[str, object]:
    return {"cmd": f"{RUN} {cmd}", "deps": deps, "outs": outs, "params": list(params)}


def parts_stages(month: str) -> dict[str, object]:
    raw, data, table, parts = (f"{noun}-{month}" for noun in ("raw.parquet", "data.parquet", "table.parquet", "parts"))
    return {
        f"load-{month}": stage(f"load {month}", [f"landed/{month}.parquet"], [raw]),
        f"clean-{month}": stage(f"clean {month}", [raw], [data]),
        f"features-{month}": stage(f"features {month}", [data], [table]),
        f"split-{month}": stage(f"split {month}", [data, table], [parts]),
    }


def train_stage(month: str) -> dict[str, object]:
    return {f"train-{month}": stage(f"train {month}", [f"parts-{month}"], [f"model-{month}.joblib"], ("rate",))}


def six() -> dict[str, object]:
    month = steps.MONTH
    evaluate = stage(f"evaluate {month}", [f"parts-{month}", f"model-{month}.joblib"], ["answer.json"])
    return {**parts_stages(month), **train_stage(month), "evaluate": evaluate}


def chain(count: int) -> dict[str, object]:
    (Path("0.txt")).write_text("0")
    made = {f"step-{n}": stage(f"trivial {n}", [f"{n}.txt"], [f"{n + 1}.txt"]) for n in range(count)}
    return {**made, "last": stage(f"last {count}", [f"{count}.txt"], ["answer.json"])}


def prepare() -> dict[str, object]:
    return {name: made for month in steps.MONTHS for name, made in parts_stages(month).items()}


def fan() -> dict[str, object]:
    return prepare() | {name: made for month in steps.MONTHS for name, made in train_stage(month).items()}


def frame(megabytes: int) -> dict[str, object]:
    take = stage("take", ["frame.parquet"], ["answer.json"])
    return {"make": stage(f"make {megabytes}", [], ["frame.parquet"]), "take": take}


def write(scenario: str, value: str = "") -> None:
    pipelines = {"six": six, "prepare": prepare, "fan": fan}
    counted = {"chain": chain, "frame": frame}
    stages = pipelines[scenario]() if scenario in pipelines else counted[scenario](int(value))
    Path("dvc.yaml").write_text(json.dumps({"stages": stages}))  # JSON is YAML
    Path("params.yaml").write_text(f"rate: {value if scenario == 'six' else steps.RATE}\n")


def step(name: str, value: str) -> None:
    import joblib
    import pandas as pd

    match name:
        case "load":
            steps.load(f"landed/{value}.parquet").to_parquet(f"raw.parquet-{value}")
        case "clean":
            steps.clean(pd.read_parquet(f"raw.parquet-{value}")).to_parquet(f"data.parquet-{value}")
        case "features":
            steps.features(pd.read_parquet(f"data.parquet-{value}")).to_parquet(f"table.parquet-{value}")
        case "split":
            made = steps.split(pd.read_parquet(f"data.parquet-{value}"), pd.read_parquet(f"table.parquet-{value}"))
            Path(f"parts-{value}").mkdir()
            for role, rows in made.items():
                rows.to_parquet(f"parts-{value}/{role}.parquet")
        case "train":
            rate = float(Path("params.yaml").read_text().split(":")[1])
            joblib.dump(steps.train(parts_of(value), rate), f"model-{value}.joblib")
        case "evaluate":
            steps.answer(steps.evaluate(joblib.load(f"model-{value}.joblib"), parts_of(value)))


def parts_of(month: str) -> steps.Parts:
    return {role: steps.load(f"parts-{month}/{role}.parquet") for role in PARTS}


def small(name: str, value: str = "") -> None:
    match name:
        case "trivial":
            number = int(Path(f"{value}.txt").read_text())
            Path(f"{int(value) + 1}.txt").write_text(str(steps.trivial(number)))
        case "last":
            steps.answer(int(Path(f"{value}.txt").read_text()))
        case "make":
            steps.frame(int(value)).to_parquet("frame.parquet")
        case "take":
            steps.answer(steps.looked_at(steps.load("frame.parquet")))


if __name__ == "__main__":
    verb, *rest = sys.argv[1:]
    if verb == "write":
        write(*rest)
    else:
        (small if verb in ("trivial", "last", "make", "take") else step)(verb, *rest)
