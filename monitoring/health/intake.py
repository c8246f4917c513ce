"""Health of the intake: files and folders that are not accepted, and why."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db.models import QuerySet
from health_check.exceptions import ServiceWarning

from cameras.models import Camera, IntakeProblem
from monitoring.health.checks import NamedCheck

SHOWN = 10


class AffectedFoldersError(Exception):
    """The affected folders, for administrators."""


@dataclass
class IntakeCheck(NamedCheck):
    """Counts intake problems of `cameras` (None: of every folder), without names."""

    name: str = "intake"
    cameras: QuerySet[Camera] | None = field(default=None, repr=False)

    def run(self) -> None:
        rows = IntakeProblem.objects.all()
        if self.cameras is not None:  # "": problems of all folders
            rows = rows.filter(folder__in={"", *(camera.root_folder for camera in self.cameras)})
        problems = list(rows)
        self.detail = f"{summary(problems)}." if problems else "All files are accepted."
        faults = [problem for problem in problems if problem.kind not in IntakeProblem.HARMLESS]
        if faults:
            which = "; ".join(map(str, faults[:SHOWN]))
            raise ServiceWarning(f"{summary(faults)}.") from AffectedFoldersError(which)


def summary(problems: list[IntakeProblem]) -> str:
    """Summarize, such as `files that cannot be read: 3, folders that are too deep: 1`."""
    counts: dict[str, int] = {}
    for problem in problems:
        words = problem.get_kind_display()
        counts[words] = counts.get(words, 0) + problem.count
    return ", ".join(f"{words}: {count}" for words, count in counts.items())
