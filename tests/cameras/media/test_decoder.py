"""Decoding in a process of its own: the same results and errors, and what becomes of files that kill it."""

from __future__ import annotations

import errno
import io
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pytest
from django.conf import LazySettings
from PIL import Image

from cameras.files import content
from cameras.media import decoder, decoder_process, formats, image_file, video
from tests import files

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("own_decoders")]

IMAGE: dict[str, Any] = {"max_bytes": 1 << 24, "max_pixels": 300_000_000}
FRAMES: dict[str, Any] = {"interval_seconds": 1.0, "max_frames": 5, "max_pixels": 10_000_000}


@pytest.fixture
def stored(tmp_path: Path) -> Callable[[bytes], Path]:
    def store(data: bytes) -> Path:
        path = tmp_path / "file"
        path.write_bytes(data)
        return path

    return store


def clip(folder: Path) -> bytes:
    return files.mp4(folder / "made.mp4", frames=20, rate=5).read_bytes()


def pid() -> int:
    (child,) = decoder_process._idle
    return child._process.pid


def test_a_picture_and_a_clip_are_read_as_without_it(stored: Callable[[bytes], Path], tmp_path: Path) -> None:
    with stored(files.jpeg()).open("rb") as file:
        assert decoder.read_image(file, name="a.jpg", **IMAGE) == image_file.read_image(file, name="a.jpg", **IMAGE)
    first = pid()
    with stored(clip(tmp_path)).open("rb") as file:
        assert decoder.inspect_clip(file, name="a.mp4", **IMAGE) == video.inspect_clip(file, name="a.mp4", **IMAGE)
        ours = list(decoder.sample_frames(file, sha256=content.digest(file), **FRAMES))
        theirs = list(video.sample_frames(file, **FRAMES))
    assert [frame.offset_seconds for frame in ours] == [frame.offset_seconds for frame in theirs]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(ours, theirs, strict=True))
    assert pid() == first


def test_the_time_of_the_exif_data_comes_along(stored: Callable[[bytes], Path]) -> None:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = "2026:03:01 12:30:00"
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48)).save(buffer, "JPEG", exif=exif)
    with stored(buffer.getvalue()).open("rb") as file:
        still = decoder.read_image(file, name="a.jpg", **IMAGE)
    assert str(still.exif_time) == "2026-03-01 12:30:00"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"", formats.EmptyError),
        (files.jpeg()[:-200], formats.TruncatedError),
        (b"GIF89a" * 100, formats.RenamedError),
        (files.png().replace(b"IDAT", b"IDAx"), formats.BrokenError),
    ],
)
def test_the_error_of_a_file_reaches_the_caller(
    stored: Callable[[bytes], Path], data: bytes, fault: type[formats.MediaFaultError]
) -> None:
    name = "a.png" if data.startswith(b"\x89PNG") else "a.jpg"
    with stored(data).open("rb") as file, pytest.raises(fault) as told:
        decoder.read_image(file, name=name, **IMAGE)
    with stored(data).open("rb") as file, pytest.raises(fault) as expected:
        image_file.read_image(file, name=name, **IMAGE)
    assert told.value.detail == expected.value.detail
    assert len(decoder_process._idle) == 1


def test_a_file_that_cannot_be_read_is_no_fault_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(files.jpeg())
    with os.fdopen(os.open(path, os.O_WRONLY), "wb") as file, pytest.raises(OSError, match="descriptor") as told:
        decoder.read_image(file, name="a.jpg", **IMAGE)
    assert told.value.errno == errno.EBADF


def test_a_picture_that_takes_too_long_is_refused_and_the_next_one_is_read(
    stored: Callable[[bytes], Path], settings: LazySettings
) -> None:
    settings.DECODER_CPU_SECONDS = 0  # the kernel counts whole seconds: at most one more
    with (
        stored(files.costly_png(13_000, depth=16)).open("rb") as file,
        pytest.raises(decoder_process.DecodingLimitError, match="longer than 0 s") as told,
    ):
        decoder.read_image(file, name="a.png", **IMAGE)
    assert (told.value.reason, told.value.retryable) == ("kills_decoder", False)
    with stored(files.jpeg()).open("rb") as file:
        assert decoder.read_image(file, name="a.jpg", **IMAGE).width


def test_a_picture_that_takes_too_much_memory_is_refused(
    stored: Callable[[bytes], Path], settings: LazySettings
) -> None:
    settings.DECODER_MEMORY_BYTES = 400 * 1024**2
    with (
        stored(files.costly_png(13_000, depth=16)).open("rb") as file,
        pytest.raises(decoder_process.DecodingLimitError, match="DECODER_MEMORY_BYTES"),
    ):
        decoder.read_image(file, name="a.png", **IMAGE)


