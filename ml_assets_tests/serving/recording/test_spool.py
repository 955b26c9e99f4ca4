from __future__ import annotations

import os

import pytest

from ml_assets.serving.recording.spool import HEAD, Place, Writer, framed, read

FRAMES = [(b"c", b"columns"), (b"r", b"first"), (b"r", bytes(range(256)))]


@pytest.fixture
def place(tmp_path):
    return Place.new(tmp_path, "store main")


def test_frames_come_back_in_order_from_one_file_after_the_other(place):
    writer = Writer(place)
    for frame in FRAMES:
        writer.append(framed(*frame))
    writer.close()
    writer.append(framed(b"r", b"later"))

    first, second = place.files()
    assert (read(first), read(second)) == ((FRAMES, 0), ([(b"r", b"later")], 0))


def test_a_tail_that_is_torn_anywhere_is_cut_off_and_counted_and_all_before_it_is_kept(tmp_path):
    whole, file = [framed(*frame) for frame in FRAMES], tmp_path / "f"
    before, last = b"".join(whole[:2]), whole[2]
    for cut in range(len(last)):
        file.write_bytes(before + last[:cut])
        assert read(file) == (FRAMES[:2], cut)

    for damaged in (last[:-1] + b"x", b"\0" * 3 * HEAD.size, last[:20] + b"\0" * 40):  # a disk that lost bytes
        file.write_bytes(before + damaged)
        assert read(file) == (FRAMES[:2], len(damaged))


def test_a_disk_that_takes_a_part_of_a_frame_has_none_of_it(place, monkeypatch):
    writer, write = Writer(place), os.write
    writer.append(framed(*FRAMES[0]))
    with monkeypatch.context() as patched:
        patched.setattr(os, "write", lambda file, data: write(file, data[:5]))
        with pytest.raises(OSError, match=r"took 5 of \d+ bytes"):
            writer.append(framed(*FRAMES[1]))
    writer.append(framed(*FRAMES[2]))

    assert read(place.files()[0]) == ([FRAMES[0], FRAMES[2]], 0)


def test_a_place_is_its_processs_until_that_is_gone_and_then_one_others(tmp_path, place):
    Writer(place).append(framed(*FRAMES[0]))
    assert Place.left_behind(tmp_path, "store main") == []

    os.close(place.lock)  # as the end of a process does
    assert Place.left_behind(tmp_path, "store another-branch") == []
    (taken,) = Place.left_behind(tmp_path, "store main")
    assert taken.files() == place.files() and Place.left_behind(tmp_path, "store main") == []

    taken.files()[0].unlink()
    taken.let_go()
    assert [*tmp_path.iterdir()] == []
