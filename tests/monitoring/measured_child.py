"""A process that works a little, as a worker does, and ends: the way its figures reach the rows is the real one."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hsi.settings")

import django

django.setup()

from django.db import transaction  # noqa: E402

from hsi import samples, stream  # noqa: E402
from hsi.recorder import Recorder  # noqa: E402

with Recorder():
    for number in range(int(sys.argv[1])):
        samples.stage("detection", 0.2)
        samples.count(samples.UPLOADS, "detected")
        samples.count(samples.ERRORS, "AI_SERVICE_ERROR")
        samples.observe(samples.AI_REQUEST, "rtdetr", 0.03)
        with transaction.atomic():
            stream.publish(("detection.created", "door", {"count": 2}), ("event.created", "door", {"id": number}))
