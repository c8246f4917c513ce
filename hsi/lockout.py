"""Guessing passwords: after some wrong ones a client waits, whichever name it tries, existing or not.

Failures are counted for a name from one address, and for an address whatever the name. A client elsewhere is not kept
out by them, so nobody can lock another person's account from afar. django-axes would do this with four tables, the
text of every failed form and one limit for both; here it is a row a failure, gone when it no longer counts.
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

from hsi.address import client_network
from hsi.errors import LockedOutError
from hsi.models import LoginFailure
from hsi.roles import KNOWN, highest, is_admin

SALT = "hsi.lockout"
# A household may share an address, so it has this many times the failures of one name.
NAMES_AN_ADDRESS = 4


class Backend(ModelBackend):
    """Checks passwords. After too many wrong ones it raises LockedOutError. Admins have every right."""

    def authenticate(
        self, request: HttpRequest | None, username: str | None = None, password: str | None = None, **kwargs: Any
    ) -> User | None:
        if request is None or username is None:
            return super().authenticate(request, username, password, **kwargs)
        address = client_network(request.META)
        failure = reserve(username, address, timezone.now())
        user = super().authenticate(request, username, password, **kwargs)
        if user is not None:
            forget(username, address)
            LoginFailure.objects.filter(pk=failure.pk).delete()
        return user

    def get_user(self, user_id: Any) -> User | None:
        user = User.objects.annotate(**{KNOWN: highest()}).filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: AbstractBaseUser | AnonymousUser, perm: str, obj: Any = None) -> bool:
        return is_admin(user_obj) or super().has_perm(user_obj, perm, obj)  # type: ignore[arg-type]

    def has_module_perms(self, user_obj: AbstractBaseUser | AnonymousUser, app_label: str) -> bool:
        return is_admin(user_obj) or super().has_module_perms(user_obj, app_label)  # type: ignore[arg-type]


def reserve(username: str, address: str, now: datetime) -> LoginFailure:
    """Count a failure before the password is looked at: many tries at once are not one. Raises LockedOutError."""
    who = hashed(username)
    _refuse(who, address, now)
    LoginFailure.objects.filter(at__lt=now - window()).delete()
    failure = LoginFailure.objects.create(who=who, address=address, at=now)
    try:
        _refuse(who, address, now, before=failure.pk)
    except LockedOutError:
        failure.delete()
        raise
    return failure


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


def _refuse(who: str, address: str, now: datetime, before: int | None = None) -> None:
    recent = LoginFailure.objects.filter(address=address, at__gt=now - window())
    if before is not None:
        recent = recent.filter(pk__lt=before)
    limit: int = settings.LOGIN_FAILURE_LIMIT
    ends = [_ends(recent.filter(who=who), limit), _ends(recent, limit * NAMES_AN_ADDRESS)]
    if until := max((end for end in ends if end), default=None):
        wait = until - now
        minutes = -(-wait // timedelta(minutes=1))
        detail = f"Too many wrong passwords. Try again in {minutes} minute{'' if minutes == 1 else 's'}."
        raise LockedOutError(detail, wait_seconds=wait.total_seconds())


def _ends(failures: QuerySet[LoginFailure], limit: int) -> datetime | None:
    """When so many of `failures` no longer count that there are fewer than `limit`; None where there already are."""
    times = list(failures.order_by("-at", "-pk").values_list("at", flat=True)[:limit])
    return times[-1] + window() if len(times) == limit else None
