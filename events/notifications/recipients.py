"""An address of Apprise that names several recipients is several addresses: each is sent to, and fails, on its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from apprise.plugins.base import NotifyBase
from django.utils.crypto import salted_hmac

# Where Apprise's services keep whom they send to.
LISTS = ("targets", "channels", "topics", "events")
KEY_CHARACTERS = 16


def parts(plugin: NotifyBase) -> Iterator[tuple[str, NotifyBase]]:
    """`plugin` for each of its recipients alone, with a key that tells them apart and says nothing about them."""
    names = [name for name in LISTS if len(plugin) > 1 and len(getattr(plugin, name, None) or ()) == len(plugin)]
    if not names:
        yield "", plugin
        return
    for recipient in getattr(plugin, names[0]):
        one = copy.copy(plugin)
        setattr(one, names[0], [recipient])
        yield salted_hmac("hsi.recipient", repr(recipient)).hexdigest()[:KEY_CHARACTERS], one
