from datetime import timedelta
from typing import Any

from django.apps.registry import Apps
from django.db import migrations
from django.utils import timezone

DAYS = 12  # events.habits.KEPT_DAYS at the time of this migration


def request_fill(apps: Apps, schema_editor: Any) -> None:
    """Create the job that fills the new table of habits, if there are events to fill it from."""
    now = timezone.now()
    events = apps.get_model("events", "Event")._base_manager.filter(started_at__gte=now - timedelta(days=DAYS))
    if total := events.count():
        apps.get_model("monitoring", "JobRun").objects.create(name="habits", started_at=now, total=total)


def withdraw_fill(apps: Apps, schema_editor: Any) -> None:
    apps.get_model("monitoring", "JobRun").objects.filter(name="habits").delete()


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_initial"), ("events", "0001_initial")]
    operations = [migrations.RunPython(request_fill, withdraw_fill)]
