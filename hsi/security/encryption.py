"""Encryption of stored secrets: Fernet with a key derived from SECRET_KEY.

A copy of the database alone does not reveal them. After a change of SECRET_KEY they cannot be decrypted.
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

PURPOSE = b"hsi.security.encryption.1"  # other keys derived from SECRET_KEY are different


class UnreadableSecretError(HSIError):
    """The stored secrets cannot be decrypted, because SECRET_KEY has changed. Enter the secrets again."""

    code = "SECRET_UNREADABLE"
    retryable = False


def seal(secrets: Mapping[str, str]) -> str:
    """Encrypt `secrets` by name for `unseal`. Return an empty string for no secrets.

    The secrets are masked in all logs from now on, like the results of `unseal`.
    """
    redaction.handle(secrets.values())
    return _fernet().encrypt(json.dumps(dict(secrets)).encode()).decode() if secrets else ""


def unseal(text: str) -> dict[str, str]:
    """Decrypt the result of `seal`. Raise `UnreadableSecretError`."""
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
