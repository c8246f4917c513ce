"""Zones: named areas of a camera's picture. The geometry is in `cameras.zones`."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.utils import timezone

from cameras.labels import validate_labels


class Zone(models.Model):
    """An area of a camera's picture. Its id is unique over all cameras."""

    class Kind(models.TextChoices):
        STREET = "street", "street"
        ENTRANCE = "entrance", "entrance"
        DRIVEWAY = "driveway", "driveway"
        PRIVATE = "private", "private ground"
        IGNORE = "ignore", "ignored"

    id = models.SlugField(primary_key=True, max_length=64)
    camera = models.ForeignKey("cameras.Camera", on_delete=models.CASCADE, related_name="zones")
    name = models.CharField(max_length=120)
    polygon = models.JSONField(help_text="Corners as [x, y] in 0 to 1, the origin at the top left.")
    kind = models.CharField(
        max_length=8, blank=True, choices=Kind,
        help_text="What the area is. Objects that stand in an ignored area start no event.",
    )  # fmt: skip
    labels = models.JSONField(
        default=list, blank=True, validators=[validate_labels],
        help_text="Labels and groups of labels that an ignored area applies to. Empty: all.",
    )  # fmt: skip
    enabled = models.BooleanField(default=True)
    version = models.PositiveIntegerField(default=1, editable=False, help_text="Increases with every change.")
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        ordering: ClassVar = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def advance_version(self, expected: int | None) -> bool:
        """Increase the version and reload the row. Return False if the stored version is not `expected`.

        `expected=None` accepts any version.
        """
        rows = (
            Zone.objects.filter(pk=self.pk) if expected is None else Zone.objects.filter(pk=self.pk, version=expected)
        )
        if not rows.update(version=models.F("version") + 1):
            return False
        self.refresh_from_db()
        return True
