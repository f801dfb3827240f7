"""The files of a score log: whole lines, a bound that holds, nothing lost to a restart."""

from __future__ import annotations

import fcntl
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier_service.score_log.files import Files, TooLarge


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


def opened(folder: Path) -> Files:

    return Files(folder, max_bytes=1000, rotate_bytes=300, rotate_s=60.0, clock=Clock())


def write(files: Files, text: bytes) -> None:
    files.ready(len(text))
    files.append(text)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def text(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.iterdir()))


@settings(max_examples=25, deadline=None)  # disks take their time
@given(lengths=st.lists(st.integers(1, 300), max_size=60))
def test_the_bound_holds_after_every_line(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    files = opened(folder)
    for number, length in enumerate(lengths):
        write(files, b"%03d" % number + b"x" * (length - 1) + b"\n")
        assert size(folder) <= 1000
    files.close()
    kept = [int(line[:3]) for line in text(folder).splitlines()]
    assert kept == list(range(len(lengths)))[len(lengths) - len(kept) :]


def test_a_file_is_closed_before_it_grows_too_large(tmp_path: Path) -> None:
    files = opened(tmp_path)
    for _ in range(4):
        write(files, b"x" * 149 + b"\n")
    files.close()
    assert [path.stat().st_size for path in sorted(tmp_path.iterdir())] == [300, 300]


def test_a_file_is_closed_when_its_time_is_over(tmp_path: Path) -> None:
    clock = Clock()
    files = Files(tmp_path, max_bytes=1000, rotate_bytes=300, rotate_s=60.0, clock=clock)
    write(files, b"line\n")
    clock.now += 59
    files.close_if_old()
    assert [path.suffix for path in tmp_path.iterdir()] == [".open"]
    clock.now += 1
    files.close_if_old()
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]


def test_a_line_larger_than_the_log_is_refused_and_removes_nothing(tmp_path: Path) -> None:
    files = opened(tmp_path)
    write(files, b"line\n")
    with pytest.raises(TooLarge):
        files.ready(1001)
    assert text(tmp_path) == b"line\n"


def test_what_a_lost_writer_left_is_closed_without_its_half_line(tmp_path: Path) -> None:
    left = tmp_path / "score-20260101T000000.000000Z-0000.jsonl.open"
    left.write_bytes(b"whole\n{half")
    opened(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".jsonl"]
    assert text(tmp_path) == b"whole\n"


def test_a_file_that_another_writer_has_open_is_left_alone(tmp_path: Path) -> None:
    other = opened(tmp_path)
    write(other, b"theirs\n")
    opened(tmp_path)
    assert [path.suffix for path in tmp_path.iterdir()] == [".open"]


def test_a_new_file_that_another_writer_took_for_left_behind_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = fcntl.flock

    def lock_too_late(descriptor: int, how: int) -> None:
        monkeypatch.undo()
        next(tmp_path.iterdir()).unlink()
        lock(descriptor, how)

    files = opened(tmp_path)
    monkeypatch.setattr(fcntl, "flock", lock_too_late)
    write(files, b"a line\n")
    files.close()
    assert text(tmp_path) == b"a line\n"


def test_a_file_that_somebody_removed_is_begun_anew(tmp_path: Path) -> None:
    files = opened(tmp_path)
    write(files, b"gone\n")
    for path in tmp_path.iterdir():
        path.unlink()
    write(files, b"here\n")
    assert text(tmp_path) == b"here\n"


def test_a_file_that_somebody_emptied_is_not_gone_on_with(tmp_path: Path) -> None:
    """What stands at the beginning of a file holds for its other lines."""
    files = opened(tmp_path)
    write(files, b"first\n")
    next(tmp_path.iterdir()).write_bytes(b"")
    files.ready(7)
    assert files.empty


def test_a_write_does_not_look_at_all_other_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An idle service closes a file an hour: thousands, after some months."""
    files = opened(tmp_path)
    write(files, b"first\n")
    monkeypatch.setattr(Path, "glob", None)
    write(files, b"second\n")
    assert next(tmp_path.iterdir()).read_bytes() == b"first\nsecond\n"


def test_nobody_else_may_read_the_files(tmp_path: Path) -> None:
    write(opened(tmp_path), b"line\n")
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_a_line_that_does_not_fit_the_disk_leaves_no_half_of_itself(tmp_path: Path) -> None:
    files = opened(tmp_path)
    write(files, b"whole\n")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(OSError, match="too large"):
            files.append(b"too long for it\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    files.append(b"again\n")
    assert text(tmp_path) == b"whole\nagain\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError):
        opened(tmp_path)
