"""What the bodies of the cameras' API may hold."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from cameras import zones
from cameras.files.ignored_names import is_passed_over
from cameras.intake.http_upload import is_believable, safe_name
from cameras.intake.recorder_channels import validate_pattern
from cameras.models import (
    LONGEST_CORRECTION_SECONDS,
    LONGEST_INTERVAL_SECONDS,
    SHORTEST_INTERVAL_SECONDS,
    validate_time_zone,
)
from cameras.registry import safe_id
from cameras.vendors import choices
from hsi.api.inputs import FractionField, Input, is_printable

LONGEST_FOLDER_BYTES = 200
BIGGEST_VERSION = 2**31 - 1


class CameraInputSerializer(Input):
    name = serializers.CharField(max_length=120, validators=[is_printable])
    time_zone = serializers.CharField(
        required=False, allow_blank=True, max_length=64, validators=[validate_time_zone],
        help_text="Time zone such as Europe/Berlin. Empty: the time zone of the site.",
    )  # fmt: skip
    clock_correction_seconds = serializers.IntegerField(
        required=False, min_value=-LONGEST_CORRECTION_SECONDS, max_value=LONGEST_CORRECTION_SECONDS,
        help_text="Seconds added to the times in file names, for a clock that cannot be corrected.",
    )  # fmt: skip
    channel_pattern = serializers.CharField(
        required=False, allow_blank=True, max_length=120, validators=[validate_pattern],
        help_text="Pattern of the channel in file names of a recorder, such as NVR_{channel}_.",
    )  # fmt: skip
    make = serializers.ChoiceField(
        choices=choices(),
        required=False,
        allow_blank=True,
        help_text="Vendor. It only selects the set-up instructions.",
    )
    expected_interval_seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=SHORTEST_INTERVAL_SECONDS, max_value=LONGEST_INTERVAL_SECONDS,
        help_text="Mark the camera offline after this many seconds without a file. Null disables the check.",
    )  # fmt: skip
    enabled = serializers.BooleanField(
        required=False, help_text="False pauses the camera. Its files wait in their folder."
    )


class NewCameraInputSerializer(CameraInputSerializer):
    folder = serializers.CharField(
        required=False, validators=[is_printable],
        help_text="First folder below the camera root. It may exist already. By default it is derived from the name.",
    )  # fmt: skip

    def validate_folder(self, folder: str) -> str:
        if folder in (".", "..") or "/" in folder or "\\" in folder or is_passed_over(folder):
            raise ValidationError("Must be the name of one folder, not hidden and not temporary.")
        if len(folder.encode()) > LONGEST_FOLDER_BYTES:
            raise ValidationError(f"Must have at most {LONGEST_FOLDER_BYTES} bytes.")
        return folder

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"folder": safe_id(attrs["name"]), **attrs}


class ZoneInputSerializer(Input):
    name = serializers.CharField(max_length=120, validators=[is_printable])
    polygon = serializers.ListField(
        child=serializers.ListField(child=FractionField(), min_length=2, max_length=2),
        min_length=zones.FEWEST_POINTS, max_length=zones.MOST_POINTS,
        help_text="Corners as [x, y] from 0 to 1, with the origin at the top left. Do not repeat the first corner.",
    )  # fmt: skip
    kind = serializers.CharField(required=False, allow_blank=True, max_length=40, validators=[is_printable])
    enabled = serializers.BooleanField(required=False, help_text="False disables the zone for new detections.")

    def validate_polygon(self, polygon: list[list[float]]) -> list[list[float]]:
        if fault := zones.fault_of(polygon):
            raise ValidationError(fault)
        return polygon


class ZoneChangeSerializer(ZoneInputSerializer):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=BIGGEST_VERSION,
        help_text="Change the zone only if it still has this version; otherwise the answer is 409.",
    )  # fmt: skip


class UploadInputSerializer(Input):
    """One file; its name says what it is, and may say when it was taken."""

    file = serializers.FileField(allow_empty_file=True)
    captured_at = serializers.DateTimeField(
        required=False,
        default_timezone=UTC,
        help_text="Capture time. By default it is derived as for any file of the camera.",
    )

    def validate_file(self, file: Any) -> str:
        name = safe_name(file.name or "")
        if name is None:
            raise ValidationError("Needs a name with an extension, and not that of a temporary file.")
        return name

    def validate_captured_at(self, captured_at: Any) -> Any:
        if not is_believable(captured_at, timezone.now()):
            raise ValidationError("Must lie in the last 30 days.")
        return captured_at
