"""Intake problems: what keeps files from being accepted. Health, the camera's page and the metrics read them."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class IntakeProblem(models.Model):
    """Files or folders that are not accepted, one row per camera folder and kind.

    `folder` is the first folder below the camera root; empty means all folders. `example` is one of the paths, and
    `detail` the system's message about it. The watcher creates and deletes the rows.
    """

    class Kind(models.TextChoices):
        UNREADABLE_FILE = "unreadable_file", "files that cannot be read"
        UNREADABLE_FOLDER = "unreadable_folder", "folders that cannot be read"
        UNKNOWN = "unknown", "files of an unknown kind"
        TOO_DEEP = "too_deep", "folders that are too deep"
        FAILING = "failing", "files that cannot be accepted now"
        UNWATCHED = "unwatched", "folders without file events"
        MISSED = "missed", "files without a file event"
        SPOOL_FULL = "spool_full", "files that wait for room in the spool"

    # Shown, but not a fault: a camera may write other files beside its pictures.
    HARMLESS: ClassVar = (Kind.UNKNOWN,)

    folder = models.TextField(blank=True, help_text="First folder below the camera root, spelled as on disk.")
    kind = models.CharField(max_length=17, choices=Kind)
    count = models.PositiveIntegerField()
    example = models.TextField(blank=True)
    detail = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["folder", "kind"], name="intakeproblem_once")]
        ordering: ClassVar = ["folder", "kind"]

    def __str__(self) -> str:
        return f"{self.folder or 'all folders'}: {self.summary}"

    @property
    def summary(self) -> str:
        """Such as `files that cannot be read: 20 (a.jpg: Permission denied)`."""
        about = ": ".join(filter(None, (self.example, self.detail)))
        return f"{self.get_kind_display()}: {self.count}" + (f" ({about})" if about else "")
