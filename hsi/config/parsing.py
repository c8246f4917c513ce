"""Parse the values of settings in every form with exactly one meaning.

A list may use commas, semicolons, spaces, line ends, JSON, and quotes. Its items have a kind (`Setting.items`): a host
may be written as the URL of its site. Values without a meaning, or with more than one, are rejected.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network
from math import isfinite
from typing import Any
from urllib.parse import SplitResult, urlsplit

from hsi.config.options import Setting

QUOTES = "'\""
WITH_SPACES = {"label", "label share"}  # kinds of items that may contain spaces, so spaces do not separate them
HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*\.?")
MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+")
DECIMAL_COMMA = re.compile(r"-?\d+,\d+")
THOUSANDS = re.compile(r"-?[1-9]\d{0,2},\d{3}")
PORTS = {"http": 80, "https": 443}


class FormError(ValueError):
    """The text cannot be parsed. The message describes the allowed form."""


def parse(setting: Setting, raw: str) -> tuple[Any, str | None]:
    """Return (value, None), or (default, allowed form) if `raw` is not valid."""
    text = unquoted(setting, raw)
    try:
        value: Any = _list(setting, text) if setting.type is list else _scalar(setting, text)
    except FormError as error:
        return setting.default, str(error)
    except ValueError:
        return setting.default, setting.allowed
    if setting.minimum is not None and not setting.minimum <= value <= (setting.maximum or 0):
        return setting.default, setting.allowed
    return value, None


def remark(setting: Setting, raw: str, value: Any) -> str:
    """Return how a value in an undocumented form is read, or an empty string."""
    text = raw.strip()
    if setting.secret and setting.type is str:
        return "begins and ends with a quote, which is part of the value" if is_quoted(text) else ""
    if setting.type is list:
        if [part.strip().casefold() for part in text.split(",") if part.strip()] == [
            str(one).casefold() for one in value
        ]:
            return ""
    elif not is_quoted(text):
        return ""
    return f"is read as {len(value)} entries" if setting.secret else f"is read as {setting.shown(value)}"


def unquoted(setting: Setting, raw: str) -> str:
    """Remove the quotes that `docker run --env-file` leaves around a value. A secret keeps them."""
    text = raw.strip()
    return text[1:-1].strip() if is_quoted(text) and not (setting.secret and setting.type is str) else text


def is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] in QUOTES and text[0] == text[-1] and text[0] not in text[1:-1]


def _scalar(setting: Setting, text: str) -> Any:
    """Parse a single value. Raise ValueError."""
    if setting.type is bool:
        return _bool(text)
    if setting.type is int:
        return int(text)
    if setting.type is float:
        return _float(text)
    if not text.isprintable():
        raise FormError("a text without control characters")
    if setting.choices:
        return _choice(setting, text)
    return text


def _bool(text: str) -> bool:
    word = text.lower()
    if word not in {"1", "0", "true", "false", "yes", "no", "on", "off"}:
        raise ValueError(text)
    return word in {"1", "true", "yes", "on"}


def _float(text: str) -> float:
    is_decimal = DECIMAL_COMMA.fullmatch(text) and not THOUSANDS.fullmatch(text)
    value = float(text.replace(",", ".") if is_decimal else text)
    if not isfinite(value):
        raise ValueError(text)
    return value


def _choice(setting: Setting, text: str) -> str:
    if "." in text:
        return text
    known = {choice.casefold(): choice for choice in setting.choices}
    if text.casefold() not in known:
        raise ValueError(text)
    return known[text.casefold()]


# Lists


def _list(setting: Setting, text: str) -> list[str]:
    """Parse a list. Raise FormError."""
    read = ITEMS[setting.items]
    value = []
    for part in _parts(text, spaces=setting.items not in WITH_SPACES):
        try:
            value.append(read(part))
        except ValueError as error:
            words = str(error) if isinstance(error, FormError) else setting.allowed
            raise FormError(words if setting.secret else f"{words}, which {part[:80]!r} is not") from None
    return list(dict.fromkeys(value))


def _parts(text: str, *, spaces: bool) -> list[str]:
    """Return the items of a list. `spaces` says whether spaces separate them. Raise FormError."""
    if text.startswith("[") and not _is_one_address(text):
        return _bracketed(text)
    separators = r"[,;\s]+" if spaces else r"\s*[,;\n]\s*"
    parts = (part.strip() for part in re.split(separators, text))
    return [part[1:-1].strip() if is_quoted(part) else part for part in parts if part]


def _is_one_address(text: str) -> bool:
    """Return whether a text with a leading bracket is an IPv6 address, or starts with one, instead of JSON."""
    try:
        return isinstance(ip_address(text[1:].partition("]")[0]), IPv6Address)
    except ValueError:
        return False


def _bracketed(text: str) -> list[str]:
    """Parse a list in the form of JSON or Python."""
    try:
        found = json.loads(text if '"' in text else text.replace("'", '"'))
    except ValueError:
        raise FormError('a list with commas, or a JSON list such as ["a", "b"]') from None
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise FormError('a list of texts, such as ["a", "b"]')
    return [one.strip() for one in found if one.strip()]


def _split(text: str) -> SplitResult:
    """Split the URL of a site root without a user. Raise FormError."""
    try:
        parts = urlsplit(text.lower())
        is_plain = bool(parts.hostname) and parts.path in ("", "/") and "@" not in parts.netloc
        if not is_plain or parts.query or parts.fragment or parts.port == 0:
            raise FormError("an address without path and user")
    except ValueError:
        raise FormError("an address without path and user") from None
    return parts


def _name(text: str) -> str:
    """Return a host name or address as in a `Host` header. Raise ValueError."""
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        plain = text.lower() if text.isascii() else text.lower().encode("idna").decode()
        if not HOST.fullmatch(plain) or re.fullmatch(r"[\d.]+", plain):
            raise FormError("host names or addresses such as cameras.example.org") from None
        return plain.rstrip(".")
    return f"[{address}]" if isinstance(address, IPv6Address) else str(address)


def _host_and_port(text: str) -> tuple[str, str]:
    """Return (host, port or an empty string). A scheme in `text` implies its port. Raise ValueError."""
    if "://" in text:
        parts = _split(text)
        if parts.scheme not in PORTS:
            raise FormError("host names, or addresses that begin with http:// or https://")
        return _name(parts.hostname or ""), str(parts.port or PORTS[parts.scheme])
    if text.count(":") > 1 and not text.startswith("["):
        return _name(text), ""
    host, _, port = text.partition("]") if text.startswith("[") else text.partition(":")
    if text.startswith("["):
        host, port = f"{host}]", port.removeprefix(":")
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise FormError("host names or addresses such as cameras.example.org")
    return _name(host), port


def _site_host(text: str) -> str:
    """Return a host that the site answers to. The port is dropped; `*` and `.example.org` are allowed."""
    if text == "*":
        return text
    if text.startswith(("*.", ".")):
        return f".{_name(text.lstrip('*').lstrip('.'))}"
    return _host_and_port(text)[0]


def _receiver(text: str) -> str:
    host, port = _host_and_port(text)
    return f"{host}:{port}" if port else host


def _exact_origin(text: str) -> str:
    """Return `*` for any origin, or one origin without a star."""
    if text != "*" and "*" in text:
        raise FormError("origins such as https://example.org, or *")
    return text if text == "*" else _origin(text)


def _origin(text: str) -> str:
    """Return an origin. `*.` stands for any subdomain, as in Django."""
    if not text.startswith(("http://", "https://")):
        raise FormError("origins with their scheme such as https://example.org")
    parts = _split(text)
    _name((parts.hostname or "").removeprefix("*."))
    return f"{parts.scheme}://{parts.netloc}"


def _network(text: str) -> str:
    try:
        ip_network(text, strict=False)
    except ValueError:
        raise FormError("addresses and networks such as 10.0.0.0/8") from None
    return text


def _mail(text: str) -> str:
    if not MAIL.fullmatch(text):
        raise FormError("mail addresses such as me@example.org")
    return text


def _label(text: str) -> str:
    return " ".join(text.lower().split())


def _label_share(text: str) -> str:
    label, separator, number = text.rpartition("=")
    try:
        share = float(number)
    except ValueError:
        share = -1.0
    if not separator or not label.strip() or not 0 <= share <= 1:
        raise FormError("labels with a number from 0 to 1 such as person=0.5")
    return f"{_label(label)}={share:g}"


ITEMS: dict[str, Callable[[str], str]] = {
    "": str,
    "host": _site_host,
    "receiver": _receiver,
    "origin": _origin,
    "exact origin": _exact_origin,
    "network": _network,
    "mail": _mail,
    "label": _label,
    "label share": _label_share,
    "key": str,
}
