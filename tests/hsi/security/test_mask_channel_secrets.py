"""What the audit log kept of secrets before they were marked by field."""

from __future__ import annotations

from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction

from hsi.logs.redaction import MASK
from hsi.models import AuditEntry

pytestmark = pytest.mark.django_db


def migrate() -> None:
    def execute(statement: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(statement)

    module: Any = import_module("hsi.migrations.0013_mask_channel_secrets")
    module.AT_ONCE = 3
    module.mask(apps, SimpleNamespace(connection=connection, execute=execute))


def test_entries_about_channels_lose_their_secrets_and_stay_as_they_are_otherwise():
    url = {"name": "a", "url": "tgram://1:SECRET/2", "secret": "", "password": None, "enabled": True}
    for number in range(7):
        AuditEntry.objects.create(user="ann", action="notificationchannel_added", object=f"channel {number}", after=url)
    changed = AuditEntry.objects.create(
        user="ann", action="notificationchannel_changed", object="channel 1",
        before={"secret": "SECRET", "password": "SECRET"}, after={"name": "b"}, request_id="r",
    )  # fmt: skip
    other = AuditEntry.objects.create(user="ann", action="camera_changed", object="camera a", after={"url": "/x"})
    plain = AuditEntry.objects.create(user="ann", action="notificationchannel_deleted", object="channel 9", before="x")
    for _ in range(2):  # once is enough, twice does no harm
        migrate()
    assert "SECRET" not in str(list(AuditEntry.objects.values()))
    for entry in AuditEntry.objects.filter(action="notificationchannel_added"):
        assert entry.after == {"name": "a", "url": MASK, "secret": "", "password": None, "enabled": True}
    was = AuditEntry.objects.get(pk=changed.pk)
    assert (was.before, was.after) == ({"secret": MASK, "password": MASK}, {"name": "b"})
    assert (was.user, was.time, was.request_id) == ("ann", changed.time, "r")
    assert AuditEntry.objects.get(pk=other.pk).after == {"url": "/x"}
    assert AuditEntry.objects.get(pk=plain.pk).before == "x"


def test_the_log_is_append_only_afterwards():
    AuditEntry.objects.create(
        user="ann", action="notificationchannel_added", object="channel 1", after={"url": "SECRET"}
    )
    migrate()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        AuditEntry.objects.update(user="somebody else")
