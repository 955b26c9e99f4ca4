#!/usr/bin/env bash
# LightGBM 4.7.0, LGBMClassifier.fit: with labels that are text, validation rows work as eval_set and not as eval_X and eval_y.
#
# fit warns that eval_set is deprecated, "use 'eval_X' and 'eval_y' instead". The labels of eval_set are encoded as those of y
# are; those of eval_y are handed on as they are: text is a ValueError. So whoever heeds the warning breaks a training that works.
# Seen: "eval_set trains", "eval_y: ValueError".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'lightgbm==4.7.0' scikit-learn 2>/dev/null
said=$("$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
from lightgbm import LGBMClassifier

x = np.random.default_rng(0).normal(size=(200, 2))
y = np.array(["no", "yes"])[(x[:, 0] > 0).astype(int)]

def trained(**validation):
    try:
        LGBMClassifier(n_estimators=2, verbose=-1).fit(x, y, **validation)
        return "trains"
    except ValueError as error:
        return type(error).__name__

print(trained(eval_set=[(x, y)]), trained(eval_X=(x,), eval_y=(y,)))
PY
)
echo "LightGBM 4.7.0: $said"
[ "$said" = "trains ValueError" ] || { echo "this has changed" >&2; exit 1; }
