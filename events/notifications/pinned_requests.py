"""The HTTP client of Apprise plugins: `requests`, restricted by the rules of `hsi.outbound.safe_http`.

A plugin calls functions of the module `requests`. `pin` replaces that name in the module of the plugin by a
`PinnedRequests`. Then every connection goes to checked addresses, certificates are verified, redirects are not
followed, and proxies and .netrc of the environment are ignored.
"""

from __future__ import annotations

import logging
import socket
import sys
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NewConnectionError

from hsi.outbound import safe_http
from hsi.outbound.safe_http import Place

logger = logging.getLogger(__name__)

LONGEST_ANSWER_BYTES = 1024**2


class PinnedRequests:
    """The part of the module `requests` that plugins use."""

    codes = requests.codes
    RequestException = requests.RequestException
    exceptions = requests.exceptions

    def get(self, url: str, **options: Any) -> requests.Response:
        return self.request("get", url, **options)

    def post(self, url: str, **options: Any) -> requests.Response:
        return self.request("post", url, **options)

    def put(self, url: str, **options: Any) -> requests.Response:
        return self.request("put", url, **options)

    def delete(self, url: str, **options: Any) -> requests.Response:
        return self.request("delete", url, **options)

    def request(self, method: str, url: str, **options: Any) -> requests.Response:
        safe_options = options | {"allow_redirects": False, "verify": True, "proxies": {}, "cert": None, "stream": True}
        with _Session() as session:
            try:
                response = session.request(method, url, **safe_options)
            except requests.RequestException as error:
                logger.warning("%s cannot be sent to (%s)", urlsplit(url).hostname, type(error).__name__)
                raise
            # The attribute in which `requests` stores a body. A plugin would read it without a limit.
            response._content = response.raw.read(LONGEST_ANSWER_BYTES, decode_content=True)
            response.close()
        logger.info("%s answered %s", urlsplit(url).hostname, response.status_code)
        return response


@cache
def pin(module: str) -> None:
    """Make the plugin in this loaded module send with `PinnedRequests` only."""
    assert sys.modules[module].requests is requests  # noqa: S101 (a plugin that sends in another way would not be restricted)
    setattr(sys.modules[module], "requests", PinnedRequests())  # noqa: B010 (a module has no such attribute for mypy)


class _Session(requests.Session):
    def __init__(self) -> None:
        super().__init__()
        self.trust_env = False
        self.mount("https://", _Adapter())
        self.mount("http://", _Adapter())


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TLSPool}


class _Pinned(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        """Connect to the checked addresses.

        The method of urllib3 resolves the host itself; the certificate must still match.
        """
        host = self._dns_host
        *others, last = safe_http.addresses(safe_http.place(host, self.port))
        try:
            for address in others:
                self._dns_host = address
                try:
                    return super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError):
                    continue
            self._dns_host = last
            return super()._new_conn()
        finally:
            self._dns_host = host


class _Plain(_Pinned):
    def _new_conn(self) -> socket.socket:
        safe_http.refuse_plain_http(Place(self.host, self.port))
        return super()._new_conn()


class _TLS(_Pinned, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLS
