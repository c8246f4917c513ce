"""Limits on request bodies under gunicorn, the same as under daphne (`hsi.server.daphne_server`).

Gunicorn passes a request on when its headers are there, so a thread of the worker waits for the body. Bodies of unknown
senders may hold half of the threads, and a body that arrives too slowly is cut off.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import IO, Any

from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import close_old_connections

from hsi.errors import HSIError, RequestTimeoutError
from hsi.http import body_limits, problem
from hsi.http.client_address import client_network
from hsi.server import admission, bodies
from hsi.server.bodies import Body

Application = Callable[[dict[str, Any], Any], Iterable[bytes]]

CHECK_SECONDS = 1.0
CHUNK_BYTES = 64 * 1024


class BoundedBodies:
    """A WSGI application that calls `application` once the body of a request is admitted."""

    def __init__(self, application: Application) -> None:
        self._application = application
        bodies.unknown_senders.most = max(1, settings.API_THREADS // 2)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        try:
            length = announced_bytes(environ)
            if length == 0:
                return self._application(environ, start_response)
            body = _admitted(environ, length)
        except HSIError as error:
            return _refused(environ, start_response, error)
        watch.begin(body, environ)
        try:
            environ["wsgi.input"] = CountingInput(environ["wsgi.input"], body)
            if length is None:
                _spool(environ)
            return CountedAnswer(self._application(environ, start_response), body)
        except HSIError as error:
            body.end()
            return _refused(environ, start_response, error)
        except BaseException:
            body.end()
            raise


def announced_bytes(environ: dict[str, Any]) -> int | None:
    """Return the length of the body; None if it is chunked. Raises InvalidRequestError and PayloadTooLargeError."""
    if environ.get("HTTP_TRANSFER_ENCODING"):
        return None
    return body_limits.content_length(environ.get("CONTENT_LENGTH", ""))


def _admitted(environ: dict[str, Any], length: int | None) -> Body:
    body = bodies.begin(client_network(environ), environ["PATH_INFO"], length)
    if not body.needs_admission:
        return body
    try:
        admission.admit(WSGIRequest(environ), length)
    except BaseException:
        body.end()
        raise
    finally:
        close_old_connections()
    return body


class CountingInput:
    """A `wsgi.input` that counts the bytes that have arrived."""

    def __init__(self, source: Any, body: Body) -> None:
        self._source, self._body = source, body

    def read(self, size: int = -1) -> bytes:
        """Return `size` bytes, or less at the end. Bytes are counted as they arrive, to detect a slow client."""
        parts: list[bytes] = []
        left = sys.maxsize if size < 0 else size
        while left and (data := self._source.read(min(left, CHUNK_BYTES))):
            self._body.receive(len(data))
            parts.append(data)
            left -= len(data)
        return b"".join(parts)

    def readline(self, size: int = -1) -> bytes:
        data: bytes = self._source.readline(size) if size >= 0 else self._source.readline()
        self._body.receive(len(data))
        return data

    def __iter__(self) -> Iterator[bytes]:
        while line := self.readline():
            yield line


class CountedAnswer:
    """The answer of the application. The body counts until the answer is closed."""

    def __init__(self, answer: Iterable[bytes], body: Body) -> None:
        self._answer, self._body = answer, body

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        self._body.end()
        if close := getattr(self._answer, "close", None):
            close()


def _spool(environ: dict[str, Any]) -> None:
    """Store a chunked body in a file, because the application needs its length."""
    spool: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the request)
    source = environ["wsgi.input"]
    while data := source.read(CHUNK_BYTES):
        spool.write(data)
    environ["CONTENT_LENGTH"] = str(spool.tell())
    del environ["HTTP_TRANSFER_ENCODING"]
    spool.seek(0)
    environ["wsgi.input"] = spool


def _refused(environ: dict[str, Any], start_response: Any, error: HSIError) -> Iterable[bytes]:
    """Answer without reading the rest of the body."""
    content = json.dumps(problem.document(error)).encode()
    status = f"{error.status} {HTTPStatus(error.status).phrase}"
    headers = {"Content-Type": problem.CONTENT_TYPE, "Content-Length": str(len(content)), **error.headers}
    start_response(status, list(headers.items()))
    _shut(environ, socket.SHUT_RD)
    return [content]


def _shut(environ: dict[str, Any], how: int) -> None:
    if connection := environ.get("gunicorn.socket"):
        with contextlib.suppress(OSError):
            connection.shutdown(how)


class SlowBodyWatch:
    """Cuts off bodies that arrive too slowly. While there are any, one thread checks them once a second."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._environs: dict[Body, dict[str, Any]] = {}
        self._is_running = False

    def begin(self, body: Body, environ: dict[str, Any]) -> None:
        with self._lock:
            self._environs[body] = environ
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._check_all, name="slow-bodies", daemon=True).start()

    def _check_all(self) -> None:
        while self._has_bodies():
            time.sleep(CHECK_SECONDS)
            with self._lock:
                late = [(body, environ) for body, environ in self._environs.items() if body.is_late()]
            for body, environ in late:
                body.end()
                self._cut_off(environ)

    def _has_bodies(self) -> bool:
        with self._lock:
            self._environs = {body: environ for body, environ in self._environs.items() if not body.has_ended}
            self._is_running = bool(self._environs)
            return self._is_running

    def _cut_off(self, environ: dict[str, Any]) -> None:
        if connection := environ.get("gunicorn.socket"):
            with contextlib.suppress(OSError):
                connection.sendall(problem.raw_answer(RequestTimeoutError()))
        _shut(environ, socket.SHUT_RDWR)


watch = SlowBodyWatch()
