"""`python -m benchmarks.lines`: how much code the starter's problem takes, and the same in plain Dagster and MLflow."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import ml_assets

OURS = Path(ml_assets.__file__).parent / "cli" / "starter" / "tumours.py.txt"
THEIRS = Path(__file__).parent / "peers" / "programs" / "dagster_mlflow.py"


def main() -> int:
    ours, theirs = lines_of_code(OURS.read_text()), lines_of_code(THEIRS.read_text())
    print(f"{ours} lines with ml_assets, {theirs} with Dagster and MLflow: {ours / theirs:.2f}")
    return 0


def lines_of_code(text: str) -> int:
    """The lines that hold any code: not blank ones, comments or docstrings; imports count."""
    tree = ast.parse(text)
    said = {line for node in ast.walk(tree) for line in _docstring(node)}
    held = {
        line for node in ast.walk(tree) if hasattr(node, "lineno") for line in range(node.lineno, node.end_lineno + 1)
    }
    written = {
        n for n, line in enumerate(text.splitlines(), start=1) if line.strip() and not line.strip().startswith("#")
    }
    return len(held & written - said)


def _docstring(node: ast.AST) -> range:
    body = getattr(node, "body", None)
    is_told = (
        isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant)
    )
    return (
        range(body[0].lineno, body[0].end_lineno + 1) if is_told and isinstance(body[0].value.value, str) else range(0)
    )


if __name__ == "__main__":
    sys.exit(main())
