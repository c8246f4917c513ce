"""The API representation of a detection."""

from __future__ import annotations

from typing import TypedDict

from detection.models import Detection
from hsi.http.url_prefix import link
from hsi.times import iso


class BoxData(TypedDict):
    """A box relative to its picture. All values are from 0 to 1; `x` and `y` are the upper left corner."""

    x: float
    y: float
    width: float
    height: float


class DetectionData(TypedDict):
    """One object found in one picture. `frame_offset` is seconds into a clip, null for a still."""

    id: int
    camera: str
    upload: int
    label: str
    confidence: float
    box: BoxData
    captured_at: str
    frame_offset: float | None
    zones: list[str]
    event: int | None
    thumbnail_url: str


class DetectionCreatedData(TypedDict):
    """Objects were detected in an upload. There is one message per upload, with all labels."""

    upload: int
    camera: str
    batch: int
    labels: list[str]
    count: int
    captured_at: str
    thumbnail_url: str


class BatchClosedData(TypedDict):
    """A batch is complete and waits for its judgement."""

    id: int
    camera: str
    detection_count: int
    started_at: str
    ended_at: str


def detection_data(detection: Detection) -> DetectionData:
    """Return the API representation of a detection. `event` is null until the batch has one; see `with_event`."""
    return {
        "id": detection.pk,
        "camera": detection.camera_id,
        "upload": detection.upload_id,
        "label": detection.label,
        "confidence": detection.confidence,
        "box": {"x": detection.x, "y": detection.y, "width": detection.width, "height": detection.height},
        "captured_at": iso(detection.captured_at),
        "frame_offset": detection.frame_offset,
        "zones": detection.zones,
        "event": getattr(detection, "event_id", None),
        "thumbnail_url": link(f"/api/detections/{detection.pk}/thumbnail"),
    }
