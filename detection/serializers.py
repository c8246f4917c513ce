"""The API representation of a detection."""

from __future__ import annotations

from typing import Literal, TypedDict

from detection.models import Detection, StaticObject
from hsi.http.url_prefix import link
from hsi.times import iso


class BoxData(TypedDict):
    """A box relative to its picture. All values are from 0 to 1; `x` and `y` are the upper left corner."""

    x: float
    y: float
    width: float
    height: float


class DetectionData(TypedDict):
    """One object found in one picture. `frame_offset` is seconds into a clip, null for a still.

    `track` is the number of the object within the event. `ignored` is why it does not count, and empty if it counts.
    A detection that does not count has no event.
    """

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
    track: int | None
    is_static: bool
    ignored: Literal["", "label", "confidence", "size", "zone", "static", "unchanged", "too_many"]
    thumbnail_url: str


class StaticObjectData(TypedDict):
    """An object that stays where it is. It starts no event until it moves.

    `sightings` is the number of pictures with it since it appeared.
    """

    id: int
    camera: str
    label: str
    label_group: str
    box: BoxData
    since: str
    last_seen_at: str
    sightings: int


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
        "track": detection.track if getattr(detection, "event_id", None) else None,
        "is_static": detection.ignored == Detection.Ignored.STATIC,
        "ignored": detection.ignored,  # type: ignore[typeddict-item]  # the column takes no other
        "thumbnail_url": link(f"/api/detections/{detection.pk}/thumbnail"),
    }


def static_object_data(one: StaticObject) -> StaticObjectData:
    return {
        "id": one.pk,
        "camera": one.camera_id,
        "label": one.label,
        "label_group": one.label_group,
        "box": {"x": one.x, "y": one.y, "width": one.width, "height": one.height},
        "since": iso(one.since),
        "last_seen_at": iso(one.last_seen_at),
        "sightings": one.sightings,
    }
