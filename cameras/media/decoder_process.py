"""The processes that decode: started when they are needed, kept for the next file, and ended with this one."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, BinaryIO

from django.conf import settings

from cameras.media import decoder_wire, formats, sandbox
from hsi.outbound.error_responses import one_line

logger = logging.getLogger(__name__)

# By the wall, so long a file may take: it may lie on a slow share.
PATIENCE_SECONDS = 600.0
# Processes that are kept while there is nothing to do.
MOST_IDLE = 2
END_SECONDS = 5.0
_LAST_WORDS_BYTES = 64 * 1024
_LONGEST_WORDS = 200
Answer = tuple[dict[str, Any], bytes]


class KillsDecoderError(formats.MediaFaultError):
    """The file ends the process that decodes it."""

    reason = "kills_decoder"
    retryable = True


class TooCostlyError(KillsDecoderError):
    """Decoding takes more than a process that decodes may have."""

    retryable = False


class TakesTooLongError(TooCostlyError):
    """Decoding takes longer than DECODER_CPU_SECONDS of a processor."""


class TakesTooMuchError(TooCostlyError):
    """Decoding takes more memory than DECODER_MEMORY_BYTES."""


class UnwellError(OSError):
    """Nothing can be decoded at the moment, and no file is at fault: files wait."""


class Child:
    """One process that decodes, one file at a time. Raises `UnwellError` where none can be started."""

    program = "cameras.media.decoder_child"

    def __init__(self) -> None:
        self._peer, theirs = socket.socketpair()
        self._peer.settimeout(PATIENCE_SECONDS)
        limits = (theirs.fileno(), settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
        words, theirs_to_say = os.pipe()
        self._words = open(words, "rb", buffering=0)  # noqa: SIM115, PTH123 (closed by `end`)
        for handle in (words, theirs_to_say):  # who does not listen must not stop who speaks
            os.set_blocking(handle, False)
        try:
            self._process = self._started(theirs, theirs_to_say, limits)
        except OSError as error:
            self._peer.close()
            self._words.close()
            raise UnwellError(f"the decoder cannot be started: {error}") from error
        try:
            facts, _, _ = decoder_wire.receive(self._peer)
        except (OSError, EOFError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):  # it says why before it ends
                self._process.wait(END_SECONDS)
            cause = self.last_words() or f"it ended with status {self._process.poll()}"
            self.end()
            raise UnwellError(f"the decoder cannot be started: {cause}") from error
        self.walls = sandbox.Walls(**facts)
        if not self.walls.files:
            _warn_of_no_walls()

    def _started(self, theirs: socket.socket, words: int, limits: tuple[int, ...]) -> subprocess.Popen[bytes]:
        with theirs, open(words, "wb") as stderr:
            return subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", self.program, *map(str, limits)],
                cwd=settings.BASE_DIR,
                env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )

    def ask(self, file: BinaryIO, request: dict[str, Any]) -> Iterator[Answer]:
        """Its results; the last has no facts or an error. Raises `KillsDecoderError`, or `OSError` for want of one."""
        file.seek(0)
        try:
            decoder_wire.send(self._peer, request, file=file.fileno())
            while True:
                facts, body, _ = decoder_wire.receive(self._peer)
                yield facts, body
                if not facts or "error" in facts:
                    return
        except TimeoutError as error:
            raise OSError(f"no answer of the decoder within {PATIENCE_SECONDS:.0f} s") from error
        except (EOFError, ConnectionError) as error:
            raise self._death() from error

    def _death(self) -> Exception:
        """What its end says of the file: SIGKILL comes from outside, as when the machine is short of memory."""
        try:
            status = self._process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            return OSError("the decoder says nothing more and does not end: the file is tried again")
        if status == -signal.SIGKILL:
            return UnwellError("the decoder was killed, as the machine does when it is short of memory: tried again")
        if status == -signal.SIGXCPU:
            return TakesTooLongError(f"decoding takes longer than {settings.DECODER_CPU_SECONDS} s of a processor")
        if status == 0:
            return UnwellError("the decoder has ended: the file is tried again")
        ended = signal.Signals(-status).name if status < 0 else f"status {status}"
        return KillsDecoderError(f"the decoder ended with {ended}")

    def last_words(self) -> str:
        """The last line that it has written to its standard error."""
        with contextlib.suppress(OSError, ValueError):
            lines = (self._words.read(_LAST_WORDS_BYTES) or b"").decode(errors="replace").split("\n")
            return next((one_line(line, _LONGEST_WORDS) for line in reversed(lines) if line.strip()), "")
        return ""

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._peer.close()
        self._words.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it waits for a disk that does not answer
            self._process.wait(END_SECONDS)


@cache
def _warn_of_no_walls() -> None:
    """Once a process."""
    logger.warning("What decodes the cameras' files is not kept from reading ours: see `manage.py check`")


_idle: list[Child] = []
_lock = threading.Lock()
os.register_at_fork(after_in_child=_idle.clear)


@contextmanager
def borrowed(*, fresh: bool = False) -> Iterator[Child]:
    """A process for one request. One that was left in the middle of it is of no use any more.

    `fresh`: one that has read nothing before.
    """
    with _lock:
        child = _idle.pop() if _idle and not fresh else None
    if child and not child.lives:
        child.end()
        child = None
    child = child or Child()
    try:
        yield child
    except BaseException:
        child.end()
        raise
    with _lock:
        if len(_idle) < MOST_IDLE:
            _idle.append(child)
            return
    child.end()


def walls() -> sandbox.Walls:
    """What keeps the processes that decode from our files. One is started where there is none. May raise `OSError`."""
    with borrowed() as child:
        return child.walls
