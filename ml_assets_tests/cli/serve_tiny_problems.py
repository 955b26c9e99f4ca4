"""`ml-assets serve` with the tiny problems instead of the shipped ones, as a process of its own."""

from __future__ import annotations

import sys

from ml_assets import problems
from ml_assets.cli import main
from ml_assets_tests.conftest import PROBLEMS

if __name__ == "__main__":
    problems.PROBLEMS = PROBLEMS
    sys.exit(main(["serve", *sys.argv[1:]]))
