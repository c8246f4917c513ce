from __future__ import annotations

from typing import Any

import pytest

from hsi.security import encryption

pytestmark = pytest.mark.one_engine

SECRETS = {"password": "päss wörd", "url": "https://example.org/?key=1"}


def test_what_is_sealed_is_read_back_and_never_stands_there_in_the_clear():
    text = encryption.seal(SECRETS)
    assert encryption.unseal(text) == SECRETS
    assert "wörd" not in text
    assert text != encryption.seal(SECRETS)
    assert encryption.seal({}) == ""
    assert encryption.unseal("") == {}


@pytest.mark.parametrize("change", ["key", "text"])
def test_another_key_or_a_changed_text_is_said_to_be_unreadable(settings: Any, change: str):
    text = encryption.seal(SECRETS)
    if change == "key":
        settings.SECRET_KEY = "another"
    else:
        text = text[:-8] + "AAAAAA=="
    with pytest.raises(encryption.UnreadableSecretError, match="Enter the secrets again"):
        encryption.unseal(text)
