"""scikit-learn's ensembles that grow, saved while they do: they go on from their last trees after an interruption.

model = grow(HistGradientBoostingClassifier(max_iter=400, warm_start=True, random_state=run.seed), x, y, run)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ml_assets.errors import InvalidProblem
from ml_assets.problem import TrainingRun

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


def grow(
    estimator: Any, x: pd.DataFrame | np.ndarray, y: np.ndarray, run: TrainingRun, *, chunk: int = 20, **more: Any
) -> Any:
    """Fit an ensemble ``chunk`` trees at a time, saving through ``run.checkpoints`` in between.

    An interrupted one ends with the bits of one that was not, if ``chunk`` is the same. Other chunks may give other bits:
    each draws from ``random_state`` anew. The size of the ensemble is what it says; with early stopping it ends sooner.

    Args:
        estimator: a gradient boosting, forest or extra trees, with ``warm_start`` and a whole number as ``random_state``.
            It is fitted in place, unless a checkpoint has a further one.
        more: for its ``fit``, such as ``X_val`` and ``y_val``.
    Returns:
        the fitted estimator, which is another object where the training went on from a checkpoint.
    Raises:
        UnsupportedType: if it could not be stored; before the first tree.
        InvalidProblem: if it cannot be grown so. (Linear models and networks of scikit-learn start their chance and their
            step sizes anew in each ``fit``: use the torch loop.)
        Interrupted: if ``run.should_stop``, after it was saved.
    """
    run.check_storable(estimator)
    size = _size_of(estimator)
    most: int = estimator.get_params()[size]
    found = run.checkpoints.latest()
    done = found.step if found else 0
    estimator = found.state["estimator"] if found else estimator
    reports = found.state["reports"] if found else []
    for step, metrics in reports:  # curves, and whoever prunes by them, have no gap
        run.log(step, **metrics)
    while done < most:
        done = min(done + chunk, most)
        estimator.set_params(**{size: done}).fit(x, y, **more)
        reports.append([done, _told(estimator)])
        run.log(done, **reports[-1][1])
        if _trees(estimator) < done:
            break  # it stopped early
        if run.should_stop or run.checkpoints.is_due(done):
            run.checkpoints.save(done, {"estimator": estimator, "reports": reports})
        if run.should_stop:
            run.stop(done)
    return estimator.set_params(**{size: most})


def _size_of(estimator: Any) -> str:
    """What its number of trees is called.

    Raises:
        InvalidProblem: if it does not grow, or not in the same way each time.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    params = estimator.get_params()
    grows_by_iterations = isinstance(estimator, (HistGradientBoostingClassifier, HistGradientBoostingRegressor))
    size = "max_iter" if grows_by_iterations else "n_estimators"
    if size not in params or not params.get("warm_start") or not isinstance(params.get("random_state"), int):
        raise InvalidProblem(
            f"{estimator} cannot be saved while it grows. Give an ensemble of trees with warm_start=True and "
            "random_state=run.seed, such as HistGradientBoostingClassifier; others are fitted in one go."
        )
    return size


def _trees(estimator: Any) -> int:
    """How many it has: of several classes, how many rounds."""
    return int(estimator.n_iter_) if hasattr(estimator, "n_iter_") else len(estimator.estimators_)


def _told(estimator: Any) -> dict[str, float]:
    """Its scores so far, as losses, where it keeps them; how many trees it has in any case."""
    scores = {"train_loss": "train_score_", "validation_loss": "validation_score_"}
    kept: dict[str, Any] = {name: getattr(estimator, score, ()) for name, score in scores.items()}
    sign = -1 if hasattr(estimator, "n_iter_") else 1  # gradient boosting keeps losses, over histograms it keeps scores
    losses = {name: sign * float(values[-1]) for name, values in kept.items() if len(values)}
    return {"trees": _trees(estimator), **losses}
