"""A detection as the API shows it."""

from __future__ import annotations

from typing import Any

from detection.models import Detection
from hsi.times import iso


def detection_data(detection: Detection) -> dict[str, Any]:
    """The detection of contracts.md. `event` is null until its batch became one; see `with_event`."""
    return {
        "id": detection.pk,
        "camera": detection.camera_id,
        "upload": detection.upload_id,
        "label": detection.label,
        "confidence": detection.confidence,
        "box": {"x": detection.x, "y": detection.y, "width": detection.width, "height": detection.height},
        "captured_at": iso(detection.captured_at),
        "frame_offset": detection.frame_offset,
        "zones": [],
        "event": getattr(detection, "event_id", None),
        "thumbnail_url": f"/api/detections/{detection.pk}/thumbnail",
    }
