"""Remove secrets from everything that is logged, stored or shown. Only this module masks secrets.

Secrets are the values of secret settings, passwords in URLs of settings, recent input of secret fields
(`hsi.security.secret_fields`) and recently decrypted secrets, our tokens, Authorization and cookie headers, credentials
in URLs, URLs that are secret as a whole, and values named like a secret.
"""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from django.conf import settings
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.views.debug import ExceptionReporter, SafeExceptionReporterFilter

from hsi import process_state
from hsi.config.options import SETTINGS

MASK = "********"
# A shorter value occurs in many words. Masking it would hide more than it protects.
SHORTEST_SECRET = 4
DEEPEST = 6
LONGEST_TEXT = LONGEST_SECRET = 2000
MOST_ITEMS = 200
MOST_HANDLED = 300
# Shorter texts and plain words entered by a user are not masked, because they occur in other texts.
SHORTEST_HANDLED = 8

# Receiver URLs that contain their credential, up to the secret part.
_SECRET_ADDRESSES = (
    r"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/",
    r"(?:discord|discordapp)\.com/api/(?:v[0-9]{1,2}/)?webhooks/",
    r"api\.telegram\.org/(?:file/)?bot",
    r"maker\.ifttt\.com/(?:trigger/[\w-]{1,80}/(?:json/)?with/key|use)/",
    r"(?:webexapis|api\.ciscospark)\.com/v1/webhooks/incoming/",
    r"chat\.googleapis\.com/v1/spaces/",
    r"[\w-]{1,60}\.webhook\.office\.com/",
    r"outlook\.office(?:365)?\.com/webhook/",
    r"ntfy\.sh/",
    r"/(?:api/)?webhooks?/(?=[\w-]{16})",
)
_APPRISE = (
    "discord|gchat|ifttt|join|opsgenie|pagerduty|pbul|pover|prowl|psafers?|slack|spush|tgram|twilio|wxteams|gotifys?"
    "|ntfys?|jsons?|xmls?|forms?|mailtos?"
)

_PATTERNS = (
    (re.compile(r"\bhsi_[A-Za-z0-9_-]{16,}"), MASK),
    (re.compile(rf"""(?i)\b({_APPRISE})://[^\s"'<>…]+"""), rf"\1://{MASK}"),
    (re.compile(rf"""(?i)({"|".join(_SECRET_ADDRESSES)})[^\s"'<>]+"""), rf"\1{MASK}"),
    (
        re.compile(r"""(?i)([?&](?:key|auth|code|hash|pass|passwd|pwd|sig|signature)=)[^&\s"'#<>]+"""),
        rf"\1{MASK}",
    ),
    (re.compile(r"""(?i)(authorization["']?\s{0,3}[:=]\s{0,3}b?["']?)[^"'\r\n]+"""), rf"\1{MASK}"),
    (re.compile(r"""(?i)\b((?:set-)?cookie["']?\s{0,3}[:=]\s{0,3}b?["']?)[^"'\r\n]+"""), rf"\1{MASK}"),
    (re.compile(r"(?i)\b(bearer|basic|negotiate)\s{1,3}[\w.~+/=-]{8,}"), rf"\1 {MASK}"),
    (re.compile(r"""(?<=://)[^\s/?#'"<>@]*:[^\s/?#'"<>]*@"""), f"{MASK}@"),
    (re.compile(r"(/setup\?key=)[\w:.~%-]+"), rf"\1{MASK}"),
    (
        re.compile(
            r"""(?i)((?:password|passwd|passphrase|secret|api[_-]?key|token|sessionid)"""
            r"""["']?\s{0,3}[:=]\s{0,3}b?["']?)[^\s"',;&)}\]]+"""
        ),
        rf"\1{MASK}",
    ),
)
# Distinguishes a key from a word such as "notifications".
_ODD = re.compile(r"[0-9A-Z_%]")
_SECRET_NAME = re.compile(
    r"(?i)password|passwd|passphrase|secret|token$|digest|(api|private)_?key|authorization|cookie"
)
_SECRET_SETTINGS = tuple(setting.name for setting in SETTINGS if setting.secret)
_TEXT_SETTINGS = tuple(setting.name for setting in SETTINGS if setting.type is str and not setting.secret)


_handled: OrderedDict[str, None] = OrderedDict()
_lock = threading.Lock()


