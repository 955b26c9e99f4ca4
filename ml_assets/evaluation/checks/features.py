"""Are the features fit to learn from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.evaluation.checks.outcome import CheckOutcome, some
from ml_assets.problem import FeatureTable

if TYPE_CHECKING:
    import pandas as pd

SHARES_KEPT = 50  # of the columns with the most missing values


def features_sound(table: FeatureTable, n_rows: int) -> CheckOutcome:
    """One row of features per row of data, every column once, nothing infinite, no column without any value.

    A column without any value blocks where rows could train on it. Of rows without any label (the next month's schedule) it
    only warns: what such a column needs, the weather for one, may not have happened yet.
    """
    import numpy as np

    features = table.features
    metadata = {"rows": len(features), "missing": _missing_shares(features)}
    faults, empty = _faults(features, n_rows), _empty(features)
    if faults or (empty and not np.isnan(table.label).all()):
        said = f"{'; '.join(faults + empty)}. Mend the features function."
        return CheckOutcome("features_sound", False, True, said, metadata)
    if empty:
        said = f"{'; '.join(empty)}. The rows have no labels yet: they are scored without, and train nothing."
        return CheckOutcome("features_sound", False, False, said, metadata)
    said = f"{len(features.columns)} features of {n_rows:,} rows, none infinite or without any value."
    return CheckOutcome("features_sound", True, True, said, metadata)


def _faults(features: pd.DataFrame, n_rows: int) -> list[str]:
    """What no model could use, labelled or not."""
    import numpy as np

    faults = [f"{len(features):,} rows of features for {n_rows:,} rows of data"] if len(features) != n_rows else []
    twice = _twice(features)
    if twice:
        return [*faults, f"several columns are called {some(twice)}"]
    numbers = features.select_dtypes("number")
    infinite = [str(name) for name in numbers if np.isinf(numbers[name].to_numpy(dtype=float, na_value=np.nan)).any()]
    return faults + ([f"infinite values in {some(infinite)}"] if infinite else [])


def _empty(features: pd.DataFrame) -> list[str]:
    """The columns without any value, as at most one fault."""
    if not len(features) or _twice(features):
        return []
    empty = [str(name) for name in features if features[name].isna().all()]
    return [f"no value at all in {some(empty)}"] if empty else []


def _twice(features: pd.DataFrame) -> list[str]:
    return sorted({str(name) for name in features.columns[features.columns.duplicated()]})


def _missing_shares(features: pd.DataFrame) -> dict[str, float]:
    shares = zip(features.columns, features.isna().mean(), strict=True)
    most_first = sorted(shares, key=lambda pair: -pair[1])
    return {str(name): round(float(share), 4) for name, share in most_first[:SHARES_KEPT] if share > 0}
