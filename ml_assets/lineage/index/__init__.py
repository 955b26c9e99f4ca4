"""A local, incremental copy of what a store has recorded, as columns: what SQL runs on.

    rows.py       a manifest or a log's entry -> plain values; ``tables.py`` says which columns they become
    segments.py   where the columns are kept: immutable files named by their digest, safe with many processes at once
    update.py     list keys, read what is new, forget what is gone

The copy is a cache. It can be deleted at any time; what of it is damaged, or was written by another version of ml_assets,
is made again; where it cannot be written, everything is read each time.
"""
