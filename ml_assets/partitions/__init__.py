"""How a problem's data is cut: spans of time, a fixed list, a list that grows as files land, or spans of time by something.

To be imported from ``ml_assets.problem``.

Each kind answers the same questions (``kind.py``), so that nobody else asks which kind it is:

    keys, has, partition        which partitions there are, and what one of them covers
    line, window, previous      what belongs together: a *line* has one champion, and windows never leave it
    places, named               how the names of landed files and the keys of partitions belong together
    between, in_order           ranges as people write them, and the order in which partitions are made

    Monthly, Weekly, Daily, Hourly      one line through time
    Static, Dynamic                     each partition is a line of its own, without time
    Grid                                each value is a line of its own through time
"""

from ml_assets.partitions.calendar import Calendar, Daily, Hourly, Monthly, Weekly
from ml_assets.partitions.grid import Grid
from ml_assets.partitions.kind import PARTITION, Partition
from ml_assets.partitions.lists import Dynamic, Static

Partitions = Monthly | Weekly | Daily | Hourly | Static | Dynamic | Grid

__all__ = [
    "PARTITION",
    "Calendar",
    "Daily",
    "Dynamic",
    "Grid",
    "Hourly",
    "Monthly",
    "Partition",
    "Partitions",
    "Static",
    "Weekly",
]
