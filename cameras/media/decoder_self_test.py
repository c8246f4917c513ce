"""Self-test of the decoder: a small picture and a small clip of each kind that are known to be good.

One of them is decoded before a file is rejected. If that fails too, the fault is not in the file (too little memory, a
broken library, a process that cannot start), and the files wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cameras.media import file_types, formats
from cameras.media.decoder_process import DecoderCrashError, DecoderUnavailableError, borrow_process

logger = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent / "self_test_files"
_PICTURE_FILES = {file_types.JPEG: "picture.jpg", file_types.PNG: "picture.png", file_types.WEBP: "picture.webp"}
# What nearly every camera records. Only the decoder process may find out which codec a clip has.
_CLIP_FILES = ("h264.mp4", "hevc.265", "mjpeg.avi")
ALL_FILES = (*_PICTURE_FILES.values(), *_CLIP_FILES)
_PICTURE_TASKS = ("image", "pixels", "upright")
_CLIP_TASKS = ("clip", "frames", "frame")
_LIMITS = {"max_bytes": 1 << 20, "max_pixels": 1 << 22}
# Errors that blame the file after decoding. An empty, too large or wrong file is recognised before that.
_FILE_ERRORS = (formats.BrokenError, formats.TruncatedError, formats.UnsupportedError, DecoderCrashError)
_PROCESS = "process"

_lock = threading.Lock()
_failures: dict[str, str] = {}  # by test file, or `_PROCESS`


@contextmanager
def self_test_on_failure(file: BinaryIO, task: str) -> Iterator[None]:
    """Check the decoder when the block blames `file`. Raise `DecoderUnavailableError` if the decoder is at fault."""
    try:
        yield
    except DecoderUnavailableError as error:
        _record({_PROCESS: str(error)})
        raise
    except _FILE_ERRORS as error:
        # After a crash, test a new process: a used one may have been short of memory because of earlier files.
        _require_success(_test_files_for(file, task), fresh=isinstance(error, DecoderCrashError))
        raise
    if _failures:
        _record({_PROCESS: ""})
        _test([name for name in _test_files_for(file, task) if name in _failures])


def run_self_test() -> None:
    """Decode every test file. Raise `DecoderUnavailableError` if one fails."""
    _require_success(ALL_FILES, fresh=False)


def current_failures() -> str:
    """Describe what fails at the moment, as far as this process knows. Empty: nothing."""
    with _lock:
        return "; ".join(sorted(set(_failures.values())))


def _test_files_for(file: BinaryIO, task: str) -> tuple[str, ...]:
    """Return the test files that are decoded like `file`. Raise `OSError`."""
    if task in _CLIP_TASKS:
        return _CLIP_FILES
    if task not in _PICTURE_TASKS:
        return ()
    file.seek(0)
    file_type = file_types.try_identify(file.read(file_types.HEAD_BYTES))
    is_picture = file_type is not None and file_type.content_type in _PICTURE_FILES
    return (_PICTURE_FILES[file_type.content_type],) if file_type and is_picture else ()


def _require_success(names: Iterable[str], *, fresh: bool) -> None:
    """Raise `DecoderUnavailableError` if one of the test files cannot be decoded."""
    if failed := _test(names, fresh=fresh):
        raise DecoderUnavailableError(f"nothing of this kind can be decoded, files wait: {'; '.join(failed)}")


def _test(names: Iterable[str], *, fresh: bool = False) -> list[str]:
    causes = {name: _test_file(name, fresh=fresh) or "" for name in names}
    _record({name: cause and f"{name}: {cause}" for name, cause in causes.items()})
    return sorted({f"{name}: {cause}" for name, cause in causes.items() if cause})


def _test_file(name: str, *, fresh: bool) -> str:
    """Return why a test file cannot be decoded, or "". After a failure in a used process, try a new one."""
    cause = _decode(name, fresh=fresh)
    return _decode(name, fresh=True) if cause and not fresh else cause


def _decode(name: str, *, fresh: bool) -> str:
    task = "clip" if name in _CLIP_FILES else "image"
    request: dict[str, Any] = {"task": task, "name": name, **_LIMITS}
    try:
        with (_FOLDER / name).open("rb") as file, borrow_process(fresh=fresh) as process:
            try:
                header, _ = next(replies := process.request(file, request))
                if "error" in header:
                    raise DecoderUnavailableError(_error_text(header))
                next(replies)
            except DecoderCrashError as error:
                return process.last_error_line() or error.detail
    except OSError as error:
        return str(error)
    return ""


def _error_text(header: dict[str, Any]) -> str:
    if header["error"] == "MemoryError":
        return "it takes more memory than DECODER_MEMORY_BYTES"
    return f"{header['error']} {header.get('detail', '')}".strip()


def _record(causes: dict[str, str]) -> None:
    """Record what fails (by name; "" for success). Log once when failures begin, and once when they are over."""
    with _lock:
        was_failing = bool(_failures)
        for name, cause in causes.items():
            if cause:
                _failures[name] = cause
            else:
                _failures.pop(name, None)
        is_failing = bool(_failures)
    if is_failing and not was_failing:
        logger.error("Files cannot be decoded and wait. The fault is not in the files: %s", current_failures())
    elif was_failing and not is_failing:
        logger.info("Files can be decoded again")
