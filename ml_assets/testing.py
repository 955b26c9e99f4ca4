"""What every codec promises, as a test: for ours, and for those of your own. It needs no pytest. See docs/CODECS.md.

from ml_assets.testing import check_codec

def test_my_model_is_stored():
    check_codec(train(), same=lambda a, b: (a.predict(X) == b.predict(X)).all(), twins=[train()])
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ml_assets.errors import UnreadableContent
from ml_assets.store import Encoded, Parts, canonical, decode, digest, encode

PICKLE = b"\x80"  # the first byte of each pickle since protocol 2
WRONG: tuple[Any, ...] = (3, None, [], {}, "os.system")  # in place of what a codec remembers
NO_FILE = b"\xff" * 64


def check_codec(
    value: Any, *, same: Callable[[Any, Any], bool], twins: Iterable[Any] = (), codec: str = "", n_flips: int = 20
) -> str:
    """The digest of ``value`` as its codec writes it, after all that a codec promises was tried.

    Args:
        same: whether a loaded value is as the first one was: types, parameters, answers to the last bit.
        twins: values that were made as ``value`` was, and so must have its digest: a second training, other threads.
        codec: which one takes it; empty: any.
        n_flips: how many times bytes of each file are changed at random: what comes of it is a value or a refusal.
    Raises:
        AssertionError: if a promise is broken; it says which.
    """
    encoded = encode(value)
    _must(codec in ("", encoded.codec), f"the codec {encoded.codec} took it, not {codec}")
    files, written = _files(encoded), digest_of(value)
    _must(digest_of(value) == written, "storing a value twice gives two digests: it is changed, or left to chance")
    loaded = _read(encoded.codec, encoded.meta, files)
    _must(type(loaded) is type(value), f"a {type(value).__name__} comes back as a {type(loaded).__name__}")
    _must(bool(same(value, loaded)), "what comes back is not the same")
    _must(digest_of(loaded) == written, "what comes back has another digest than what was stored")
    for n, twin in enumerate(twins):
        _must(digest_of(twin) == written, f"twin {n} has another digest")
    _must(not any(data.startswith(PICKLE) for data in files.values()), "a file looks like a pickle")
    _check_hostile(encoded, files)
    _try_flips(encoded, files, n_flips)
    return written


def digest_of(value: Any) -> str:
    """The digest of what the codec of ``value`` writes: equal for equal values, in any process."""
    encoded = encode(value)
    files = {path: digest(data) for path, data in sorted(_files(encoded).items())}
    return digest(canonical({"codec": encoded.codec, "meta": dict(encoded.meta), "files": files}))


def _files(encoded: Encoded) -> dict[str, bytes]:
    return {path: part if isinstance(part, bytes) else part.read_bytes() for path, part in encoded.parts.items()}


def _read(codec: str, meta: Mapping[str, Any], files: Mapping[str, bytes]) -> Any:
    return decode(codec, meta, Parts.of(files))


def _check_hostile(encoded: Encoded, files: Mapping[str, bytes]) -> None:
    for path, data in files.items():
        for other in _others(data):
            refused = _is_refused(encoded.codec, encoded.meta, {**files, path: other})
            _must(refused, f"{path} was loaded from {len(other)} bytes in place of its {len(data)}: {other[:20]!r}…")
        rest = {name: data for name, data in files.items() if name != path}
        _is_refused(encoded.codec, encoded.meta, rest)
    for name in encoded.meta:
        for wrong in WRONG:
            _is_refused(encoded.codec, {**encoded.meta, name: wrong}, files)
    _is_refused(encoded.codec, {}, files)


def _others(data: bytes) -> Iterator[bytes]:
    """What is not the file, though intact: nothing, its beginning, more than it, something else."""
    chance = random.Random(0)  # noqa: S311  # the same bytes each time
    yield from (b"", data[: len(data) // 2], data[: len(data) * 9 // 10], NO_FILE, chance.randbytes(256))


def _try_flips(encoded: Encoded, files: Mapping[str, bytes], n_flips: int) -> None:
    chance = random.Random(0)  # noqa: S311
    for path in sorted(files):
        for _ in range(n_flips if files[path] else 0):
            changed = bytearray(files[path])
            for _ in range(chance.choice((1, 1, 4))):
                changed[chance.randrange(len(changed))] = chance.randrange(256)
            _is_refused(encoded.codec, encoded.meta, {**files, path: bytes(changed)})


def _is_refused(codec: str, meta: Mapping[str, Any], files: Mapping[str, bytes]) -> bool:
    """Whether these files are refused, by the error that says so: any other error goes to the caller."""
    try:
        _read(codec, meta, files)
    except UnreadableContent:
        return True
    return False


def _must(holds: bool, otherwise: str) -> None:
    if not holds:
        raise AssertionError(otherwise)
