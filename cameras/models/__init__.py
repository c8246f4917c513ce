"""The tables of this app.

`Camera` and `CameraGrant` (who may see it) are in `cameras`, `Zone` in `zones`, `Upload` and `Garbage` (files to
delete) in `uploads`, `IntakeProblem` in `problems`. Start with `Camera` and `Upload`.
"""

from cameras.models.cameras import (
    MAX_CLOCK_CORRECTION_SECONDS,
    MAX_INTERVAL_SECONDS,
    MIN_INTERVAL_SECONDS,
    Camera,
    CameraGrant,
    CameraQuerySet,
    validate_time_zone,
)
from cameras.models.problems import IntakeProblem
from cameras.models.uploads import (
    DUPLICATE_REASON,
    FILE_GONE_REASON,
    Garbage,
    Upload,
    UploadQuerySet,
    version_key,
)
from cameras.models.zones import Zone

__all__ = [
    "DUPLICATE_REASON", "FILE_GONE_REASON", "MAX_CLOCK_CORRECTION_SECONDS", "MAX_INTERVAL_SECONDS",
    "MIN_INTERVAL_SECONDS", "Camera", "CameraGrant", "CameraQuerySet", "Garbage", "IntakeProblem", "Upload",
    "UploadQuerySet", "Zone", "validate_time_zone", "version_key",
]  # fmt: skip
