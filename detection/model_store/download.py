"""Downloading a file over http: bounded, checked at every redirect, with errors that say what to do."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import httpx

from detection.model_store.store import ModelStoreError
from hsi.config.options import redact_url
from hsi.errors import HSIError
from hsi.outbound import deadline, safe_http
from hsi.outbound.safe_http import Place

MAX_REDIRECTS = 5
CONNECT_SECONDS, READ_SECONDS, WHOLE_SECONDS = 10.0, 30.0, 1800.0
CHUNK_BYTES = 256 * 1024
WEB_PAGE_STARTS = (b"<!doctype html", b"<html")

Progress = Callable[[int, int], None]


def no_progress(done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True, slots=True)
class Downloader:
    """Downloads from public addresses over https, and from the places that the operator named himself (`trusted`).

    Each trusted place has the `Authorization` header for it, or an empty string. `proxy` is the URL of a proxy for all
    requests; without it, the variables `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` apply.
    """

    trusted: Mapping[Place, str] = field(default_factory=dict)
    verify: ssl.SSLContext = field(default_factory=httpx.create_ssl_context)
    proxy: str = ""

    def trusting(self, url: str, authorization: str = "") -> Downloader:
        """Return a downloader that also trusts the place of `url`. Raise `ModelStoreError` for a malformed address."""
        try:
            where = safe_http.place_of(url)
            return replace(self, trusted={**self.trusted, where: authorization or self.trusted.get(where, "")})
        except HSIError as error:
            raise ModelStoreError(f"{url} is not asked: {error.detail}") from error

    def save(self, url: str, file: BinaryIO, size_bytes: int, progress: Progress = no_progress) -> None:
        """Write the file at `url`, at most `size_bytes`, to `file`. Raises `ModelStoreError`; `OSError` from `file`."""
        done = 0
        with self._open(url, {"Accept-Encoding": "identity"}) as response:
            for chunk in _chunks(url, response):
                if not done and _is_web_page(response, chunk):
                    raise ModelStoreError(f"{url} answers with a web page instead of the file.")
                done += len(chunk)
                if done > size_bytes:
                    raise ModelStoreError(f"{url} is larger than the {size_bytes:,} bytes expected.")
                file.write(chunk)
                progress(done, size_bytes)

    def text(self, url: str, accept: str, most_bytes: int) -> tuple[str, str]:
        """Return the content type and the text of a page. Raise `ModelStoreError`."""
        content = bytearray()
        with self._open(url, {"Accept-Encoding": "identity", "Accept": accept}) as response:
            for chunk in _chunks(url, response):
                content += chunk
                if len(content) > most_bytes:
                    raise ModelStoreError(f"{url} is larger than {most_bytes:,} bytes.")
            return response.headers.get("content-type", ""), content.decode("utf-8", "replace")

    @contextmanager
    def _open(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        """Return the response 200 for `url`, after at most five redirects."""
        for _ in range(MAX_REDIRECTS + 1):
            with self._ask(url, headers) as response:
                if not response.is_redirect:
                    if response.status_code != 200:
                        raise ModelStoreError(f"{url} answers {response.status_code}.")
                    yield response
                    return
                url = str(httpx.URL(url).join(response.headers["location"]))
        raise ModelStoreError(f"{url} leads to too many redirects.")

    @contextmanager
    def _ask(self, url: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        where, proxy = self._place(url), self._proxy(url)
        addresses = [] if proxy or where in self.trusted else self._addresses(url, where)
        if authorization := self.trusted.get(where):
            headers = {**headers, "Authorization": authorization}
        timeout = httpx.Timeout(READ_SECONDS, connect=CONNECT_SECONDS).as_dict()
        request = httpx.Request("GET", url, headers=headers, extensions={"timeout": timeout})
        limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
        with (
            deadline.within(WHOLE_SECONDS),
            closing(self._transport(limits, addresses, proxy)) as transport,
        ):
            try:
                response = transport.handle_request(request)
            except (httpx.HTTPError, OSError) as error:
                raise ModelStoreError(f"{url} cannot be reached ({type(error).__name__}).") from error
            with closing(response):
                yield response

    def _transport(self, limits: httpx.Limits, addresses: list[str], proxy: str) -> httpx.HTTPTransport:
        try:
            return deadline.transport(limits, addresses=addresses, verify=self.verify, proxy=proxy or None)
        except (ValueError, ImportError, httpx.InvalidURL) as error:
            raise ModelStoreError(f"The proxy {redact_url(proxy)} cannot be used ({error}).") from error

    def _place(self, url: str) -> Place:
        """Return the place of a URL that may be asked. Raise `ModelStoreError`."""
        try:
            where = safe_http.place_of(url)
            return where if where in self.trusted else safe_http.check(url)
        except HSIError as error:
            raise ModelStoreError(f"{url} is not asked: {error.detail}") from error

    def _addresses(self, url: str, where: Place) -> list[str]:
        """Return the public addresses to connect to. Raise `ModelStoreError`."""
        try:
            return safe_http.addresses(where)
        except HSIError as error:
            raise ModelStoreError(f"{url} is not asked: {error.detail}") from error

    def _proxy(self, url: str) -> str:
        """Return the URL of the proxy for `url`, or an empty string."""
        parts = httpx.URL(url)
        proxy = self.proxy
        if not proxy and not urllib.request.proxy_bypass(parts.host):
            proxies = urllib.request.getproxies()
            proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
        return proxy if not proxy or "://" in proxy else f"http://{proxy}"


def _chunks(url: str, response: httpx.Response) -> Iterator[bytes]:
    try:
        yield from response.iter_raw(CHUNK_BYTES)
    except (httpx.HTTPError, ssl.SSLError) as error:
        raise ModelStoreError(
            f"The download of {url} stopped after {response.num_bytes_downloaded:,} bytes. Try again."
        ) from error


def _is_web_page(response: httpx.Response, start: bytes) -> bool:
    declared = response.headers.get("content-type", "").startswith("text/html")
    return declared or start.lstrip()[:20].lower().startswith(WEB_PAGE_STARTS)
