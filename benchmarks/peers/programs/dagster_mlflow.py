"""The starter's problem in plain Dagster and MLflow: a CSV file, checked, split, trained, judged, promoted, predicted.

What ``ml-assets new`` writes has all of this, and besides: reuse, lineage down to the code, figures, a report, rollback with a
check, drift, a landing sensor. ``python -m benchmarks.lines`` counts both.
"""

import hashlib
from pathlib import Path

import dagster as dg
import mlflow
import numpy as np
import pandas as pd
import pandera.pandas as pa
from mlflow.tracking import MlflowClient
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

NAME, LANDING = "tumours", Path("landing")
MEASURED = ("radius", "texture", "smoothness", "compactness", "concavity", "symmetry")
PARTITIONS = dg.StaticPartitionsDefinition(["wisconsin"])
TEST, VALIDATION, RESAMPLES, CONFIDENCE = 0.25, 0.15, 2000, 0.95
TYPES = {"tumour": "str", **dict.fromkeys(MEASURED, "float64"), "malignant": "Int64"}
SCHEMA = pa.DataFrameSchema(
    {
        "tumour": pa.Column("str", unique=True),
        **{name: pa.Column(float, pa.Check.ge(0)) for name in MEASURED},
        "malignant": pa.Column("Int64", nullable=True),
    },
    strict=True,
)


class Params(dg.Config):
    c: float = 1.0
    seed: int = 0


@dg.asset(partitions_def=PARTITIONS)
def dataset(context: dg.AssetExecutionContext) -> pd.DataFrame:
    file = LANDING / f"{context.partition_key}.csv"
    context.add_output_metadata({"digest": hashlib.sha256(file.read_bytes()).hexdigest()})
    frame = pd.read_csv(file, dtype=TYPES, keep_default_na=False, na_values=[""])
    if len(frame) < 100:
        raise dg.Failure(f"only {len(frame)} rows landed", allow_retries=False)
    return SCHEMA.validate(frame)


@dg.asset_check(asset=dataset, blocking=True)
def labelled(dataset: pd.DataFrame) -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=bool(dataset["malignant"].dropna().isin([0, 1]).all()))


def with_features(data: pd.DataFrame) -> pd.DataFrame:
    return data[[*MEASURED]].assign(unevenness=data["concavity"] / (data["compactness"] + 0.01))


@dg.asset(partitions_def=PARTITIONS)
def features(dataset: pd.DataFrame) -> pd.DataFrame:
    return with_features(dataset).assign(tumour=dataset["tumour"], malignant=dataset["malignant"])


@dg.asset(partitions_def=PARTITIONS)
def split(features: pd.DataFrame) -> pd.DataFrame:
    known = features.dropna(subset="malignant")
    place = known["tumour"].map(lambda key: int(hashlib.sha256(key.encode()).hexdigest()[:8], 16) / 16**8)
    role = np.where(place < TEST, "test", np.where(place < TEST + VALIDATION, "validation", "train"))
    return known.assign(role=role)


def rows(split: pd.DataFrame, role: str) -> tuple[pd.DataFrame, np.ndarray]:
    chosen = split[split["role"] == role]
    return chosen[[*MEASURED, "unevenness"]], chosen["malignant"].to_numpy(float)


@dg.asset(partitions_def=PARTITIONS)
def model(context: dg.AssetExecutionContext, split: pd.DataFrame, config: Params) -> str:
    table, label = rows(split, "train")
    fitted = make_pipeline(StandardScaler(), LogisticRegression(C=config.c, random_state=config.seed)).fit(table, label)
    with mlflow.start_run(run_name=context.partition_key) as run:
        mlflow.log_params({"c": config.c, "seed": config.seed, "dagster_run": context.run_id})
        mlflow.sklearn.log_model(fitted, name="model", registered_model_name=NAME, input_example=table.head(3))
    (version,) = MlflowClient().search_model_versions(f"run_id = '{run.info.run_id}'")
    return str(version.version)


