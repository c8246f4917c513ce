"""The request bodies of the API."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.core.exceptions import ValidationError as FormError
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from cameras import zones
from cameras.files.paths import is_ignored
from cameras.intake.http_upload import is_believable, safe_name
from cameras.labels import MAX_LABEL_CHARACTERS, MAX_LABELS, normalized, validate_shares
from cameras.models import (
    MAX_CLOCK_CORRECTION_SECONDS,
    MAX_INTERVAL_SECONDS,
    MIN_INTERVAL_SECONDS,
    Camera,
    Zone,
    validate_time_zone,
)
from cameras.naming.recorder_channels import validate_pattern
from cameras.services import safe_id
from cameras.vendors import choices
from hsi.api.inputs import FractionField, Input, is_printable

MAX_FOLDER_BYTES = 200
MAX_VERSION = 2**31 - 1


class LabelList(serializers.ListField):
    """Labels in the spelling of the detectors."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=LabelText(), max_length=MAX_LABELS, **options)


class LabelText(serializers.CharField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_length=MAX_LABEL_CHARACTERS, validators=[is_printable], **options)

    def to_internal_value(self, data: Any) -> str:
        return normalized(super().to_internal_value(data))


class ShareByLabel(serializers.DictField):
    """A number from 0 to 1 for each label."""

    def __init__(self, **options: Any) -> None:
        super().__init__(child=FractionField(), **options)

    def to_internal_value(self, data: Any) -> dict[str, float]:
        values = {normalized(label): number for label, number in super().to_internal_value(data).items()}
        try:
            validate_shares(values)
        except FormError as error:
            raise ValidationError(error.messages) from error
        return values


class CameraInputSerializer(Input):
    name = serializers.CharField(max_length=120, validators=[is_printable])
    time_zone = serializers.CharField(
        required=False, allow_blank=True, max_length=64, validators=[validate_time_zone],
        help_text="Time zone such as Europe/Berlin. Empty: the time zone of the site.",
    )  # fmt: skip
    clock_correction_seconds = serializers.IntegerField(
        required=False, min_value=-MAX_CLOCK_CORRECTION_SECONDS, max_value=MAX_CLOCK_CORRECTION_SECONDS,
        help_text="Seconds added to the times in file names, for a clock that cannot be corrected.",
    )  # fmt: skip
    channel_pattern = serializers.CharField(
        required=False, allow_blank=True, max_length=120, validators=[validate_pattern],
        help_text="Pattern of the channel in file names of a recorder, such as NVR_{channel}_.",
    )  # fmt: skip
    vendor = serializers.ChoiceField(
        choices=choices(),
        required=False,
        allow_blank=True,
        help_text="Vendor. It only selects the set-up instructions.",
    )
    expected_interval_seconds = serializers.IntegerField(
        required=False, allow_null=True, min_value=MIN_INTERVAL_SECONDS, max_value=MAX_INTERVAL_SECONDS,
        help_text="Mark the camera offline after this many seconds without a file. Null disables the check.",
    )  # fmt: skip
    place = serializers.ChoiceField(
        choices=Camera.Place.choices, required=False, allow_blank=True, help_text="What the camera looks at."
    )
    labels = LabelList(
        required=False, help_text="Labels and groups of labels that count here. Empty: the list of the site."
    )
    thresholds = ShareByLabel(
        required=False, help_text="Lowest confidence that counts here, by label or group. Others: that of the site."
    )
    min_sizes = ShareByLabel(
        required=False, help_text="Smallest share of the picture's area that counts here, by label or group."
    )
    max_sizes = ShareByLabel(
        required=False, help_text="Largest share of the picture's area that counts here, by label or group."
    )
    enabled = serializers.BooleanField(
        required=False, help_text="False pauses the camera. Its files wait in their folder."
    )


class NewCameraInputSerializer(CameraInputSerializer):
    folder = serializers.CharField(
        required=False, validators=[is_printable],
        help_text="First folder below the camera root. It may exist already. By default it is derived from the name.",
    )  # fmt: skip

    def validate_folder(self, folder: str) -> str:
        if folder in (".", "..") or "/" in folder or "\\" in folder or is_ignored(folder):
            raise ValidationError("Must be the name of one folder that is not hidden or temporary.")
        if len(folder.encode()) > MAX_FOLDER_BYTES:
            raise ValidationError(f"Must have at most {MAX_FOLDER_BYTES} bytes.")
        return folder

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        return {"folder": safe_id(attrs["name"]), **attrs}


class ZoneInputSerializer(Input):
    name = serializers.CharField(max_length=120, validators=[is_printable])
    polygon = serializers.ListField(
        child=serializers.ListField(child=FractionField(), min_length=2, max_length=2),
        min_length=zones.MIN_POINTS, max_length=zones.MAX_POINTS,
        help_text="Corners as [x, y] from 0 to 1, with the origin at the top left. Do not repeat the first corner.",
    )  # fmt: skip
    kind = serializers.ChoiceField(
        choices=Zone.Kind.choices, required=False, allow_blank=True,
        help_text="What the area is. Objects that stand in an area of the kind `ignore` do not count.",
    )  # fmt: skip
    labels = LabelList(
        required=False, help_text="Labels and groups of labels that an ignored area applies to. Empty: all."
    )
    enabled = serializers.BooleanField(required=False, help_text="False disables the zone for new detections.")

    def validate_polygon(self, polygon: list[list[float]]) -> list[list[float]]:
        if error := zones.polygon_error(polygon):
            raise ValidationError(error)
        return polygon


class ZoneChangeSerializer(ZoneInputSerializer):
    version = serializers.IntegerField(
        required=False, min_value=1, max_value=MAX_VERSION,
        help_text="Change the zone only if it still has this version; otherwise the answer is 409.",
    )  # fmt: skip


class UploadInputSerializer(Input):
    """One file. Its name must have a supported extension, and may hold the capture time."""

    file = serializers.FileField(allow_empty_file=True)
    captured_at = serializers.DateTimeField(
        required=False,
        default_timezone=UTC,
        help_text="Capture time. By default it is derived as for any file of the camera.",
    )

    def validate_file(self, file: Any) -> str:
        name = safe_name(file.name or "")
        if name is None:
            raise ValidationError("Needs a name with an extension that is not that of a temporary file.")
        return name

    def validate_captured_at(self, captured_at: Any) -> Any:
        if not is_believable(captured_at, timezone.now()):
            raise ValidationError("Must lie in the last 30 days.")
        return captured_at
