"""Whether we can decode at all: a small picture and a small clip of each kind that are known to be good.

One is read before a file is blamed. Where that fails as well, the fault is ours (too little memory, a broken library,
a process that cannot be started), and the files wait.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from cameras.media import file_types, formats
from cameras.media.decoder_process import KillsDecoderError, UnwellError, borrowed

logger = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent / "canaries"
_PICTURES = {file_types.JPEG: "picture.jpg", file_types.PNG: "picture.png", file_types.WEBP: "picture.webp"}
# What nearly every camera records. Which codec a clip has, only a process that decodes may find out.
_CLIPS = ("h264.mp4", "hevc.265", "mjpeg.avi")
ALL = (*_PICTURES.values(), *_CLIPS)
_WORK_OF_PICTURES = ("image", "pixels", "upright")
_WORK_OF_CLIPS = ("clip", "frames", "frame")
_LIMITS = {"max_bytes": 1 << 20, "max_pixels": 1 << 22}
# That a file is empty, too large or something else is seen before it is decoded.
_BLAME = (formats.BrokenError, formats.TruncatedError, formats.UnsupportedError, KillsDecoderError)
_PROCESS = "process"

_lock = threading.Lock()
_troubles: dict[str, str] = {}  # by canary, or `_PROCESS`


@contextmanager
def blaming(file: BinaryIO, work: str) -> Iterator[None]:
    """What is raised inside speaks against the file. Raises `UnwellError` instead where the fault is ours."""
    try:
        yield
    except UnwellError as error:
        _note({_PROCESS: str(error)})
        raise
    except _BLAME as error:
        # One that was in use may have been short of what the files before have taken.
        _require(_names_of(file, work), fresh=isinstance(error, KillsDecoderError))
        raise
    if _troubles:
        _note({_PROCESS: ""})
        _look([name for name in _names_of(file, work) if name in _troubles])


def look() -> None:
    """Read every canary. Raises `UnwellError`."""
    _require(ALL, fresh=False)


def troubles() -> str:
    """What is wrong at the moment, as this process knows; "" for nothing."""
    with _lock:
        return "; ".join(sorted(set(_troubles.values())))


def _names_of(file: BinaryIO, work: str) -> tuple[str, ...]:
    """Those that are read as this file is. Raises `OSError`."""
    if work in _WORK_OF_CLIPS:
        return _CLIPS
    if work not in _WORK_OF_PICTURES:
        return ()
    file.seek(0)
    found = file_types.find(file.read(file_types.HEAD_BYTES))
    return (_PICTURES[found.content_type],) if found and found.content_type in _PICTURES else ()


def _require(names: Iterable[str], *, fresh: bool) -> None:
    """Raise `UnwellError` where one of them cannot be read by a process that has read nothing else."""
    if sick := _look(names, fresh=fresh):
        raise UnwellError(f"nothing of this kind can be decoded, files wait: {'; '.join(sick)}")


def _look(names: Iterable[str], *, fresh: bool = False) -> list[str]:
    found = {name: _fault(name, fresh=fresh) or "" for name in names}
    _note({name: cause and f"{name}: {cause}" for name, cause in found.items()})
    return sorted({f"{name}: {cause}" for name, cause in found.items() if cause})


def _fault(name: str, *, fresh: bool) -> str:
    """Why this one cannot be read; "" where it can. A process that was in use has a second chance as a new one."""
    cause = _read(name, fresh=fresh)
    return _read(name, fresh=True) if cause and not fresh else cause


def _read(name: str, *, fresh: bool) -> str:
    work = "clip" if name in _CLIPS else "image"
    request: dict[str, Any] = {"work": work, "name": name, **_LIMITS}
    try:
        with (_FOLDER / name).open("rb") as file, borrowed(fresh=fresh) as child:
            try:
                facts, _ = next(answers := child.ask(file, request))
                if "error" in facts:
                    raise UnwellError(_said(facts))
                next(answers)
            except KillsDecoderError as error:
                return child.last_words() or error.detail
    except OSError as error:
        return str(error)
    return ""


def _said(facts: dict[str, Any]) -> str:
    if facts["error"] == "MemoryError":
        return "it takes more memory than DECODER_MEMORY_BYTES"
    return f"{facts['error']} {facts.get('detail', '')}".strip()


def _note(found: dict[str, str]) -> None:
    """Keep what is wrong (by name; "" where nothing is), and say it once when it begins and once when it is over."""
    with _lock:
        was = bool(_troubles)
        for name, cause in found.items():
            if cause:
                _troubles[name] = cause
            else:
                _troubles.pop(name, None)
        now = bool(_troubles)
    if now and not was:
        logger.error("Files cannot be decoded and wait, the fault is not in them: %s", troubles())
    elif was and not now:
        logger.info("Files can be decoded again")
