"""Tracks in the API: what each object of an event did."""

from __future__ import annotations

from typing import TypedDict

from events.models import Event, Track
from events.serializers import EventData, event_data
from hsi.http.url_prefix import link
from hsi.times import iso


class PathPointData(TypedDict):
    """Where an object stood: seconds since its first sighting, and the middle of its lower edge, from 0 to 1."""

    seconds: float
    x: float
    y: float


class ZoneStayData(TypedDict):
    """How long an object was in a zone. A time is null if the pictures do not show how it came, or went."""

    zone: str
    seconds: float
    entered_at: str | None
    left_at: str | None


class TrackData(TypedDict):
    """One object, followed through the pictures of an event. `entry` and `exit` are the edges that it touched.

    `number` is the `track` of its detections. `thumbnail_url` shows its most confident detection.
    """

    number: int
    label: str
    label_group: str
    labels: list[str]
    confidence: float
    started_at: str
    ended_at: str
    seconds: float
    moved: bool
    entry: str
    exit: str
    path: list[PathPointData]
    zones: list[ZoneStayData]
    detection_count: int
    best_detection: int
    thumbnail_url: str


class EventWithTracksData(EventData):
    tracks: list[TrackData]


def event_with_tracks(event: Event) -> EventWithTracksData:
    return {**event_data(event), "tracks": [track_data(track) for track in event.tracks.order_by("number")]}


def track_data(track: Track) -> TrackData:
    return {
        "number": track.number,
        "label": track.label,
        "label_group": track.label_group,
        "labels": track.labels,
        "confidence": track.confidence,
        "started_at": iso(track.started_at),
        "ended_at": iso(track.ended_at),
        "seconds": track.seconds,
        "moved": track.moved,
        "entry": track.entry,
        "exit": track.exit,
        "path": [{"seconds": seconds, "x": x, "y": y} for seconds, x, y in track.path],
        "zones": track.zones,
        "detection_count": track.detection_count,
        "best_detection": track.best_detection,
        "thumbnail_url": link(f"/api/detections/{track.best_detection}/thumbnail"),
    }