def answers(version: str, table: pd.DataFrame) -> np.ndarray:
    return mlflow.sklearn.load_model(f"models:/{NAME}/{version}").predict_proba(table)[:, 1]


def interval(label: np.ndarray, score: np.ndarray, metric, rng: np.random.Generator) -> tuple[float, float]:
    found = []
    while len(found) < RESAMPLES:
        at = rng.integers(0, len(label), len(label))
        if 0 < label[at].mean() < 1:
            found.append(metric(label[at], score[at]))
    low, high = np.percentile(found, [2.5, 97.5])
    return float(low), float(high)


@dg.asset(partitions_def=PARTITIONS)
def evaluation(context: dg.AssetExecutionContext, split: pd.DataFrame, model: str) -> dict:
    (table, label), (_, known) = rows(split, "test"), rows(split, "train")
    score, dumb, rng = answers(model, table), np.full(len(label), known.mean()), np.random.default_rng(0)
    judged = {}
    for name, metric in (("auroc", roc_auc_score), ("brier", brier_score_loss)):
        low, high = interval(label, score, metric, rng)
        judged |= {
            name: metric(label, score),
            f"{name}_low": low,
            f"{name}_high": high,
            f"{name}_baseline": metric(label, dumb),
        }
    run = MlflowClient().get_model_version(NAME, model).run_id
    for name, value in judged.items():
        MlflowClient().log_metric(run, name, value)
    context.add_output_metadata(judged)
    gates = [judged["auroc"] >= 0.9, judged["auroc"] >= judged["auroc_baseline"] + 0.2]
    return {**judged, "passes": all(gates)}


def is_better(split: pd.DataFrame, challenger: str, champion: str) -> tuple[bool, str]:
    """A paired bootstrap on the same test rows."""
    table, label = rows(split, "test")
    new, old, rng = answers(challenger, table), answers(champion, table), np.random.default_rng(0)
    wins = []
    while len(wins) < RESAMPLES:
        at = rng.integers(0, len(label), len(label))
        if 0 < label[at].mean() < 1:
            wins.append(roc_auc_score(label[at], new[at]) > roc_auc_score(label[at], old[at]))
    share = float(np.mean(wins))
    return share >= CONFIDENCE, f"better in {share:.3f} of the resamples, {CONFIDENCE} asked"


@dg.asset(partitions_def=PARTITIONS)
def champion(context: dg.AssetExecutionContext, split: pd.DataFrame, model: str, evaluation: dict) -> str:
    client, alias = MlflowClient(), f"champion-{context.partition_key}"
    try:
        before = str(client.get_model_version_by_alias(NAME, alias).version)
    except mlflow.exceptions.MlflowException:
        before = None
    if not evaluation["passes"]:
        promoted, why = False, "a gate does not hold"
    elif before is None:
        promoted, why = True, "the first model"
    else:
        promoted, why = is_better(split, model, before)
    if promoted:
        client.set_registered_model_alias(NAME, alias, model)
        client.set_model_version_tag(NAME, model, "why", why)
    context.add_output_metadata({"promoted": promoted, "why": why, "before": str(before)})
    return model if promoted else str(before)


@dg.asset(partitions_def=PARTITIONS)
def predictions(features: pd.DataFrame, champion: str) -> pd.DataFrame:
    score = answers(champion, features[[*MEASURED, "unevenness"]])
    return pd.DataFrame({"tumour": features["tumour"], "prediction": score, "model_version": champion})


@dg.sensor(target=dg.AssetSelection.all(), minimum_interval_seconds=30)
def landed(context: dg.SensorEvaluationContext):
    for partition in PARTITIONS.get_partition_keys():
        file = LANDING / f"{partition}.csv"
        if file.exists():
            yield dg.RunRequest(run_key=f"{partition} {file.stat().st_mtime_ns}", partition_key=partition)


defs = dg.Definitions(
    [dataset, features, split, model, evaluation, champion, predictions], asset_checks=[labelled], sensors=[landed]
)
