"""A folder that ``mlflow.pyfunc.load_model`` loads, elsewhere, without an installation of ml_assets.

    MLmodel, requirements.txt …   MLflow's own: signature, input example, packages with their versions
    code/                         ml_assets and the problem's package, as they are now: ``predict`` is a function of theirs
    data/data/                    the model as the store keeps it, and which problem it is of; see ``served``

It is compared in a new process that imports this code, from this folder.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib import util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ml_assets.assets import noun_that
from ml_assets.computation.packages import package_versions, version_of
from ml_assets.computation.recipe import Recipe
from ml_assets.errors import Refused
from ml_assets.exports import kept, served
from ml_assets.exports.asked import Asked
from ml_assets.exports.imports import imported_with, name_of
from ml_assets.problem import Problem
from ml_assets.settings import environ_for_code_in
from ml_assets.store import encode

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PROCESS = Path(__file__).with_name("mlflow_process.py")
ALONE = {
    "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true",
    "ML_ASSETS_PROBLEMS": "",  # a stranger has named none
    "PYTHONDONTWRITEBYTECODE": "1",  # nothing is added to the folder by asking it
}  # fmt: skip
LAST_LINES = 15  # of what a process that failed has said
ALWAYS = ("blake3", "numpy", "pandas")
BY_CODEC: Mapping[str, tuple[str, ...]] = {
    "estimator": ("sklearn", "skops"), "xgboost": ("xgboost", "sklearn"), "lightgbm": ("lightgbm", "sklearn"),
    "catboost": ("catboost",), "onnx": ("onnx",), "tensors": ("torch", "safetensors"),
    "transformers": ("transformers", "tokenizers", "torch", "safetensors"), "table": ("pyarrow",), "tables": ("pyarrow",),
    "arrow": ("pyarrow",), "keras": ("keras", "torch", "safetensors"), "sparse": ("scipy",),
}  # fmt: skip


def write(asked: Asked, folder: Path) -> dict[str, Any]:
    """Write the folder; what ``export.json`` says of it."""
    if util.find_spec("mlflow") is None:
        raise Refused(
            "To write an MLflow folder, mlflow is needed, and it is not installed. Nothing was written. "
            "Install it: pip install 'ml_assets[mlflow]'."
        )
    recipe = Recipe(asked.problem, noun_that("trains"))
    files = recipe.source.files
    with TemporaryDirectory() as made:
        scratch = Path(made)
        _unpack(files, scratch / "code")
        module = module_of(asked.problem, files)
        content = _data(asked, scratch / "data", module)
        requirements = _requirements({*recipe.code.packages, *imported_with(module, files)}, content)
        _save(asked, scratch)
        paths = {name: str(scratch / name) for name in ("code", "data")}
        told = _carried_out(
            scratch, do="write", folder=str(folder), loader=served.__name__, requirements=requirements, **paths
        )
    return {
        "loads_with": "mlflow.pyfunc.load_model(FOLDER).predict(FRAME)",
        "requirements": requirements,
        "libraries": told,
    }


def answers(asked: Asked, folder: Path, description: Mapping[str, Any]) -> np.ndarray:
    """What a process elsewhere gets from the folder.

    Raises:
        Refused: if it does not load there.
    """
    import numpy as np

    with TemporaryDirectory() as made:
        scratch = Path(made)
        _save(asked, scratch)
        told = _carried_out(scratch, do="ask", folder=str(folder))
        if not Path(told["code"]).is_relative_to(folder.resolve()):
            raise Refused(f"Its code was taken from {told['code']}, not from the folder. Nothing was released.")
        found: np.ndarray = np.load(scratch / "answers.npy", allow_pickle=False)
        return found


def module_of(problem: Problem, files: Mapping[str, bytes]) -> str:
    """The module, among these source files, that holds the problem; rather the same one than a variant that has its name.

    Raises:
        Refused: if none of those that are imported does.
    """
    modules = sorted({name_of(path) for path in files if path.endswith(".py")} & set(sys.modules))
    held = [(one == problem, name) for name in modules for one in _problems_in(name) if one.name == problem.name]
    if held:
        return max(held, key=lambda found: found[0])[1]
    raise Refused(
        f"No module holds the problem {problem.name} under a name of its own, so nobody elsewhere could import it. Nothing was "
        "written. Define it at the top level of a module: PROBLEM = Problem(name=…)."
    )


def _problems_in(module: str) -> list[Problem]:
    return [one for one in vars(sys.modules[module]).values() if isinstance(one, Problem)]


def _unpack(files: Mapping[str, bytes], folder: Path) -> None:
    for path, data in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)


def _data(asked: Asked, folder: Path, module: str) -> dict[str, Any]:
    """Write the model and which problem it is of."""
    content = kept.write(encode(asked.model), folder / served.CONTENT)
    told = {"problem": asked.problem.name, "module": module, "content": content}
    (folder / served.FILE).write_text(json.dumps(told, indent=2), encoding="utf-8")
    return content


def _requirements(imported: set[str], content: Mapping[str, Any]) -> list[str]:
    """What its code imports, and what reading the model takes, as pip is told of it."""
    read_by = {module for codec in _codecs(content) for module in BY_CODEC.get(codec, ())}
    known = package_versions({*ALWAYS, *imported, *read_by})
    versions = {name: version_of(by).partition("+")[0] for name, by in known.items()}  # torch 2.13.0+cpu is its 2.13.0
    return [f"{name}=={version}" for name, version in sorted(versions.items()) if version[:1].isdigit()]


def _codecs(content: Any) -> Iterator[str]:
    """The codecs of a stored value and of all that is in it."""
    if isinstance(content, Mapping):
        if isinstance(content.get("codec"), str):
            yield content["codec"]
        for inner in content.values():
            yield from _codecs(inner)


def _save(asked: Asked, scratch: Path) -> None:
    import numpy as np

    _plain(asked.features).to_parquet(scratch / "rows.parquet")
    np.save(scratch / "source.npy", asked.answers, allow_pickle=False)


def _plain(features: pd.DataFrame) -> pd.DataFrame:
    """The rows with the values of categories: MLflow knows no others."""
    import pandas as pd

    dtypes = {name: dtype for name, dtype in features.dtypes.items() if isinstance(dtype, pd.CategoricalDtype)}
    values = {str(name): features[name].astype(_holding(dtype, features[name])) for name, dtype in dtypes.items()}
    return features.assign(**values)


def _holding(dtype: Any, column: pd.Series) -> Any:
    """The type of categories; floats for whole numbers of which some are missing."""
    values = dtype.categories.dtype
    return "float64" if values.kind in "iu" and column.hasnans else values


def _carried_out(scratch: Path, *, do: str, **asked: Any) -> dict[str, Any]:
    """What a process of MLflow's tells.

    Raises:
        Refused: if it failed.
    """
    told = scratch / f"{do}.json"
    answers = scratch / ("source.npy" if do == "write" else "answers.npy")
    request = {"do": do, "told": str(told), "rows": str(scratch / "rows.parquet"), "answers": str(answers), **asked}
    empty = scratch / "elsewhere"
    empty.mkdir(exist_ok=True)
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", str(PROCESS), json.dumps(request)],
        cwd=empty,
        env=environ_for_code_in(str(empty), ALONE),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode:
        last = "\n".join(done.stderr.splitlines()[-LAST_LINES:])
        what = "MLflow could not write the model" if do == "write" else "The folder does not load elsewhere"
        raise Refused(f"{what}. Nothing was released. The process that tried said:\n{last}")
    found: dict[str, Any] = json.loads(told.read_text())
    return found
