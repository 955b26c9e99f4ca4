"""The tables that SQL sees, and the three sources that they are made of.

A source is one row per key of the store: per manifest (with lists inside: its inputs, metrics, …), per move of a ref, per
entry of a run's log. Lists become tables of their own.
No column is called ``by`` or ``at``: SQL reserves these words, and people would have to quote them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ml_assets.store import records

if TYPE_CHECKING:
    import pyarrow as pa

FORMAT = 1  # to be raised when rows.py gives other values to the same columns

Columns = Mapping[str, str]  # name -> type


@dataclass(frozen=True)
class Table:
    """A table, the source that it comes from, and its columns in order.

    Attributes:
        inside: it has one row per item of the source's list of this name, beside the version; empty: one per row.
    """

    name: str
    about: str
    source: records.Root
    columns: Columns
    inside: str = ""

    @property
    def select(self) -> str:
        """How it is made of the source's rows."""
        if not self.inside:
            return f"SELECT {', '.join(self.columns)} FROM source"  # noqa: S608  # names are ours
        items = ", ".join(f"item.{name}" for name in self.columns if name != "version")
        return f"SELECT version, {items} FROM (SELECT version, unnest({self.inside}) AS item FROM source)"  # noqa: S608


TABLES = (
    Table(
        "versions",
        "everything that was ever made, refused versions included",
        "versions",
        {
            "version": "string",
            "asset": "string",
            "problem": "string",
            "noun": "string",
            "partition": "string",
            "created_at": "time",
            "who": "string",
            "branch": "string",
            "run": "string",
            "rejected": "bool",
            "digest": "string",
            "bytes": "whole",
            "codec": "string",
            "seed": "whole",
            "environment": "string",
            "computation": "string",
            "code": "string",
            "git_commit": "string",
            "why": "string",
            "wall_seconds": "number",
            "cpu_seconds": "number",
            "gpu_seconds": "number",
            "peak_memory_mib": "number",
        },
    ),
    Table(
        "inputs",
        "which exact versions a version was made from",
        "versions",
        {
            "version": "string",
            "name": "string",
            "input_version": "string",
            "input_asset": "string",
            "input_partition": "string",
            "digest": "string",
        },
        inside="inputs",
    ),
    Table(
        "landed",
        "which files from outside a version was made from",
        "versions",
        {"version": "string", "name": "string", "digest": "string", "bytes": "whole"},
        inside="landed",
    ),
    Table(
        "metrics",
        "numbers that judge a version; what is nested is called rows/train",
        "versions",
        {
            "version": "string",
            "metric": "string",
            "value": "number",
            "low": "number",
            "high": "number",
            "baseline": "number",
        },
        inside="metrics",
    ),
    Table(
        "params",
        "parameters: as JSON, and as a number where they are one",
        "versions",
        {"version": "string", "name": "string", "value": "string", "number": "number"},
        inside="params",
    ),
    Table(
        "checks",
        "what was checked before a version was published",
        "versions",
        {"version": "string", "name": "string", "passed": "bool", "blocking": "bool", "description": "string"},
        inside="checks",
    ),
    Table(
        "files",
        "the files that a version's value consists of",
        "versions",
        {"version": "string", "path": "string", "digest": "string", "bytes": "whole"},
        inside="files",
    ),
    Table(
        "moves",
        "every move of a ref; kind and as_of are those of champions (asset problem/ledger), proposals and refusals move nobody",
        "refs",
        {
            "branch": "string",
            "asset": "string",
            "problem": "string",
            "partition": "string",
            "n": "whole",
            "version": "string",
            "kind": "string",
            "as_of": "string",
            "who": "string",
            "why": "string",
            "moved_at": "time",
            "run": "string",
        },
    ),
    Table(
        "runs",
        "what each run made or reused; 100,000 of them take some seconds to list",
        "runs",
        {
            "run": "string",
            "asset": "string",
            "problem": "string",
            "partition": "string",
            "version": "string",
            "reused": "bool",
            "saved_seconds": "number",
            "who": "string",
            "why": "string",
            "recorded_at": "time",
        },
    ),
)


def schema(source: records.Root) -> pa.Schema:
    """A source's columns: the key and its stamp, then those of its tables, lists for what lies inside."""
    import pyarrow as pa

    types = {
        "string": pa.string(),
        "number": pa.float64(),
        "whole": pa.int64(),
        "bool": pa.bool_(),
        "time": pa.timestamp("us"),
    }
    fields = [pa.field("key", pa.string()), pa.field("stamp", pa.string())]
    for table in (table for table in TABLES if table.source == source):
        columns = [pa.field(name, types[of]) for name, of in table.columns.items()]
        inside = [column for column in columns if column.name != "version"]
        fields += [pa.field(table.inside, pa.list_(pa.struct(inside)))] if table.inside else columns
    return pa.schema(fields)
