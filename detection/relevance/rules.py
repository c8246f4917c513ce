"""Load what counts for a camera: the settings of the site, overridden by those of the camera, and its masks."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from django.conf import settings

from cameras.models import Camera, Zone
from detection.relevance.decision import Mask, Rules
from hsi.db import sql


def rules_of(camera_id: str, zones: Sequence[Zone]) -> Rules:
    """Return the rules of a camera whose enabled zones are `zones`. The camera's values come before the site's."""
    (camera,) = sql.select(Camera, "id=%(id)s", {"id": camera_id})
    return Rules(
        labels=frozenset(camera.labels or settings.DETECTION_LABELS),
        thresholds=numbers_by_label(settings.DETECTION_THRESHOLDS) | camera.thresholds,
        min_sizes=numbers_by_label(settings.DETECTION_MIN_SIZES) | camera.min_sizes,
        max_sizes=numbers_by_label(settings.DETECTION_MAX_SIZES) | camera.max_sizes,
        sure=numbers_by_label(settings.DETECTION_SURE_THRESHOLDS),
        masks=[Mask(zone.polygon, frozenset(zone.labels)) for zone in zones if zone.kind == Zone.Kind.IGNORE],
    )


def enabled_zones(camera_id: str) -> list[Zone]:
    return sql.select(Zone, "camera_id=%(camera)s AND enabled ORDER BY id", {"camera": camera_id})


def numbers_by_label(items: Sequence[str]) -> dict[str, float]:
    """Return the numbers of a setting whose items are such as `person=0.5`."""
    return _parsed(tuple(items))


@lru_cache(maxsize=64)
def _parsed(items: tuple[str, ...]) -> dict[str, float]:
    return {label: float(number) for label, _, number in (item.rpartition("=") for item in items)}
