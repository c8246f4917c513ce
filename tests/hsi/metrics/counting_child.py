"""A process that asks, queries and reads the cache as often as it is told, and then lives until its input ends."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

import django

django.setup()

from django.core.cache import cache  # noqa: E402
from django.db import connection  # noqa: E402
from django.test import Client  # noqa: E402

from hsi.metrics import process_metrics  # noqa: E402

for _ in range(int(sys.argv[1])):
    assert Client().get("/health/live").status_code == 200
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    cache.get("nothing")
process_metrics.update()
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.read()
