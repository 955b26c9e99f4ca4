"""Before a model answers anybody it answers for the rows of its evaluation, and says the same bit for bit.

So what is served is what was judged: the bytes are whole, the code still runs, this machine computes as that one did. A model
that nobody evaluated is tried on the newest features that there are. Machines of another kind may sum in another order: then
``tolerance`` says how far apart an answer may be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.errors import Refused
from ml_assets.evaluation.scored_rows import scored_rows
from ml_assets.lineage.judged import newest_evaluation
from ml_assets.problem import Problem
from ml_assets.promotion.by_hand import try_out
from ml_assets.promotion.unseen import judging_rows
from ml_assets.serving.columns import Column
from ml_assets.serving.loaded import Loaded
from ml_assets.store import Handle, Store, VersionKey
from ml_assets.training.model import answered_classes, predict

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def tried(store: Store, problem: Problem, key: VersionKey, tolerance: float = 0.0) -> Loaded:
    """The model, once it has shown that it answers as it did.

    Args:
        tolerance: how far its answers may be from those of its evaluation; 0: not by a bit.
    Raises:
        Refused: if they are further apart.
        CorruptBlob, MissingBlob, FeatureMismatch, InvalidPrediction: if it cannot be loaded, or does not answer.
    """
    evaluation = newest_evaluation(store, key)
    if evaluation is None:
        trial = try_out(store, problem, key)
        table = store.load(trial.features)
        proof, probe = f"tried on {trial.rows:,} rows: nobody has evaluated it", table.features.head(1)
        return Loaded(problem, key, store.load(key), probe, proof, _keys(problem, table.keys))
    handle = Handle(store, key, "model")
    rows, model = judging_rows(handle.input("split")), handle.load()
    answers = predict(problem, model, rows.features, name=str(key))
    now = scored_rows(problem, rows, answers, classes=answered_classes(problem, model))
    recorded = store.field(store.manifest(evaluation).content, "scored", of=str(evaluation))
    apart = _apart(now, recorded)
    if apart is None or not apart <= tolerance:
        raise Refused(_difference(key, evaluation, apart, tolerance))
    proof = f"answers as its evaluation {evaluation.short} has it, on {len(now):,} rows"
    proof += ", bit for bit" if apart == 0 else f", to {apart:.3g}"
    return Loaded(problem, key, model, rows.features.head(1), proof, _keys(problem, rows.keys))


def _keys(problem: Problem, keys: pd.DataFrame) -> tuple[Column, ...]:
    """The columns that say of whom and of when a row is."""
    names = dict.fromkeys(name for name in (problem.entity, problem.event_time) if name is not None and name in keys)
    return tuple(Column(name, str(getattr(keys[name].dtype, "categories", keys[name]).dtype)) for name in names)


def _apart(now: pd.DataFrame, recorded: pd.DataFrame) -> float | None:
    """How far apart answers are at most, 0 if each bit is equal; None if they are of other rows."""
    columns = [str(name) for name in now if str(name).startswith("prediction")]
    same_rows = len(now) == len(recorded) and (now["entity"].to_numpy() == recorded["entity"].to_numpy()).all()
    if not same_rows or not set(columns) <= {*map(str, recorded)}:
        return None
    return max(_farthest(now[name].to_numpy(), recorded[name].to_numpy()) for name in columns)


def _farthest(one: np.ndarray, other: np.ndarray) -> float:
    import numpy as np

    if one.dtype == other.dtype and one.tobytes() == other.tobytes():
        return 0.0
    farthest = float(np.abs(one.astype(np.float64) - other.astype(np.float64)).max())
    return farthest or float(np.finfo(np.float64).tiny)  # other bits of one value: -0.0, another width


def _difference(key: VersionKey, evaluation: VersionKey, apart: float | None, tolerance: float) -> str:
    if apart is None:
        found = "the rows that judged it are not those of its split any more"
    else:
        found = f"an answer is {apart:.3g} from what its evaluation has, and {tolerance:g} is allowed"
    return (
        f"{key} does not answer as it did in its evaluation {evaluation.short}: {found}. Another code of predict, other packages "
        f"or another kind of processor answer otherwise. Judge it again here (ml-assets run {evaluation.asset} --partition "
        f"{evaluation.partition}), or serve with --tolerance."
    )
