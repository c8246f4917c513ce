"""Known clients of a user name: networks (rows) and devices (a signed cookie) of earlier logins.

A known client does not wait when others guess the password of the name (`hsi.security.lockout`).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponseBase

from hsi.models import KnownNetwork

COOKIE = "hsi_device"
SALT = "hsi.security.known_clients"
# A network without a login for this long becomes unknown.
NETWORK_KEPT = timedelta(days=90)
DEVICE_KEPT = timedelta(days=365)
# Several people may use one device.
NAMES_A_DEVICE = 8


@dataclass(frozen=True, slots=True)
class Device:
    """A device with a random `number`. `names` are the hashes of the user names that have signed in on it."""

    number: str
    names: tuple[str, ...]


def device_of(request: HttpRequest) -> Device | None:
    """Return the device of the cookie if its signature is valid."""
    try:
        said = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=DEVICE_KEPT)
        return Device(str(said["number"]), tuple(map(str, said["names"])))
    except (signing.BadSignature, LookupError, TypeError):
        return None


def remember_device(request: HttpRequest, response: HttpResponseBase, username_hash: str) -> None:
    """Record in the cookie that `username_hash` has signed in on this device."""
    before = device_of(request) or Device(secrets.token_hex(16), ())
    names = [username_hash, *(name for name in before.names if name != username_hash)][:NAMES_A_DEVICE]
    response.set_cookie(
        COOKIE,
        signing.dumps({"number": before.number, "names": names}, salt=SALT),
        max_age=DEVICE_KEPT,
        path=settings.SESSION_COOKIE_PATH,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite="Lax",
    )


def remember_network(username_hash: str, address: str, now: datetime) -> None:
    KnownNetwork.objects.filter(last_seen_at__lt=now - NETWORK_KEPT).delete()
    KnownNetwork.objects.update_or_create(username_hash=username_hash, address=address, defaults={"last_seen_at": now})


def is_network(username_hash: str, address: str, now: datetime) -> bool:
    return KnownNetwork.objects.filter(
        username_hash=username_hash, address=address, last_seen_at__gte=now - NETWORK_KEPT
    ).exists()
