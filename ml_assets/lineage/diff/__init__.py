"""What differs between two versions of an asset, by what each question needs to know.

ingredients.py     params, seed, inputs, code version, packages: what decides about reuse
circumstances.py   commit, machine, packages, checks, notes: what does not
code.py            a readable diff of the code
rows.py            rows and columns, aligned by what identifies a row (alignment.py)
judged.py          metrics, slices, gates
predictions.py     answers that flipped
words.py           all of it in words
"""

from ml_assets.lineage.diff.versions import Diff, diff
from ml_assets.lineage.diff.words import Section, Table, sections, verdict

__all__ = ["Diff", "Section", "Table", "diff", "sections", "verdict"]
