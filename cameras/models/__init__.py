"""Where pictures come from: cameras, who may see them, every file they uploaded, and what keeps files out."""

from cameras.models.cameras import (
    GONE,
    LONGEST_CORRECTION_SECONDS,
    LONGEST_INTERVAL_SECONDS,
    REPEATS,
    SHORTEST_INTERVAL_SECONDS,
    Camera,
    CameraGrant,
    CameraQuerySet,
    Garbage,
    Upload,
    UploadQuerySet,
    Zone,
    validate_time_zone,
    version_key,
)
from cameras.models.problems import IntakeProblem

__all__ = [
    "GONE", "LONGEST_CORRECTION_SECONDS", "LONGEST_INTERVAL_SECONDS", "REPEATS", "SHORTEST_INTERVAL_SECONDS", "Camera",
    "CameraGrant", "CameraQuerySet", "Garbage", "IntakeProblem", "Upload", "UploadQuerySet", "Zone",
    "validate_time_zone", "version_key", ]  # fmt: skip
