"""One pooled HTTP client per AI service. Every response is bounded in time and size.

This module converts HTTP failures to typed errors: unreachable, overloaded, loading or misconfigured
(`AIServiceUnavailableError`: the job waits), rejected (`AIServiceRejectedError`: the input is bad), or another failure
or unusable answer (a bounded number of attempts).

A rejection counts against the input only if the service accepts another input: `ask` finds out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import httpx

from hsi.errors import (
    AIServiceError,
    AIServiceProtocolError,
    AIServiceRejectedError,
    AIServiceUnavailableError,
)
from hsi.logs.redaction import redact
from hsi.metrics import histograms
from hsi.outbound import deadline, error_responses
from hsi.outbound.error_responses import Fault

MAX_ANSWER_BYTES = 4 * 1024 * 1024
KEPT_BODY_CHARACTERS = 2000


class AIService:
    """A named service at `base_url`. Threads can share it. Call `close` at the end.

    `read_timeout` bounds the whole response instead of each read, so a peer that sends a byte per second is cut off.
    With `addresses`, connections go to one of these instead of what the name of the host resolves to.
    """

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        connect_timeout: float,
        read_timeout: float,
        headers: dict[str, str] | None = None,
        max_connections: int = 64,
        addresses: Sequence[str] = (),
    ) -> None:
        self.name = name
        self.read_timeout = read_timeout
        self._connect_timeout = connect_timeout
        self._url = str(httpx.URL(base_url)).rstrip("/")
        self._headers = {"Accept": "application/json", "User-Agent": "hsi", **(headers or {})}
        # Use the transport directly, because the cookies, redirects and proxies of httpx.Client cost a fifth of a call.
        self._transport = deadline.transport(
            httpx.Limits(max_connections=max_connections, max_keepalive_connections=max_connections),
            addresses=addresses,
        )

    def close(self) -> None:
        self._transport.close()

    def get_json(self, path: str, *, timeout: float | None = None) -> Any:
        """Send a GET and return the JSON answer. Raise `AIServiceError`."""
        return self._json("GET", path, timeout=timeout)

    def post_json(self, path: str, *, timeout: float | None = None, **content: Any) -> Any:
        """Send a POST and return the JSON answer.

        `content` is `json=`, `files=` or `data=` of httpx. Raise `AIServiceError`.
        """
        began = time.perf_counter()
        try:
            return self._json("POST", path, timeout=timeout, **content)
        except AIServiceError:
            histograms.observe(histograms.AI_FAILURE, self.name, time.perf_counter() - began)
            raise
        finally:
            histograms.observe(histograms.AI_REQUEST, self.name, time.perf_counter() - began)

    def ask(self, path: str, *, known_good: Callable[[], dict[str, Any]], **content: Any) -> Any:
        """Send an input with `post_json`. Raise `AIServiceRejectedError` only if this input is the cause.

        `known_good` creates the content of a request that a working service accepts. If the service rejects it too, the
        connection is at fault: raise `AIServiceUnavailableError`. If it accepts it, send the input once more, because
        the cause may be gone.
        """
        try:
            return self.post_json(path, **content)
        except AIServiceRejectedError as refused:
            self._try_known_good(path, known_good(), refused)
        return self.post_json(path, **content)

    def _try_known_good(self, path: str, content: dict[str, Any], refused: AIServiceRejectedError) -> None:
        try:
            self.post_json(path, **content)
        except AIServiceRejectedError as error:
            raise of_connection(refused) from error

    def _json(self, method: str, path: str, *, timeout: float | None, **content: Any) -> Any:
        seconds = timeout or self.read_timeout
        try:
            request = self._request(method, path, seconds, content)
            with deadline.within(seconds), closing(self._transport.handle_request(request)) as response:
                body = self._read(response)
                self._refuse(response, body)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise AIServiceUnavailableError(
                f"{self.name} cannot be reached: {_words(error)}", service=self.name
            ) from error
        except httpx.TimeoutException as error:
            raise AIServiceError(f"{self.name} did not answer within {seconds:g} s", service=self.name) from error
        except httpx.HTTPError as error:
            raise AIServiceError(f"{self.name} broke off: {_words(error)}", service=self.name) from error
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise AIServiceProtocolError(
                f"{self.name} answered with something that is not JSON", service=self.name, body=_kept(body)
            ) from error

    def _request(self, method: str, path: str, seconds: float, content: dict[str, Any]) -> httpx.Request:
        timeout = httpx.Timeout(seconds, connect=min(seconds, self._connect_timeout)).as_dict()
        request = httpx.Request(
            method, self._url + path, headers=self._headers, extensions={"timeout": timeout}, **content
        )
        request.read()  # send a form as a whole instead of one call per part
        return request

    def _read(self, response: httpx.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            chunks.append(chunk)
            size += len(chunk)
            if size > MAX_ANSWER_BYTES:
                raise AIServiceProtocolError(
                    f"{self.name} answered with more than {MAX_ANSWER_BYTES} bytes",
                    service=self.name,
                    body=_kept(b"".join(chunks)),
                )
        return b"".join(chunks)

    def _refuse(self, response: httpx.Response, body: bytes) -> None:
        status = response.status_code
        if status < 300:
            return
        kept = _kept(body)
        words = redact(error_responses.words_in(kept))
        raise _kind(status, kept)(
            f"{self.name} answered {status}{': ' if words else ''}{words}",
            service=self.name,
            http_status=status,
            body=kept,
            retry_after_seconds=error_responses.retry_after_seconds(response.headers.get("Retry-After", "")),
        )


def of_connection(refused: AIServiceError) -> AIServiceUnavailableError:
    """Return the same rejection as an error that every input would cause."""
    return AIServiceUnavailableError(
        refused.detail,
        service=refused.service,
        http_status=refused.http_status,
        body=refused.body,
        retry_after_seconds=refused.retry_after_seconds,
    )


def _kind(status: int, body: str) -> type[AIServiceError]:
    fault = error_responses.fault_of(status, body)
    if fault is Fault.REQUEST:
        return AIServiceRejectedError
    if status >= 500 and fault is Fault.MOMENT and status not in error_responses.MOMENT:
        return AIServiceError  # an internal error of the service, which the same input may cause each time
    return AIServiceUnavailableError


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _kept(body: bytes) -> str:
    return body[: KEPT_BODY_CHARACTERS * 4].decode("utf-8", "replace").replace("\x00", "")[:KEPT_BODY_CHARACTERS]
