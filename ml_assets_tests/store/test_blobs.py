"""What a store has already is not sent again, and hardly read; what is damaged is mended or told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml_assets.errors import CorruptBlob
from ml_assets.store import open_backend, open_store
from ml_assets.store.backends.backend import PIECE
from ml_assets.store.backends.object_store import MOST_PARTS, PART, PARTS, part_size
from ml_assets.store.blobs import SAMPLE, SAMPLES, Blobs, spots
from ml_assets.store.canonical import digest
from ml_assets.store.keys import blob_key
from ml_assets.store.verification import Verification
from ml_assets_tests.doubles.bucket import Bucket

LARGE = bytes(range(256)) * (PIECE // 256 + 1)
KEY = blob_key(digest(LARGE))


def place(data: bytes, bucket: Bucket | None = None) -> Bucket:
    """A bucket where these bytes lie in place of the large blob."""
    bucket = bucket or Bucket()
    bucket.objects[KEY] = (data, 0.0)
    return bucket


@pytest.mark.parametrize("is_file", [False, True], ids=["bytes", "file"])
def test_a_large_blob_that_is_there_is_neither_sent_nor_read_again(is_file: bool, tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    blobs = Blobs(Bucket())
    source = tmp_path / "large" if is_file else LARGE
    first = blobs.write("x", source)
    assert blobs.backend.objects[KEY][0] == LARGE  # type: ignore[attr-defined]
    blobs.backend.asked.clear()  # type: ignore[attr-defined]
    assert blobs.write("x", source) == first
    assert blobs.backend.requests == {"head": 1, "get": SAMPLES}  # type: ignore[attr-defined]
    assert SAMPLES * SAMPLE <= 1 << 18


DAMAGES = {
    "empty": b"",
    "cut short": LARGE[:-1],
    "longer": LARGE + b"x",
    "zeros": bytes(len(LARGE)),
    "zeros from the middle on": LARGE[: PIECE // 2].ljust(len(LARGE), b"\0"),
    "something else": LARGE[::-1],
}


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("is_file", [False, True], ids=["bytes", "file"])
def test_a_large_blob_that_was_cut_filled_up_or_replaced_is_mended_by_storing_it_again(
    damage: str, is_file: bool, tmp_path: Path
) -> None:
    (tmp_path / "large").write_bytes(LARGE)
    bucket = place(DAMAGES[damage])
    file = Blobs(bucket).write("x", tmp_path / "large" if is_file else LARGE)
    assert Blobs(bucket).read(file) == LARGE


def test_one_of_which_a_single_byte_was_changed_is_found_by_a_read_that_says_what_to_do(tmp_path: Path) -> None:
    store = open_store(str(tmp_path))
    blobs = Blobs(store.backend)
    file = blobs.write("x", LARGE)
    at = spots(len(LARGE))[1] - 1
    (tmp_path / KEY).write_bytes(LARGE[:at] + b"?" + LARGE[at + 1 :])
    store.put(0)
    assert blobs.write("x", LARGE) == file, "which does not read it"
    with pytest.raises(CorruptBlob, match=r"or delete it and materialize a:1 again\.$"):
        blobs.read(file, of="a:1")
    assert [looked.key for looked in Verification(store).everything() if looked.fault] == [KEY]
    store.backend.delete(KEY)
    blobs.write("x", LARGE)
    assert blobs.read(file) == LARGE


def test_large_and_small_blobs_come_back_on_every_place(url: str) -> None:
    blobs = Blobs(open_backend(url))
    for data in (b"", b"x", LARGE[:PIECE], LARGE, LARGE * 3):
        for _ in range(2):
            file = blobs.write("x", data)
        assert blobs.read(file) == data
    assert blobs.backend.part(KEY, PIECE, 2 * PIECE) == LARGE[PIECE:]
    assert blobs.backend.part("blobs/nothing", 0, 1) is None


@pytest.mark.parametrize("size", [0, PIECE, 5 << 30, (5 << 40)])
def test_an_upload_has_no_more_parts_than_a_server_takes_and_none_is_too_large(size: int) -> None:
    assert -(-size // part_size(size)) <= MOST_PARTS
    assert PART <= part_size(size) <= 5 << 30


def test_an_object_of_more_parts_than_are_sent_at_the_same_time_is_whole(
    moto: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one beyond 5 GiB is."""
    from ml_assets_tests.doubles.s3 import BUCKET, create_bucket

    create_bucket(moto)
    for name, value in moto.items():
        monkeypatch.setenv(name, value)
    backend, data = open_backend(f"s3://{BUCKET}/parts"), LARGE * (PART * PARTS // PIECE + 1)
    backend.put_file("blobs/x", data)
    assert b"".join(backend.stream("blobs/x") or ()) == data
