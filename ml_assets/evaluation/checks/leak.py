"""Is a feature the answer in disguise?

Each feature alone is asked for the label. Its values (numbers cut at MOST_LEVELS quantiles; *missing* is a value of its own)
are turned into the label's mean per value, learned on one half of the rows and applied to the other. That finds a relation of
any shape and type, and a feature that is missing exactly when the answer is yes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.evaluation.checks.outcome import CheckOutcome
from ml_assets.evaluation.metrics import AUROC, value
from ml_assets.problem import FeatureTable, Task

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_ROWS = 20_000  # enough to see a leak; more only costs time
FEWEST_ROWS = 50  # of fewer, a feature may tell every label by chance
MOST_LEVELS = 100
FEATURES_SHOWN = 10


def no_single_feature_predicts_too_well(table: FeatureTable, task: Task, limit: float) -> CheckOutcome:
    """No feature alone tells the label: what does was most likely known only after the outcome.

    Strength is the AUROC for a binary label, |Spearman's correlation| for regression, and for several classes the balanced
    accuracy of each value's most frequent class. Rows without a label are left out; of many rows, a fixed sample is used.

    Args:
        limit: strength from which a feature is taken for a leak.
    """
    rows = _sample(table)
    if len(rows) < FEWEST_ROWS or (rows.label == rows.label[0]).all():
        said = f"Not looked for: {len(rows):,} labelled rows, too few or all with one label."
        return CheckOutcome("leak", True, True, said, {"limit": limit, "rows": len(rows), "strongest": {}})
    half = _halves(len(rows))
    strength = {str(name): _strength(_levels(rows.features[name]), half, rows.label, task) for name in rows.features}
    ranked = dict(sorted(strength.items(), key=lambda item: -item[1]))
    shown = {name: round(score, 4) for name, score in list(ranked.items())[:FEATURES_SHOWN]}
    leaks = [f"{name} ({score:.3f})" for name, score in ranked.items() if score >= limit]
    passed = not leaks
    return CheckOutcome(
        "leak",
        passed,
        True,
        _no_leak(ranked, limit) if passed else _leak(leaks, limit),
        {"limit": limit, "rows": len(rows), "strongest": shown},
    )


def _no_leak(ranked: dict[str, float], limit: float) -> str:
    strongest = "".join(f"; the strongest is {name} with {score:.3f}" for name, score in list(ranked.items())[:1])
    return f"No feature alone tells the label with a strength of {limit:g}{strongest}."


def _leak(leaks: list[str], limit: float) -> str:
    return (
        f"Features that alone tell the label with a strength of {limit:g} or more: {', '.join(leaks)}. "
        "Ask when each became known: if after the outcome, remove it from the features function; if before, as of a level "
        "that persists, raise leak_strength or waive the check."
    )


def _sample(table: FeatureTable) -> FeatureTable:
    """At most MOST_ROWS labelled rows, the same ones every time."""
    import numpy as np

    known = np.flatnonzero(~np.isnan(table.label))
    if len(known) > MOST_ROWS:
        known = np.sort(np.random.default_rng(0).choice(known, MOST_ROWS, replace=False))
    return table.rows(known)


def _halves(n: int) -> np.ndarray:
    import numpy as np

    in_first: np.ndarray = np.random.default_rng(0).permutation(n) < n // 2
    return in_first


def _levels(feature: pd.Series) -> np.ndarray:
    """A small whole number per row: 0 where missing, equal for equal values (or values of one quantile)."""
    import numpy as np
    import pandas as pd

    kind = pd.api.types
    has_order = kind.is_numeric_dtype(feature) or feature.dtype.kind in "mM"
    code, values = pd.factorize(feature, sort=has_order)
    if has_order and len(values) > MOST_LEVELS:
        cuts = np.unique(np.quantile(code[code >= 0], np.linspace(0, 1, MOST_LEVELS)))
        code = np.where(code < 0, -1, np.searchsorted(cuts, code))
    level: np.ndarray = code + 1
    return level


def _strength(level: np.ndarray, half: np.ndarray, label: np.ndarray, task: Task) -> float:
    import numpy as np

    if task == "binary":
        return value(AUROC, label, _cross_fitted(level, half, label))
    if task == "regression":
        return _correlation_of_ranks(_cross_fitted(level, half, label), label)
    classes, of = np.unique(label, return_inverse=True)
    share = np.stack([_cross_fitted(level, half, of == k) for k in range(len(classes))])  # (classes, n)
    hits = np.bincount(of, weights=share.argmax(axis=0) == of)
    return float((hits / np.bincount(of)).mean())


def _cross_fitted(level: np.ndarray, half: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Mean of ``target`` among the other half's rows of the same level; the other half's mean where there are none."""
    import numpy as np

    fitted = np.empty(len(level))
    for learn in (half, ~half):
        counts = np.bincount(level[learn], minlength=level.max() + 1)
        sums = np.bincount(level[learn], weights=target[learn], minlength=level.max() + 1)
        mean = np.where(counts > 0, sums / np.maximum(counts, 1), target[learn].mean())
        fitted[~learn] = mean[level[~learn]]
    return fitted


def _correlation_of_ranks(a: np.ndarray, b: np.ndarray) -> float:
    """|Spearman's correlation|; 0 where one is constant."""
    import numpy as np
    import pandas as pd

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(abs(np.corrcoef(pd.Series(a).rank(), pd.Series(b).rank())[0, 1]))
