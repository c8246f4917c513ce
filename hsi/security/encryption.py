"""Secrets that must be read back, encrypted at rest: Fernet, with a key derived from SECRET_KEY.

A copy of the database alone does not give them away. With another SECRET_KEY they cannot be read any more.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from hsi.errors import HSIError
from hsi.logs import redaction

PURPOSE = b"hsi.security.encryption.1"  # whatever else is derived from SECRET_KEY has another key


class UnreadableSecretError(HSIError):
    """The stored secrets cannot be decrypted, because SECRET_KEY has changed. Enter the secrets again."""

    code = "SECRET_UNREADABLE"
    retryable = False


def seal(secrets: Mapping[str, str]) -> str:
    """`secrets` by name as a text that only `unseal` can read. None of them: an empty text.

    From now on they are masked wherever they come up, as what `unseal` returns.
    """
    redaction.handle(secrets.values())
    return _fernet().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def unseal(text: str) -> dict[str, str]:
    """What was sealed. Raises `UnreadableSecretError`."""
    if not text:
        return {}
    try:
        secrets: dict[str, str] = json.loads(_fernet().decrypt(text.encode()))
    except (InvalidToken, ValueError) as error:
        raise UnreadableSecretError from error
    redaction.handle(secrets.values())
    return secrets


def _fernet() -> Fernet:
    key = HKDF(algorithm=SHA256(), length=32, salt=None, info=PURPOSE).derive(settings.SECRET_KEY.encode())
    return Fernet(base64.urlsafe_b64encode(key))
