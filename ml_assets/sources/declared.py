"""What a problem says of its sources, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from ml_assets.errors import InvalidProblem

SAME = "{partition}"  # partition of what is shared
SHARED = ("dataset", "features", "predictions")
COMPRESSED = (".gz", ".bz2", ".zst")
FORMATS: Mapping[str, str] = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".feather": "arrow",
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff"), "images"),
}


@dataclass(frozen=True)
class Files:
    """Landed files, below the problem's landing folder.

    Attributes:
        pattern: the name, with ``{partition}`` for the key of a partition as in ``Problem.files``: ``bills/{partition}.csv``.
            The ending tells how it is read: ``.parquet``, ``.csv``, ``.tsv``, ``.jsonl`` (an object on each line), ``.arrow``,
            and each of these compressed, ``.csv.gz``. A folder of this name with part files in it is one table. So are the
            files of a name with ``*``, which comes after the partition and stands for anything but a ``/``:
            ``bills/{partition}/*.csv``, ``pictures/{partition}/*/*.png``. Those that begin with ``_`` or ``.`` are none of them.
        format: ``parquet``, ``csv``, ``jsonl``, ``arrow`` or ``images``, where the name has no such ending: of a folder of part
            files as Hive and Spark name them, ``Files("bills/month={partition}", format="parquet")``; of pictures of many
            kinds, ``Files("pictures/{partition}/*/*", format="images")``.
        separator, decimal, encoding: of ``.csv``, see ``Source.csv``. A ``.tsv`` is separated by tabs.
        types: column -> pandas type, where the problem's schema does not say it: ``{"shop": "str"}``. What a text file holds is
            never guessed.
    """

    pattern: str
    format: str = ""
    separator: str = ""
    decimal: str = "."
    encoding: str = "utf-8"
    types: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def read_as(self) -> str:
        """``parquet``, ``csv``, ``jsonl``, ``arrow`` or ``images``; empty for what is none of these."""
        return self.format or format_of(self.pattern)

    def faults(self, name: str) -> list[str]:
        """What makes no sense, as sentences."""
        if self.read_as in FORMATS.values():
            return []
        known = ", ".join(sorted({*FORMATS.values()}))
        return [
            f"the source {name!r} is the file {self.pattern!r}, and {self.format or 'its ending'!r} tells no format. Endings are "
            f"{', '.join(FORMATS)}, each also with {' or '.join(COMPRESSED)}; for a folder say format=…: {known}."
        ]


@dataclass(frozen=True)
class Sql:
    """The rows of a query, kept as a version before anything is made of them.

    In the query ``:start`` and ``:end`` stand for when the partition begins and ends (UTC), ``:partition`` for its key, and the
    names of a ``Grid`` for its parts. Only reading is allowed: the session is one that cannot write.

    Attributes:
        query: a select.
        connection: name of the variable of the environment that holds the URL of the database, as SQLAlchemy writes it:
            ``WAREHOUSE_URL``. The URL, which has a password, is neither recorded nor shown. PostgreSQL, SQLite and DuckDB are
            read without a detour; others by the driver that SQLAlchemy finds. Empty: DuckDB over ``files`` alone.
        watermark: a cheap query of what changes when the partition's rows do, with the same names in it:
            ``select count(*), max(updated_at) from bills where billed_at >= :start and billed_at < :end``. With it, late and
            corrected rows are followed, and what has not changed is not read again. Without it, a partition is read once
            when its time has passed, and again when somebody materializes it.
        files: name in the query -> pattern of landed Parquet or CSV files that DuckDB reads under this name.
        timeout_seconds: a query that takes longer is ended, and the run fails.
    """

    query: str
    connection: str = ""
    watermark: str = ""
    files: Mapping[str, str] = field(default_factory=dict, hash=False)
    timeout_seconds: float = 3600.0

    def faults(self, name: str) -> list[str]:
        """What makes no sense, as sentences."""
        if "://" in self.connection:
            return [
                f"the source {name!r} has an address in connection, which may hold a password. Put it into a variable of the "
                "environment, and give that variable's name: connection='WAREHOUSE_URL'."
            ]
        if not self.connection and not self.files:
            return [f"the source {name!r} has neither connection nor files: nobody knows what to ask."]
        return []


@dataclass(frozen=True)
class Upstream:
    """What an asset of somebody else's holds, kept as a version before anything is made of it. Of another problem's: ``Shared``.

    Attributes:
        asset: its key, ``marts/orders``, in the Dagster project that these problems are part of, see ``definitions_for``.
        query: how its rows are read, where it is a table that its IO manager does not give: a dbt model, a table of DuckDB. None:
            as its IO manager gives it; several partitions are put together in order of their keys.
        partition_mapping: Dagster's, from a partition of the problem to those of the asset. None: the same partition, or all of
            an asset that has none.
    """

    asset: str
    query: Sql | None = None
    partition_mapping: Any = field(default=None, compare=False)

    @property
    def path(self) -> list[str]:
        """The parts of its key."""
        return self.asset.split("/")

    def faults(self, name: str) -> list[str]:
        """What makes no sense, as sentences."""
        if not all(self.path):
            return [f"the source {name!r} is of the asset {self.asset!r}, which is no key: write it like marts/orders."]
        return self.query.faults(name) if self.query else []


@dataclass(frozen=True)
class Shared:
    """What another problem, or a feature group, of the same code location made: read as the version that it is, without a copy.

    Attributes:
        asset: ``weather/dataset``; of a problem also ``flight_delays/predictions``, which the champion of before the partition
            made, and ``flight_delays/features``: the keys and the features, not the label.
        lookback: how many partitions before the one that is made are read as well, in one table, oldest first.
        partition: which of its partitions is read: the same, ``{partition}``; of a ``Grid`` by one of its parts, ``{month}``; or
            always one, ``all``.
    """

    asset: str
    lookback: int = 0
    partition: str = SAME

    @property
    def owner(self) -> str:
        """The name of the problem or group that makes it."""
        return self.asset.partition("/")[0]

    @property
    def noun(self) -> str:
        """Which of its assets it is."""
        return self.asset.partition("/")[2]

    def faults(self, name: str) -> list[str]:
        """What makes no sense, as sentences."""
        if not self.owner or self.noun not in SHARED:
            return [
                f"the source {name!r} shares {self.asset!r}; of a problem or a feature group {', '.join(SHARED)} can be shared: "
                "write it like weather/dataset."
            ]
        if self.lookback < 0:
            return [f"the source {name!r} has lookback={self.lookback}; it counts partitions before, from 0."]
        if self.lookback and self.partition != SAME:
            return [
                f"the source {name!r} has lookback={self.lookback} and reads the partition {self.partition!r}; only where the "
                f"same partition is read, {SAME!r}, there are some before it."
            ]
        return []


Declared = Files | Sql | Upstream | Shared


def recorded_sources(sources: Mapping[str, Declared]) -> dict[str, Sql | Upstream]:
    """Those whose rows are kept as a version."""
    return {name: source for name, source in sources.items() if isinstance(source, Sql | Upstream)}


def shared_sources(sources: Mapping[str, Declared]) -> dict[str, Shared]:
    """Those that are versions already."""
    return {name: source for name, source in sources.items() if isinstance(source, Shared)}


def parameter(source: str) -> str:
    """What a function that is given a source calls it: none is called ``context``."""
    return f"source_{source}"


def format_of(name: str) -> str:
    """What a file holds, by the ending of its name; empty if that tells nothing."""
    endings = PurePosixPath(name).suffixes
    if endings and endings[-1] in COMPRESSED:
        endings.pop()
    return FORMATS.get(endings[-1], "") if endings else ""


def source_faults(sources: Mapping[str, Declared]) -> list[str]:
    """What makes no sense in the sources of a problem."""
    if not isinstance(sources, Mapping):
        return ["sources maps names to Files(…), Sql(…), Upstream(…) or Shared(…)."]
    odd = [name for name, one in sources.items() if not isinstance(one, Files | Sql | Upstream | Shared)]
    nameless = [name for name in sources if not (isinstance(name, str) and name.isidentifier())]
    return [
        *(f"the source {name!r} is neither Files(…), Sql(…), Upstream(…) nor Shared(…)." for name in odd),
        *(f"the name of a source must be an identifier, such as bills; {name!r} is none." for name in nameless),
        *(fault for name, one in sources.items() if name not in odd for fault in one.faults(str(name))),
    ]


def no_source(name: str, sources: Mapping[str, Declared]) -> InvalidProblem:
    """That a problem has no source of this name."""
    known = ", ".join(sources) or "none"
    return InvalidProblem(
        f"The problem has no source {name!r}; it has {known}. Declare it: sources={{{name!r}: Files(…)}}."
    )
