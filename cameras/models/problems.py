"""What keeps files from being taken in, a row a folder and kind: for the health, the camera's page and the metrics."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class IntakeProblem(models.Model):
    """Files or folders below `folder` (first folder below the camera root; "": all of them) that are not taken in.

    The watcher writes and removes it. `example` is one path, `detail` what the system said of it.
    """

    class Kind(models.TextChoices):
        UNREADABLE_FILE = "unreadable_file", "files that cannot be read"
        UNREADABLE_FOLDER = "unreadable_folder", "folders that cannot be read"
        UNKNOWN = "unknown", "files of a kind that is not known"
        TOO_DEEP = "too_deep", "folders that are too deep"
        FAILING = "failing", "files that cannot be taken in now"
        UNWATCHED = "unwatched", "folders without notifications"
        MISSED = "missed", "files that no notification told of"
        SPOOL_FULL = "spool_full", "files that wait for room in the spool"

    # What is told, and is no fault: a camera may write other files beside its pictures.
    HARMLESS: ClassVar = (Kind.UNKNOWN,)

    folder = models.TextField(blank=True, help_text="First folder below the camera root, as written there.")
    kind = models.CharField(max_length=17, choices=Kind)
    count = models.PositiveIntegerField()
    example = models.TextField(blank=True)
    detail = models.CharField(max_length=300, blank=True)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["folder", "kind"], name="intakeproblem_once")]
        ordering: ClassVar = ["folder", "kind"]

    def __str__(self) -> str:
        return f"{self.folder or 'all folders'}: {self.words}"

    @property
    def words(self) -> str:
        """Such as `files that cannot be read: 20 (a.jpg: Permission denied)`."""
        about = ": ".join(filter(None, (self.example, self.detail)))
        return f"{self.get_kind_display()}: {self.count}" + (f" ({about})" if about else "")
