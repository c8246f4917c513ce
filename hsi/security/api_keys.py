"""The keys of the setting API_KEYS: for programs, without a user of their own. Kept in memory as hashes."""

from __future__ import annotations

import hmac
import logging
from functools import cache

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction

from hsi.models import ApiToken, digest
from hsi.security.roles import SERVICE, Role, is_service, set_role

logger = logging.getLogger(__name__)

SCOPES = ("read", "write")


def find_key(text: str) -> ApiToken | None:
    """The key with this text as a token that is no row, if keys are in use."""
    if not settings.API_KEY_ENABLED:
        return None
    asked = digest(text)
    # All are compared, so that the time tells nothing.
    found = [known for known in _digests(tuple(settings.API_KEYS)) if hmac.compare_digest(known, asked)]
    user = _service_user() if found else None
    if user is None:
        return None
    return ApiToken(user=user, name="API_KEYS", digest=asked, prefix="", scopes=list(SCOPES))


@cache
def _digests(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(digest, keys))


def _service_user() -> User | None:
    """The user whom all keys act as, made when first needed. None where a person has taken the name."""
    user = User.objects.filter(username=SERVICE).first()
    if user is None:
        with transaction.atomic():
            user, made = User.objects.get_or_create(username=SERVICE, defaults={"password": "!"})
            if made:  # a key may also review and change; whoever wants less of it makes this user a viewer
                set_role(user, Role.OPERATOR)
    if not is_service(user):
        logger.error("API_KEYS cannot be used: the user %s is deactivated or has a password", SERVICE)
        return None
    return user
