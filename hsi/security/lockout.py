"""Guessing passwords: after some wrong ones a client waits, whichever name it tries, existing or not.

Failures are counted for a name from one address, and for an address whatever the name. A client elsewhere is not kept
out by them, so nobody can lock another person's account from afar.

Against guessing from many addresses, strangers together may try a name only so often: after some failures there is one
try at a time, with a pause after it that grows up to `LONGEST_PAUSE`. Nothing sleeps, a try that comes too early is
refused. Whoever comes from where the name has signed in before (`hsi.security.known_clients`) is no stranger and does
not wait. Of strangers, an address that has failed for the name waits twice as long, so that one that has not comes
first.

django-axes would do this with four tables, the text of every failed form and one limit for both; here it is a row a
failure, gone when it no longer counts.
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
# A household may share an address, so it has this many times the failures of one name.
NAMES_AN_ADDRESS = 4
# After one failure too many strangers pause this long before the next try at a name, then twice as long, and so on.
FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)


class Backend(ModelBackend):
    """Checks passwords. After too many wrong ones it raises LockedOutError. Admins have every right."""

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
            known_clients.remember_network(failure.who, address, now)
        return user

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.annotate(**{KNOWN: highest()}).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None) -> bool:
        return is_admin(user_obj) or super().has_perm(user_obj, perm, obj)  # type: ignore[arg-type]

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return is_admin(user_obj) or super().has_module_perms(user_obj, app_label)  # type: ignore[arg-type]


def reserve(username: str, address: str, now: datetime, device: Device | None = None) -> LoginFailure:
    """Count a failure before the password is looked at: many tries at once are not one. Raises LockedOutError."""
    attempt = LoginFailure(who=hashed(username), address=address, at=now)
    attempt.device = _known_device(attempt, device)
    attempt.is_known = bool(attempt.device) or known_clients.is_network(attempt.who, address, now)
    _refuse(attempt)
    LoginFailure.objects.filter(at__lt=now - window()).delete()
    attempt.save()
    try:
        _refuse(attempt)
    except LockedOutError:
        attempt.delete()
        raise
    return attempt


def forget(username: str | None = None, address: str | None = None) -> int:
    """Forget failures of a name, of an address, or of both together; how many there were."""
    failures = LoginFailure.objects.all()
    if username is not None:
        failures = failures.filter(who=hashed(username))
    if address is not None:
        failures = failures.filter(address=address)
    return failures.delete()[0]


def hashed(username: str) -> str:
    return salted_hmac(SALT, username.casefold(), algorithm="sha256").hexdigest()


def window() -> timedelta:
    return timedelta(minutes=settings.LOGIN_LOCKOUT_MINUTES)


def _known_device(attempt: LoginFailure, device: Device | None) -> str:
    """The number of the device where the name has signed in on it, and it has not failed too often since."""
    if device is None or attempt.who not in device.names:
        return ""
    failed = LoginFailure.objects.filter(who=attempt.who, device=device.number, at__gt=attempt.at - window()).count()
    return device.number if failed < settings.LOGIN_FAILURE_LIMIT else ""


def _refuse(attempt: LoginFailure) -> None:
    """Raise LockedOutError where failures before `attempt` say so; of those at the same time, the stored ones do."""
    recent = LoginFailure.objects.filter(at__gt=attempt.at - window())
    if attempt.pk is not None:
        recent = recent.filter(pk__lt=attempt.pk)
    here = recent.filter(address=attempt.address)
    limit: int = settings.LOGIN_FAILURE_LIMIT
    ends = [_ends(here.filter(who=attempt.who), limit), _ends(here, limit * NAMES_AN_ADDRESS)]
    if not attempt.is_known:
        ends.append(_pause_ends(recent.filter(who=attempt.who, is_known=False), attempt.address))
    if (until := max((end for end in ends if end), default=attempt.at)) > attempt.at:
        wait = until - attempt.at
        detail = f"Too many failed logins. Try again in {_in_words(wait)}."
        raise LockedOutError(detail, retry_after_seconds=wait.total_seconds())


def _pause_ends(failures: QuerySet[LoginFailure], address: str) -> datetime | None:
    """When the pause after the newest of `failures`, of strangers at one name, ends for `address`."""
    newest = failures.order_by("-at", "-pk").first()
    beyond = failures.count() - int(settings.LOGIN_FAILURE_LIMIT)
    if newest is None or beyond <= 0:
        return None
    # 2 to the power of a few is more than the longest pause: no need to compute with thousands.
    pause = min(FIRST_PAUSE * 2 ** min(beyond - 1, 10), LONGEST_PAUSE)
    times = 2 if failures.filter(address=address).exists() else 1
    end: datetime = newest.at + times * pause
    return end


def _in_words(wait: timedelta) -> str:
    whole, unit = -(-wait // timedelta(minutes=1)), "minute"
    if wait <= timedelta(minutes=1):
        whole, unit = -(-wait // timedelta(seconds=1)), "second"
    return f"{whole} {unit}{'' if whole == 1 else 's'}"


def _ends(failures: QuerySet[LoginFailure], limit: int) -> datetime | None:
    """When so many of `failures` no longer count that there are fewer than `limit`; None where there already are."""
    times = list(failures.order_by("-at", "-pk").values_list("at", flat=True)[:limit])
    return times[-1] + window() if len(times) == limit else None
