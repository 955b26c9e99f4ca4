"""The processes in which MLflow runs: one that writes a model folder, one that loads it and asks it, as a stranger would.

    python -P mlflow_process.py '{"do": "write" | "ask", …}'

Run as a file. It imports nothing of ml_assets, so that what answers is the code that lies in the folder. MLflow is imported only
here, because importing it starts threads of its own; whoever starts this process says in its variables that it reports to nobody.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

EXAMPLE_ROWS = 5


def write(asked: dict[str, Any]) -> dict[str, Any]:
    """Make the model folder from its data, its code, rows and answers."""
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    rows, answers = pd.read_parquet(asked["rows"]), np.load(asked["answers"], allow_pickle=False)
    mlflow.pyfunc.save_model(
        asked["folder"],
        loader_module=asked["loader"],
        data_path=asked["data"],
        code_paths=[str(path) for path in sorted(Path(asked["code"]).iterdir())],
        signature=infer_signature(rows, answers),
        input_example=rows.head(EXAMPLE_ROWS),
        pip_requirements=[f"mlflow-skinny=={mlflow.__version__}", *asked["requirements"]],
    )
    return {"mlflow": mlflow.__version__}


def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """Load the folder and save what it answers for rows; where its code came from, and which modules it took."""
    import mlflow.pyfunc
    import numpy as np
    import pandas as pd

    before = set(sys.modules)
    model = mlflow.pyfunc.load_model(asked["folder"])
    np.save(asked["answers"], model.predict(pd.read_parquet(asked["rows"])), allow_pickle=False)
    loaded = {name.partition(".")[0] for name in set(sys.modules) - before}
    return {"code": str(sys.modules["ml_assets"].__file__), "modules": sorted(loaded - sys.stdlib_module_names)}


if __name__ == "__main__":
    request = json.loads(sys.argv[1])
    Path(request["told"]).write_text(json.dumps({"write": write, "ask": ask}[request["do"]](request)))
