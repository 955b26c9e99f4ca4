"""One's own store over one that others share and one may only read: a laptop's over production's.

    refs/main/…                                       upstream's alone
    blobs, versions, environments, code, sources,
    computations, traces                              one's own, else upstream's
    refs/<branch>/…, runs/…, checkpoints/…            one's own alone

So ``main`` and its champions are upstream's as they are now, a branch begins from them as any branch does, and what upstream has
computed is not computed again. Nothing is ever written upstream; ``main`` moves there, by who may (pushing.py, merging.py).

Why not more: what others do on branches of upstream is theirs, and a branch of the same name is another one. A run is asked about
only from inside of it, and a training in flight belongs to the machine that trains: both would cost a request to learn nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

from ml_assets.errors import Refused, UnknownVersion
from ml_assets.store import probe
from ml_assets.store.backends.backend import Backend
from ml_assets.store.backends.listing import LAST, Entry
from ml_assets.store.backends.overlay import REFS, SHARED, Overlay
from ml_assets.store.keys import branch_folder

MAIN_FOLDER = branch_folder("main")


class Upstream(Overlay):
    """A backend: ``base`` is upstream, ``own`` is one's own.

    Raises:
        UnknownVersion: when it is first asked, if upstream holds no store.
        Refused: if ``main`` is to be moved.
    """

    def __init__(self, base: Backend, own: Backend) -> None:
        super().__init__(base, own)
        self._shared = (*SHARED, "computations", "traces")
        self._is_known = False

    def put_new(self, key: str, data: bytes) -> bool:
        """See ``Backend``."""
        self._refuse_main(key)
        return super().put_new(key, data)

    def delete(self, key: str) -> None:
        """See ``Backend``."""
        self._refuse_main(key)
        super().delete(key)

    def get(self, key: str, most: int | None = None) -> bytes | None:
        """See ``Backend``."""
        if key == probe.STORE:  # what is asked first
            self._refuse_no_store()
        return super().get(key, most)

    def list(self, folder: str, after: str | None = None) -> list[str]:
        """See ``Backend``."""
        if folder != REFS:
            return super().list(folder, after)
        own = (key for key in self.own.list(folder, after) if not _is_of_main(key))
        return sorted([*own, *self.base.list(MAIN_FOLDER, after)])

    def entries(self, folder: str, after: str = "", until: str = LAST, most: int | None = None) -> dict[str, Entry]:
        """See ``Backend``."""
        if folder != REFS:
            return super().entries(folder, after, until, most)
        own = {key: entry for key, entry in self.own.entries(folder, after, until).items() if not _is_of_main(key)}
        found = {**own, **self.base.entries(MAIN_FOLDER, after, until, most)}
        return dict(sorted(found.items())[:most])

    def within(self, seconds: float) -> Upstream:
        """See ``Backend``."""
        return Upstream(self.base.within(seconds), self.own.within(seconds))

    def _places(self, key: str) -> Sequence[Backend]:
        return (self.base,) if _is_of_main(key) else super()._places(key)

    def _refuse_main(self, key: str) -> None:
        if _is_of_main(key):
            raise Refused(
                f"main is that of {self.base.url}, which is only read here: nothing was changed. Work on a branch, "
                "ML_ASSETS_BRANCH=NAME, share it with ml-assets push, and let it be merged there."
            )

    def _refuse_no_store(self) -> None:
        if not self._is_known and not probe.is_store(self.base):
            raise UnknownVersion(f"There is no store at {self.base.url}. Is ML_ASSETS_UPSTREAM right?")
        self._is_known = True


def _is_of_main(key: str) -> bool:
    return f"{key}/".startswith(f"{MAIN_FOLDER}/")
