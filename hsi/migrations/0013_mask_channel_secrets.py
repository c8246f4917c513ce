"""Entries of the audit log about notification channels held the secrets that were entered on the admin's page."""

from importlib import import_module

from django.db import migrations

MASK = "********"
SECRETS = ("url", "secret", "password")
AT_ONCE = 500


def masked(value):
    """`value` with its secrets masked; None where there is nothing to mask."""
    if not isinstance(value, dict) or not any(value.get(name) not in (None, "", MASK) for name in SECRETS):
        return None
    return {name: MASK if name in SECRETS and one else one for name, one in value.items()}


def mask(apps, schema_editor):
    append_only = import_module("hsi.migrations.0005_operations")
    append_only.make_changeable(apps, schema_editor)
    entries = apps.get_model("hsi", "AuditEntry").objects.using(schema_editor.connection.alias)
    last = 0
    while rows := list(
        entries.filter(action__startswith="notificationchannel_", pk__gt=last).order_by("pk").only("before", "after")[:AT_ONCE]
    ):
        last = rows[-1].pk
        changed = [row for row in rows if masked(row.before) or masked(row.after)]
        for row in changed:
            row.before, row.after = masked(row.before) or row.before, masked(row.after) or row.after
        entries.bulk_update(changed, ["before", "after"])
    append_only.make_append_only(apps, schema_editor)


class Migration(migrations.Migration):

    dependencies = [
        ("hsi", "0012_known_networks"),
    ]

    operations = [
        migrations.RunPython(mask, migrations.RunPython.noop),
    ]
