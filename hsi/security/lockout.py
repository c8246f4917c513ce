"""Protection against password guessing: after several failed logins a client must wait.

Failures are counted per name and address, and per address over all names. Clients elsewhere are not affected, so no
attacker can lock out another user.

Against guessing from many addresses, unknown clients together get a limited number of attempts per name. After that,
only one attempt at a time is allowed, with a pause that grows up to `LONGEST_PAUSE`. Nothing sleeps: an early attempt
is rejected. Known clients (`hsi.security.known_clients`) do not wait. An unknown address with its own failures waits
twice as long, so that other addresses come first.

django-axes would need four tables, store the text of every failed form, and have one limit for both. Here a failure is
one row, which is deleted when it no longer counts.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from hsi.errors import LockedOutError
from hsi.http.client_address import client_network
from hsi.models import LoginFailure
from hsi.security import known_clients
from hsi.security.known_clients import Device
from hsi.security.roles import KNOWN, highest, is_admin

SALT = "hsi.security.lockout"
# A household may share an address, so the limit per address is a multiple of the limit per name.
NAMES_AN_ADDRESS = 4
# The first pause of unknown clients for a name. It doubles with each failure.
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)


class Backend(ModelBackend):
    """Check passwords. Raise LockedOutError after too many failures. Admins have every permission."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is None or username is None:
            return super().authenticate(request, username, password, **kwargs)
        address, now = client_network(request.META), timezone.now()
        failure = reserve(username, address, now, known_clients.device_of(request))
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            forget(username, address)
            LoginFailure.objects.filter(pk=failure.pk).delete()
            known_clients.remember_network(failure.username_hash, address, now)
        return user

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.annotate(**{KNOWN: highest()}).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None) -> bool:
        return is_admin(user_obj) or super().has_perm(user_obj, perm, obj)  # type: ignore[arg-type]

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return is_admin(user_obj) or super().has_module_perms(user_obj, app_label)  # type: ignore[arg-type]


def reserve(username: str, address: str, now: datetime, device: Device | None = None) -> LoginFailure:
    """Count a failure before the password check, so that parallel attempts all count. Raise LockedOutError."""
    attempt = LoginFailure(username_hash=hashed(username), address=address, created_at=now)
    attempt.device = _known_device(attempt, device)
    attempt.is_known = bool(attempt.device) or known_clients.is_network(attempt.username_hash, address, now)
    _refuse(attempt)
    LoginFailure.objects.filter(created_at__lt=now - window()).delete()
    attempt.save()
    try:
        _refuse(attempt)
    except LockedOutError:
        attempt.delete()
        raise
    return attempt


def forget(username: str | None = None, address: str | None = None) -> int:
    """Delete failures of a name, of an address, or of both together. Return their number."""
    failures = LoginFailure.objects.all()
    if username is not None:
        failures = failures.filter(username_hash=hashed(username))
    if address is not None:
        failures = failures.filter(address=address)
    return failures.delete()[0]


def hashed(username: str) -> str:
    return salted_hmac(SALT, username.casefold(), algorithm="sha256").hexdigest()


def window() -> timedelta:
    return timedelta(minutes=settings.LOGIN_LOCKOUT_MINUTES)


def _known_device(attempt: LoginFailure, device: Device | None) -> str:
    """Return the number of the device if the name has signed in on it and has few recent failures there."""
    if device is None or attempt.username_hash not in device.names:
        return ""
    failed = LoginFailure.objects.filter(
        username_hash=attempt.username_hash, device=device.number, created_at__gt=attempt.created_at - window()
    ).count()
    return device.number if failed < settings.LOGIN_FAILURE_LIMIT else ""


def _refuse(attempt: LoginFailure) -> None:
    """Raise LockedOutError if failures before `attempt` require it.

    For simultaneous attempts, the stored order decides.
    """
    recent = LoginFailure.objects.filter(created_at__gt=attempt.created_at - window())
    if attempt.pk is not None:
        recent = recent.filter(pk__lt=attempt.pk)
    here = recent.filter(address=attempt.address)
    limit: int = settings.LOGIN_FAILURE_LIMIT
    ends = [_ends(here.filter(username_hash=attempt.username_hash), limit), _ends(here, limit * NAMES_AN_ADDRESS)]
    if not attempt.is_known:
        ends.append(_pause_ends(recent.filter(username_hash=attempt.username_hash, is_known=False), attempt.address))
    if (until := max((end for end in ends if end), default=attempt.created_at)) > attempt.created_at:
        wait = until - attempt.created_at
        detail = f"Too many failed logins. Try again in {_in_words(wait)}."
        raise LockedOutError(detail, retry_after_seconds=wait.total_seconds())


def _pause_ends(failures: QuerySet[LoginFailure], address: str) -> datetime | None:
    """Return when the pause after the newest of `failures` (unknown clients, one name) ends for `address`."""
    newest = failures.order_by("-created_at", "-pk").first()
    beyond = failures.count() - int(settings.LOGIN_FAILURE_LIMIT)
    if newest is None or beyond <= 0:
        return None
    # A small exponent already exceeds the longest pause, so larger ones are not computed.
    pause = min(FIRST_PAUSE * 2 ** min(beyond - 1, 10), LONGEST_PAUSE)
    times = 2 if failures.filter(address=address).exists() else 1
    end: datetime = newest.created_at + times * pause
    return end


def _in_words(wait: timedelta) -> str:
    whole, unit = -(-wait // timedelta(minutes=1)), "minute"
    if wait <= timedelta(minutes=1):
        whole, unit = -(-wait // timedelta(seconds=1)), "second"
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def _ends(failures: QuerySet[LoginFailure], limit: int) -> datetime | None:
    """Return when fewer than `limit` of `failures` count, or None if this is already the case."""
    times = list(failures.order_by("-created_at", "-pk").values_list("created_at", flat=True)[:limit])
    return times[-1] + window() if len(times) == limit else None