def handle(secrets: Iterable[str]) -> None:
    """Mask these values from now on, and the parts of those that are URLs. Drop the oldest above a limit."""
    found = {part for secret in secrets for part in _parts(secret) if len(part) >= SHORTEST_HANDLED}
    with _lock:
        for part in found:
            _handled[part] = None
            _handled.move_to_end(part)
        while len(_handled) > MOST_HANDLED:
            _handled.popitem(last=False)


def forget_handled() -> None:
    """Drop all handled values, as in a new process."""
    with _lock:
        _handled.clear()


process_state.register(forget_handled)


def _parts(secret: str) -> Iterable[str]:
    yield secret
    if "://" in secret:
        place = secret.partition("://")[2]
        yield place.partition("/")[2]
        yield from (part for part in re.split(r"[/?&=@:#;,]", place) if _ODD.search(part))


def redact(text: str) -> str:
    """Mask every secret in `text`."""
    for spelling in _own(_secrets()):
        if spelling in text:
            text = text.replace(spelling, MASK)
    for pattern, mask in _PATTERNS:
        text = pattern.sub(mask, text)
    return text


def redact_data(value: Any, depth: int = 0) -> Any:
    """Copy JSON-like `value` with redacted texts, masked values of secret names, and bounded depth and length."""
    if isinstance(value, str):
        return _said(value)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth >= DEEPEST:
        return "…"
    if isinstance(value, Mapping):
        return {
            _said(str(name))[:100]: _of_name(str(name), one, depth) for name, one in list(value.items())[:MOST_ITEMS]
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [redact_data(one, depth + 1) for one in list(value)[:MOST_ITEMS]]
    return _said(str(value))


def _said(text: str) -> str:
    """Redact, then shorten. The order matters, because half a secret would not be recognised."""
    return redact(_storable(text[: LONGEST_TEXT + LONGEST_SECRET]))[:LONGEST_TEXT]


def _storable(text: str) -> str:
    """Remove characters that JSON in PostgreSQL does not accept."""
    return text.replace("\0", "").encode("utf-8", "backslashreplace").decode("utf-8")


def _of_name(name: str, value: Any, depth: int) -> Any:
    secret = _SECRET_NAME.search(name) and value not in (None, "", True, False)
    return MASK if secret else redact_data(value, depth + 1)


def _secrets() -> tuple[str, ...]:
    """Return the secrets of the current settings and the handled ones."""
    values: list[str] = []
    for name in _SECRET_SETTINGS:
        value = getattr(settings, name, "")
        for one in value if isinstance(value, list) else [value]:
            values += [one, *(part for part in _parts(one) if len(part) >= SHORTEST_HANDLED)]
    for name in _TEXT_SETTINGS:
        text = getattr(settings, name, "")
        if "://" in text:
            values.append(_password(text))
    with _lock:
        values += _handled
    return tuple(value for value in values if len(value) >= SHORTEST_SECRET)


def _password(url: str) -> str:
    try:
        return urlsplit(url).password or ""
    except ValueError:
        return ""


@lru_cache(maxsize=8)
def _own(secrets: tuple[str, ...]) -> tuple[str, ...]:
    """Return each of `secrets` as it is, escaped in URLs, and escaped in JSON, longest first.

    Searching for them one by one is many times faster than a regular expression with all of them.
    """
    spellings = {
        spelling
        for secret in secrets
        for spelling in (
            secret, quote(secret, safe=""), quote(secret), unquote(secret), repr(secret)[1:-1],
            json.dumps(secret)[1:-1],
        )
        if len(spelling) >= SHORTEST_SECRET and spelling.strip("*")
    }  # fmt: skip
    return tuple(sorted(spellings, key=lambda one: (-len(one), one)))


class RedactedReporterFilter(SafeExceptionReporterFilter):
    """Masks secrets in every form on Django's debug page. Django's own filter needs a decorator on the view."""

    def get_post_parameters(self, request: HttpRequest | None) -> dict[str, Any]:
        masked: dict[str, Any] = redact_data(dict(request.POST.items())) if request is not None else {}
        return masked


class RedactedReporter(ExceptionReporter):
    """Redacts the whole debug page, because it repeats local variables and the text of the error."""

    def get_traceback_html(self) -> SafeString:
        return SafeString(redact(super().get_traceback_html()))

    def get_traceback_text(self) -> SafeString:
        return SafeString(redact(super().get_traceback_text()))
