"""The watch over a landing folder: which file versions are new, late or changed. Knows no problem and no Dagster.

    found = look(landing, "bills", ("{partition}.parquet",), Watch(), store=store, now=now)
    found.partitions   those with a new file version                  -> start what is to be started
    found.watch        what has been seen, a few kilobytes of JSON    -> keep it: that is the commit
    version(…)         the version of a partition's files, if all are there and none is still being written

A *quick look* lists only after the newest files known (where keys grow, that is all there is to see), or takes the names from
a queue. A *full look* lists everything, compares it with all that was ever seen, and so finds late and corrected files. It
is due at first and then as often as it costs less than a twentieth of the time.

What was seen is compared by stamp, so each file version is found once; again only if it was deleted and put back. All of it
is in the store (``index.py``); the Watch holds the newest names and where the rest is. Nothing is lost in a crash: a Watch
that was not kept leaves the one before, and what happened since is found again. If the store lost its part, or the Watch
cannot be read, the watch starts anew and finds everything once more; who asked compares versions.
"""

from ml_assets.store.landing.watch.files import Files
from ml_assets.store.landing.watch.look import Found, look, version
from ml_assets.store.landing.watch.state import Watch

__all__ = ["Files", "Found", "Watch", "look", "version"]
