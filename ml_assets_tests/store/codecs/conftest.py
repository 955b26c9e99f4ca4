"""What is set before the tests of this folder are loaded: Keras looks once, when it is imported.

(Not by assigning to ``os.environ``: that would make it a part of every problem beside it that looks there.)
"""

from __future__ import annotations

import pytest

pytest.MonkeyPatch().setenv("KERAS_BACKEND", "torch")  # for good