def killed_in_the_middle(monkeypatch: pytest.MonkeyPatch, number: signal.Signals, times: int = 1) -> list[int]:
    """The next `times` decoders are ended by this signal when they have a request; their process ids."""
    killed: list[int] = []
    ask = decoder_process.DecoderProcess.request

    def asked(
        child: decoder_process.DecoderProcess, file: BinaryIO, request: dict[str, Any]
    ) -> Iterator[decoder_process.Reply]:
        if len(killed) < times:
            killed.append(child._process.pid)
            child._process.send_signal(number)
            child._process.wait(10)
        return ask(child, file, request)

    monkeypatch.setattr(decoder_process.DecoderProcess, "request", asked)
    return killed


def test_a_decoder_that_dies_once_is_no_fault_of_the_file(
    stored: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = killed_in_the_middle(monkeypatch, signal.SIGSEGV)
    with stored(files.jpeg()).open("rb") as file:
        assert decoder.read_image(file, name="a.jpg", **IMAGE).width
    assert len(killed) == 1


def test_a_file_of_which_it_dies_twice_is_refused(
    stored: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = killed_in_the_middle(monkeypatch, signal.SIGSEGV, times=2)
    with (
        stored(files.jpeg()).open("rb") as file,
        pytest.raises(decoder_process.DecoderCrashError, match="SIGSEGV") as told,
    ):
        decoder.read_image(file, name="a.jpg", **IMAGE)
    assert len(set(killed)) == 2
    assert told.value.retryable
    assert pid() not in killed  # a new one has read the picture that is known to be good


def test_a_decoder_that_is_killed_from_outside_does_not_blame_the_file(
    stored: Callable[[bytes], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    killed_in_the_middle(monkeypatch, signal.SIGKILL)
    with stored(files.jpeg()).open("rb") as file, pytest.raises(OSError, match="tried again"):
        decoder.read_image(file, name="a.jpg", **IMAGE)


def test_one_that_died_while_it_was_idle_is_replaced(stored: Callable[[bytes], Path]) -> None:
    with stored(files.jpeg()).open("rb") as file:
        decoder.read_image(file, name="a.jpg", **IMAGE)
        first = pid()
        os.kill(first, signal.SIGKILL)
        decoder_process._idle[0]._process.wait(10)
        decoder.read_image(file, name="a.jpg", **IMAGE)
    assert pid() != first


def test_frames_that_are_no_longer_needed_end_with_their_process(
    stored: Callable[[bytes], Path], tmp_path: Path
) -> None:
    with stored(clip(tmp_path)).open("rb") as file:
        frames = decoder.sample_frames(file, sha256=content.digest(file), **FRAMES)
        next(frames)
        frames.close()
    assert decoder_process._idle == []


def test_no_more_are_kept_than_are_worth_it(stored: Callable[[bytes], Path]) -> None:
    path = stored(files.jpeg())
    with ThreadPoolExecutor(4) as pool, ExitStack() as opened:
        together = threading.Barrier(4)

        def read(file: BinaryIO) -> int:
            with decoder_process.borrow_process():
                together.wait(20)
            return decoder.read_image(file, name="a.jpg", **IMAGE).width

        widths = list(pool.map(read, [opened.enter_context(path.open("rb")) for _ in range(4)]))
    assert widths == [320] * 4
    assert len(decoder_process._idle) == decoder_process.MAX_IDLE


def test_it_ignores_the_signals_that_are_for_the_one_who_asks(stored: Callable[[bytes], Path]) -> None:
    with stored(files.jpeg()).open("rb") as file:
        decoder.read_image(file, name="a.jpg", **IMAGE)
        first = pid()
        os.kill(first, signal.SIGTERM)
        os.kill(first, signal.SIGINT)
        decoder.read_image(file, name="a.jpg", **IMAGE)
    assert pid() == first


def test_it_has_no_secret_and_ends_with_the_one_who_asks(stored: Callable[[bytes], Path]) -> None:
    with stored(files.jpeg()).open("rb") as file:
        decoder.read_image(file, name="a.jpg", **IMAGE)
    names = {entry.partition(b"=")[0] for entry in Path(f"/proc/{pid()}/environ").read_bytes().split(b"\0") if entry}
    assert names <= {b"PATH", b"OPENBLAS_NUM_THREADS", b"LC_CTYPE"}
    child = decoder_process._idle.pop()
    child._socket.close()
    assert child._process.wait(10) == 0
