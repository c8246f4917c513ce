"""Our own faults are none of the file: files wait, and it is said what is wrong."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from django.conf import LazySettings

from cameras.files import content
from cameras.media import decoder, decoder_process, decoder_self_test, file_types, formats, image_file, video
from cameras.media.decoder_process import DecoderProcess, DecoderUnavailableError
from tests import files

pytestmark = [pytest.mark.one_engine, pytest.mark.usefixtures("own_decoders")]

IMAGE: dict[str, Any] = {"max_bytes": 1 << 24, "max_pixels": 300_000_000}
DAMAGED = files.png().replace(b"IDAT", b"IDAx")


@pytest.fixture
def read(tmp_path: Path) -> Callable[[bytes], int]:
    """Reads a picture of these bytes; its width."""

    def read_one(data: bytes) -> int:
        path = tmp_path / "picture"
        path.write_bytes(data)
        with path.open("rb") as file:
            return decoder.read_image(file, name="a.jpg", **IMAGE).width

    return read_one


@pytest.mark.parametrize("name", decoder_self_test.ALL_FILES)
def test_each_test_file_is_valid_and_of_the_kind_in_its_name(name: str) -> None:
    with (decoder_self_test._FOLDER / name).open("rb") as file:
        found = file_types.identify(file.read(file_types.HEAD_BYTES), name)
        file.seek(0)
        if found.kind == "image":
            assert decoder_self_test._PICTURE_FILES[found.content_type] == name
            assert image_file.read_image(file, name=name, **IMAGE).width >= 640
        else:
            assert video.inspect_clip(file, name=name, **IMAGE).width >= 640


def test_a_damaged_file_is_blamed_where_a_good_one_can_be_read(read: Callable[[bytes], int]) -> None:
    with pytest.raises(formats.BrokenError):
        read(DAMAGED)
    assert decoder_self_test.current_failures() == ""


@pytest.mark.parametrize("megabytes", [8, 300])
def test_files_wait_while_the_memory_for_decoding_is_too_small(
    read: Callable[[bytes], int],
    settings: LazySettings,
    megabytes: int,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """8 MB: too little to start. 300: no more than the process has once it has started."""
    settings.DECODER_MEMORY_BYTES = megabytes << 20
    if megabytes == 300:
        monkeypatch.setattr(DecoderProcess, "program", "tests.cameras.media.short_child")
    caplog.set_level(logging.INFO, "cameras.media.decoder_self_test")
    for _ in range(2):
        with pytest.raises(DecoderUnavailableError):
            read(files.jpeg())
    assert decoder_self_test.current_failures()
    settings.DECODER_MEMORY_BYTES = 4 << 30
    monkeypatch.setattr(DecoderProcess, "program", "cameras.media.decoder_child")
    end_idle()
    assert read(files.jpeg()) == 320
    assert decoder_self_test.current_failures() == ""
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


def end_idle() -> None:
    while decoder_process._idle:
        decoder_process._idle.pop().end()


def test_files_wait_while_a_library_is_broken(
    read: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(DecoderProcess, "program", "tests.cameras.media.failing_child")
    with pytest.raises(DecoderUnavailableError, match="ImportError: libavcodec"):
        read(files.jpeg())
    assert "picture.jpg" in decoder_self_test.current_failures()
    assert "libavcodec" in caplog.text


def test_files_wait_while_no_decoder_can_be_started(
    read: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DecoderProcess, "program", "tests.cameras.media.importing_child")
    with pytest.raises(DecoderUnavailableError, match="cannot be started: ImportError: cannot import name 'imread'"):
        read(files.jpeg())
    assert "imread" in decoder_self_test.current_failures()


def test_a_decoder_that_is_killed_from_outside_is_reported(
    read: Callable[[bytes], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = DecoderProcess.request
    killed: list[int] = []

    def asked(child: DecoderProcess, file: BinaryIO, request: dict[str, Any]) -> Iterator[decoder_process.Reply]:
        if not killed:
            killed.append(child._process.pid)
            os.kill(child._process.pid, signal.SIGKILL)
            child._process.wait(10)
        return ask(child, file, request)

    monkeypatch.setattr(DecoderProcess, "request", asked)
    with pytest.raises(DecoderUnavailableError, match="short of memory"):
        read(files.jpeg())
    assert "killed" in decoder_self_test.current_failures()
    assert read(files.jpeg()) == 320
    assert decoder_self_test.current_failures() == ""


def test_a_clip_waits_where_clips_of_its_kind_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A library without H.265: which codec a damaged clip has is not known before it is decoded."""
    path = tmp_path / "a.mp4"
    path.write_bytes(files.mp4(tmp_path / "made.mp4").read_bytes().replace(b"stsz", b"stsx"))
    ask = DecoderProcess.request

    def asked(child: DecoderProcess, file: BinaryIO, request: dict[str, Any]) -> Iterator[decoder_process.Reply]:
        if request.get("name") == "hevc.265":
            return iter([({"error": "UnsupportedError", "detail": "of a kind that cannot be decoded"}, b"")])
        return ask(child, file, request)

    with path.open("rb") as file, pytest.raises(formats.BrokenError):
        decoder.inspect_clip(file, name="a.mp4", **IMAGE)
    monkeypatch.setattr(DecoderProcess, "request", asked)
    with path.open("rb") as file, pytest.raises(DecoderUnavailableError, match=r"hevc\.265"):
        decoder.inspect_clip(file, name="a.mp4", **IMAGE)
    frames: dict[str, Any] = {"interval_seconds": 1.0, "max_frames": 3, "max_pixels": 1 << 24}
    with path.open("rb") as file, pytest.raises(DecoderUnavailableError):
        list(decoder.sample_frames(file, sha256=content.digest(file), **frames))
