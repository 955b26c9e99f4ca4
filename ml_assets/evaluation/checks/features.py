"""Are the features fit to learn from?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ml_assets.evaluation.checks.outcome import CheckOutcome

if TYPE_CHECKING:
    import pandas as pd


def features_sound(features: pd.DataFrame, n_rows: int) -> CheckOutcome:
    """One row of features per row of data, every column once, nothing infinite, no column without any value."""
    import numpy as np

    metadata = {"rows": len(features), "missing": _missing_shares(features)}
    faults = []
    if len(features) != n_rows:
        faults.append(f"{len(features):,} rows of features for {n_rows:,} rows of data")
    twice = sorted({str(name) for name in features.columns[features.columns.duplicated()]})
    if twice:
        faults.append(f"several columns are called {', '.join(twice)}")
    else:
        numbers = features.select_dtypes("number")
        infinite = [
            str(name) for name in numbers if np.isinf(numbers[name].to_numpy(dtype=float, na_value=np.nan)).any()
        ]
        empty = [str(name) for name in features if len(features) and features[name].isna().all()]
        faults += [f"infinite values in {', '.join(infinite)}"] if infinite else []
        faults += [f"no value at all in {', '.join(empty)}"] if empty else []
    if faults:
        return CheckOutcome(
            "features_sound", False, True, f"{'; '.join(faults)}. Mend the features function.", metadata
        )
    said = f"{len(features.columns)} features of {n_rows:,} rows, none infinite or without any value."
    return CheckOutcome("features_sound", True, True, said, metadata)


def _missing_shares(features: pd.DataFrame) -> dict[str, float]:
    shares = zip(features.columns, features.isna().mean(), strict=True)
    return {str(name): round(float(share), 4) for name, share in shares if share > 0}
