"""A process that works a little, as a worker does, and ends: the way its figures reach the rows is the real one."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

import django

django.setup()

from django.db import transaction  # noqa: E402

from hsi.metrics import histograms  # noqa: E402
from hsi.outbox import publish  # noqa: E402
from hsi.outbox.messages import CameraId, Message  # noqa: E402
from hsi.workers.flusher import PeriodicFlusher  # noqa: E402

door = CameraId("door")
with PeriodicFlusher():
    for number in range(int(sys.argv[1])):
        histograms.stage("detection", 0.2)
        histograms.count(histograms.UPLOADS, "detected")
        histograms.count(histograms.ERRORS, "AI_SERVICE_ERROR")
        histograms.observe(histograms.AI_REQUEST, "rtdetr", 0.03)
        with transaction.atomic():
            publish.publish(
                Message("detection.created", door, {"count": 2}), Message("event.created", door, {"id": number})
            )
