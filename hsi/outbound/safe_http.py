"""HTTP to addresses that users enter: public addresses, and addresses that the operator has listed.

A URL from a user or a row must not reach services that only this machine can reach (server-side request forgery). The
address of the connection counts, not its spelling: the host is resolved once, every address must be allowed, and the
connection goes to one of these addresses. `WEBHOOK_ALLOWED_HOSTS` (host or host:port) is the only exception. Plain http
to other hosts needs `WEBHOOK_ALLOW_HTTP`.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import cache

import httpx
from django.conf import settings

from hsi.errors import HSIError
from hsi.outbound import deadline, error_responses
from hsi.outbound.error_responses import Fault

LONGEST_URL = 2000
DEFAULT_PORTS = {"http": 80, "https": 443}
CONNECT_SECONDS = 10.0
# Special-purpose registries of IANA, and the metadata service of Azure, which has a public address.
CLOSED_V4 = tuple(
    map(
        ipaddress.IPv4Network,
        (
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16",
            "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15",
            "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
        ),
    )
)  # fmt: skip
# Only this block is routed publicly. Excluded: Teredo and protocols, documentation, 6to4, documentation.
OPEN_V6 = ipaddress.IPv6Network("2000::/3")
CLOSED_V6 = tuple(map(ipaddress.IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
# Suffixes of names that are not public: special-use names of IANA, and names of routers and clouds.
CLOSED_ENDINGS = (
    ".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home", ".home.arpa", ".corp",
    ".private", ".svc",
)  # fmt: skip
# Names of metadata services of clouds in any domain: metadata.google.internal, metadata.goog.
METADATA = frozenset({"metadata", "instance-data"})
HOST_NAME = re.compile(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
# As in 10.0.0.1.nip.io and ip-10-0-0-1.ec2.example.
ADDRESS_IN_NAME = re.compile(r"(?<![0-9])([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})[.-]([0-9]{1,3})(?![0-9])")


class OutgoingRefusedError(HSIError):
    """Requests to this address are not allowed."""

    code = "ADDRESS_NOT_ALLOWED"
    status = 400
    retryable = False


class OutgoingFailedError(HSIError):
    """The receiver cannot be reached or did not accept the request. A later attempt may succeed."""

    code = "RECEIVER_FAILED"
    status = 502

    def __init__(self, detail: str = "", *, retry_after_seconds: float | None = None) -> None:
        super().__init__(detail)
        self.retry_after_seconds = retry_after_seconds


class OutgoingRejectedError(OutgoingFailedError):
    """The receiver rejected the request. Another attempt would be rejected too."""

    code = "RECEIVER_REJECTED"
    retryable = False


@dataclass(frozen=True, slots=True)
class Place:
    """A host (lower case, ASCII, without brackets) and a port to connect to."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def place_of(url: str) -> Place:
    """Return the place of an http(s) URL without network requests. Raise `OutgoingRefusedError`."""
    if len(url) > LONGEST_URL:
        raise OutgoingRefusedError(f"The address has more than {LONGEST_URL} characters.")
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in url):
        raise OutgoingRefusedError("The address contains spaces, control characters or backslashes.")
    try:
        parts = httpx.URL(url)
        host = parts.raw_host.decode("ascii")
    except (httpx.InvalidURL, ValueError, TypeError):
        raise OutgoingRefusedError("The address is not a valid URL.") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise OutgoingRefusedError("Only http:// and https:// are allowed.")
    if parts.userinfo:
        raise OutgoingRefusedError("The address must not contain a user name or password.")
    return place(host, DEFAULT_PORTS[parts.scheme] if parts.port is None else parts.port)


def place(host: str, port: int) -> Place:
    """Normalise `host` and `port` for comparison. Raise `OutgoingRefusedError`."""
    host = host.removeprefix("[").removesuffix("]").rstrip(".").lower()
    if len(host) > 253 or not (HOST_NAME.fullmatch(host) or _is_v6(host)):
        raise OutgoingRefusedError("The host of the address is not valid.")
    if not 0 < port < 65536:
        raise OutgoingRefusedError("The port must be a number from 1 to 65535.")
    return Place(host, port)


def _is_v6(host: str) -> bool:
    try:
        return not ipaddress.IPv6Address(host).scope_id
    except ValueError:
        return False


def is_listed(where: Place) -> bool:
    """Return whether `WEBHOOK_ALLOWED_HOSTS` contains this place."""
    return any(_matches(entry, where) for entry in settings.WEBHOOK_ALLOWED_HOSTS)


