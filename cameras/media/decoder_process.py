"""The decoder processes, seen from this side: start one on demand, keep it for the next file, end it with this one."""

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

from cameras.media import decoder_protocol, formats, sandbox
from hsi.outbound.error_responses import one_line

logger = logging.getLogger(__name__)

# Wall-clock limit for one reply. The file may be on a slow share.
REPLY_TIMEOUT_SECONDS = 600.0
MAX_IDLE = 2  # processes that are kept while there is nothing to decode
EXIT_TIMEOUT_SECONDS = 5.0
_STDERR_BYTES = 64 * 1024
_MAX_LINE = 200
Reply = tuple[dict[str, Any], bytes]


class DecoderCrashError(formats.MediaFaultError):
    """The file crashes the decoder process."""

    reason = "kills_decoder"
    retryable = True


class DecodingLimitError(DecoderCrashError):
    """Decoding needs more than a decoder process may use."""

    retryable = False


class DecodingTimeLimitError(DecodingLimitError):
    """Decoding takes longer than DECODER_CPU_SECONDS of processor time."""


class DecodingMemoryLimitError(DecodingLimitError):
    """Decoding needs more memory than DECODER_MEMORY_BYTES."""


class DecoderUnavailableError(OSError):
    """Nothing can be decoded now, and no file is at fault. Files wait."""


class DecoderProcess:
    """One decoder process, for one file at a time. Raises `DecoderUnavailableError` if it cannot be started."""

    program = "cameras.media.decoder_child"

    def __init__(self) -> None:
        self._socket, child_socket = socket.socketpair()
        self._socket.settimeout(REPLY_TIMEOUT_SECONDS)
        limits = (child_socket.fileno(), settings.DECODER_CPU_SECONDS, settings.DECODER_MEMORY_BYTES)
        stderr, child_stderr = os.pipe()
        self._stderr = open(stderr, "rb", buffering=0)  # noqa: SIM115, PTH123 (closed by `end`)
        for descriptor in (stderr, child_stderr):  # a full pipe must not block the child
            os.set_blocking(descriptor, False)
        try:
            self._process = self._start(child_socket, child_stderr, limits)
        except OSError as error:
            self._socket.close()
            self._stderr.close()
            raise DecoderUnavailableError(f"the decoder cannot be started: {error}") from error
        try:
            header, _, _ = decoder_protocol.receive(self._socket)
        except (OSError, EOFError) as error:
            with contextlib.suppress(subprocess.TimeoutExpired):  # the child prints the cause before it ends
                self._process.wait(EXIT_TIMEOUT_SECONDS)
            cause = self.last_error_line() or f"it ended with status {self._process.poll()}"
            self.end()
            raise DecoderUnavailableError(f"the decoder cannot be started: {cause}") from error
        self.restrictions = sandbox.Restrictions(**header)
        if not self.restrictions.files:
            _warn_unrestricted()

    def _start(self, child_socket: socket.socket, stderr: int, limits: tuple[int, ...]) -> subprocess.Popen[bytes]:
        with child_socket, open(stderr, "wb") as stderr_file:
            return subprocess.Popen(  # noqa: S603 (our own program)
                [sys.executable, "-m", self.program, *map(str, limits)],
                cwd=settings.BASE_DIR,
                env={"PATH": os.defpath, "OPENBLAS_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr_file,
                pass_fds=[child_socket.fileno()],
                start_new_session=True,
            )

    def request(self, file: BinaryIO, request: dict[str, Any]) -> Iterator[Reply]:
        """Yield the replies. The header of the last one is empty or has an error.

        Raise `DecoderCrashError`, or `OSError` if there is no reply.
        """
        file.seek(0)
        try:
            decoder_protocol.send(self._socket, request, file=file.fileno())
            while True:
                header, body, _ = decoder_protocol.receive(self._socket)
                yield header, body
                if not header or "error" in header:
                    return
        except TimeoutError as error:
            raise OSError(f"no reply from the decoder within {REPLY_TIMEOUT_SECONDS:.0f} s") from error
        except (EOFError, ConnectionError) as error:
            raise self._exit_error() from error

    def _exit_error(self) -> Exception:
        """Return the error for the way the process ended. SIGKILL comes from outside, such as the OOM killer."""
        try:
            status = self._process.wait(EXIT_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            return OSError("the decoder sends nothing more and does not end: the file is tried again")
        if status == -signal.SIGKILL:
            return DecoderUnavailableError(
                "the decoder was killed, perhaps because the machine is short of memory: the file is tried again"
            )
        if status == -signal.SIGXCPU:
            seconds = settings.DECODER_CPU_SECONDS
            return DecodingTimeLimitError(f"decoding takes longer than {seconds} s of processor time")
        if status == 0:
            return DecoderUnavailableError("the decoder has ended: the file is tried again")
        cause = signal.Signals(-status).name if status < 0 else f"status {status}"
        return DecoderCrashError(f"the decoder ended with {cause}")

    def last_error_line(self) -> str:
        """Return the last line of the process's standard error."""
        with contextlib.suppress(OSError, ValueError):
            lines = (self._stderr.read(_STDERR_BYTES) or b"").decode(errors="replace").split("\n")
            return next((one_line(line, _MAX_LINE) for line in reversed(lines) if line.strip()), "")
        return ""

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def end(self) -> None:
        self._socket.close()
        self._stderr.close()
        self._process.kill()
        with contextlib.suppress(subprocess.TimeoutExpired):  # it may wait for a disk that does not respond
            self._process.wait(EXIT_TIMEOUT_SECONDS)


@cache
def _warn_unrestricted() -> None:
    """Log a warning, once per process."""
    logger.warning(
        "The decoder of the cameras' files is not restricted and could read our files: see `manage.py check`"
    )


_idle: list[DecoderProcess] = []
_lock = threading.Lock()
os.register_at_fork(after_in_child=_idle.clear)


@contextmanager
def borrow_process(*, fresh: bool = False) -> Iterator[DecoderProcess]:
    """Yield a process for one request. A process whose request was interrupted is ended, because it is unusable.

    `fresh`: a new process that has decoded nothing.
    """
    with _lock:
        process = _idle.pop() if _idle and not fresh else None
    if process and not process.is_running:
        process.end()
        process = None
    process = process or DecoderProcess()
    try:
        yield process
    except BaseException:
        process.end()
        raise
    with _lock:
        if len(_idle) < MAX_IDLE:
            _idle.append(process)
            return
    process.end()


def active_restrictions() -> sandbox.Restrictions:
    """Return the restrictions of the decoder processes. Start one if there is none. May raise `OSError`."""
    with borrow_process() as process:
        return process.restrictions
