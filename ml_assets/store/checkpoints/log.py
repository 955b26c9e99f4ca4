"""The states of a computation in flight: whoever starts the same computation again goes on from the newest whole one.

    checkpoints/<computation>/<step>-<digest>      one blob each, named by its digest: created once, verified on reading

Its bytes are whole or not there, and older ones are deleted only after a newer one is, so that a crash anywhere leaves the
last whole state. Two processes that compute the same do not disturb each other: what they save of one step is equal or lies
side by side. The two newest stay: one that was damaged costs an interval, not the training.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from ml_assets.errors import CorruptBlob, UnreadableContent, UnsupportedType, Untrusted
from ml_assets.store.backends.backend import Backend, create
from ml_assets.store.blobs import repair
from ml_assets.store.canonical import digest
from ml_assets.store.checkpoints.packing import pack, unpack
from ml_assets.store.keys import checkpoint_folder

logger = logging.getLogger(__name__)

KEPT = 2  # of one computation
LOOKS = 3  # at a folder in which another process deletes what was just listed
_NAME = re.compile(r"(\d{12})-([0-9a-f]{64})")


class Saved(NamedTuple):
    """A state.

    Attributes:
        step: after how many steps.
        state: what was saved.
        interruptions: how often the computation had been begun again by then.
    """

    step: int
    state: Any
    interruptions: int


@dataclass(frozen=True)
class CheckpointLog:
    """The states of one computation, by its key."""

    backend: Backend
    computation: str

    def save(self, step: int, state: Any, *, interruptions: int = 0) -> None:
        """Keep a state, whole or not at all, and let go of all but the newest.

        Raises:
            UnsupportedType: if it holds something that cannot be kept.
            StoreUnreachable: if the store does not answer; what was kept before still is.
        """
        data = pack({"step": step, "interruptions": interruptions}, state)
        key = f"{self._folder}/{step:012d}-{digest(data)}"
        if create(self.backend, key, data) is not None:
            repair(self.backend, key, data, digest(data))
        for old in self._keys()[:-KEPT]:
            if old != key:  # of a process that is behind another one
                self.backend.delete(old)

    def latest(self) -> Saved | None:
        """The newest state that is whole; damaged ones are passed over, and said in the log. None if there is none."""
        damaged: set[str] = set()
        for _ in range(LOOKS):
            keys = [key for key in self._keys() if key not in damaged]
            for key in reversed(keys):
                found, is_there = self._read(key)
                if found is not None:
                    return found
                damaged |= {key} if is_there else set()
        return None

    def forget(self) -> None:
        """Delete them all: the computation is done."""
        for key in self.backend.list(self._folder):
            self.backend.delete(key)

    @property
    def _folder(self) -> str:
        return checkpoint_folder(self.computation)

    def _keys(self) -> list[str]:
        """Oldest first."""
        return [key for key in self.backend.list(self._folder) if _NAME.fullmatch(key.rpartition("/")[2])]

    def _read(self, key: str) -> tuple[Saved | None, bool]:
        """The state, if it is whole, and whether there is one."""
        try:
            data = self.backend.get(key)
            return (None if data is None else self._whole(key, data)), data is not None
        except (CorruptBlob, UnreadableContent, UnsupportedType, Untrusted) as error:
            logger.warning("The checkpoint %s/%s is passed over. %s", self.backend.url, key, error)
            return None, True

    @staticmethod
    def _whole(key: str, data: bytes) -> Saved:
        if digest(data) != key.rpartition("-")[2]:
            raise UnreadableContent(f"It reads back as {digest(data)}: it was changed after it was written.")
        facts, state = unpack(data)
        match facts:
            case {"step": int(step), "interruptions": int(interruptions)}:
                return Saved(step, state, interruptions)
        raise UnreadableContent("It does not say after how many steps it was saved: it was written by something else.")