def _matches(entry: str, where: Place) -> bool:
    entry = entry.lower().rstrip(".")
    return entry in (str(where), where.host, f"[{where.host}]")


def is_public(address: str) -> bool:
    """Return whether a numeric address from the resolver is on the public internet."""
    parsed = ipaddress.ip_address(address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    if isinstance(parsed, ipaddress.IPv4Address):
        return not any(parsed in network for network in CLOSED_V4)
    return parsed in OPEN_V6 and not any(parsed in network for network in CLOSED_V6)


def addresses(where: Place) -> list[str]:
    """Return the addresses to connect to. Raise `OutgoingRefusedError`, or `OutgoingFailedError` if there is none."""
    refuse_on_sight(where)
    found = _resolve(where)
    if not is_listed(where) and not all(map(is_public, found)):
        raise OutgoingRefusedError(
            f"{where.host} leads to an address that is not public. WEBHOOK_ALLOWED_HOSTS can allow it."
        )
    return found


def _resolve(where: Place) -> list[str]:
    try:
        answers = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise OutgoingFailedError(f"{where.host} has no address.") from None
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def check(url: str) -> Place:
    """Raise `OutgoingRefusedError` for a URL that can be rejected without network requests, for input forms.

    Names are resolved when a message is sent, because their addresses may change at any time.
    """
    where = place_of(url)
    refuse_on_sight(where)
    if httpx.URL(url).scheme == "http":
        refuse_plain_http(where)
    return where


def refuse_on_sight(where: Place) -> None:
    """Raise `OutgoingRefusedError` for an unlisted address in any notation, or a name that cannot be public."""
    if not is_listed(where) and not _may_be_public(where):
        raise OutgoingRefusedError(f"{where.host} is not a public address. WEBHOOK_ALLOWED_HOSTS can allow it.")


def refuse_plain_http(where: Place) -> None:
    """Raise `OutgoingRefusedError` if http without TLS is not allowed."""
    if not is_listed(where) and not settings.WEBHOOK_ALLOW_HTTP:
        raise OutgoingRefusedError(
            "With http everyone on the way can read what is sent. Use https, or allow it: WEBHOOK_ALLOW_HTTP for every"
            " public host, WEBHOOK_ALLOWED_HOSTS for this one."
        )


def _may_be_public(where: Place) -> bool:
    """Return whether an address is public, or whether a name could resolve to a public one."""
    try:
        answers = socket.getaddrinfo(where.host, where.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return _may_be_public_name(where.host)
    return all(is_public(str(answer[4][0])) for answer in answers)


def _may_be_public_name(host: str) -> bool:
    if "." not in host or host.endswith(CLOSED_ENDINGS) or host.partition(".")[0] in METADATA:
        return False
    written = (".".join(numbers) for numbers in ADDRESS_IN_NAME.findall(host))
    return all(_is_public_if_address(address) for address in written)


def _is_public_if_address(text: str) -> bool:
    try:
        return is_public(text)
    except ValueError:
        return True


@cache
def _tls() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def post(url: str, content: bytes, headers: Iterable[tuple[str, str]], timeout_seconds: float) -> None:
    """POST `content` without following redirects. Return after a 2xx, else raise `HSIError`."""
    found = addresses(check(url))
    timeout = httpx.Timeout(timeout_seconds, connect=min(timeout_seconds, CONNECT_SECONDS)).as_dict()
    request = httpx.Request("POST", url, headers=list(headers), content=content, extensions={"timeout": timeout})
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=0)
    try:
        with (
            deadline.within(timeout_seconds),
            closing(deadline.transport(limits, addresses=found, verify=_tls())) as transport,
            closing(transport.handle_request(request)) as response,
        ):
            _refuse(response)
    except httpx.TimeoutException as error:
        raise OutgoingFailedError(f"The receiver did not answer within {timeout_seconds:g} s.") from error
    except (httpx.HTTPError, OSError) as error:
        # The message of the error can contain the address, which is a secret.
        raise OutgoingFailedError(f"The receiver cannot be reached ({type(error).__name__}).") from error


def _refuse(response: httpx.Response) -> None:
    """Treat only faults of the request as permanent, because a reloading proxy briefly answers 404 or a redirect."""
    status = response.status_code
    if 200 <= status < 300:
        return
    said = f"The receiver answered {status}{', and redirects are not followed' if 300 <= status < 400 else ''}."
    if error_responses.fault_of(status) is Fault.REQUEST:
        raise OutgoingRejectedError(said)
    wait = error_responses.retry_after_seconds(response.headers.get("Retry-After", ""))
    raise OutgoingFailedError(said, retry_after_seconds=wait)
