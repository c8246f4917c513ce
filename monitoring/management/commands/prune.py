from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from cameras.models import Garbage
from hsi import live_settings
from monitoring.retention.rules import Reason
from monitoring.retention.run import prune
from monitoring.retention.units import DeletionUnit


@dataclass(slots=True)
class RemovedCount:
    """What goes of one camera for one reason."""

    events: int = 0
    uploads: int = 0
    bytes: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None

    def add(self, unit: DeletionUnit) -> None:
        self.events += unit.event is not None
        self.uploads += len(unit.files)
        self.bytes += unit.bytes
        self.oldest = min(self.oldest or unit.started_at, unit.started_at)
        self.newest = max(self.newest or unit.ended_at, unit.ended_at)


class Command(BaseCommand):
    help = "Remove the data that exceeds the retention settings."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only print what would be removed.")

    def handle(self, *args: Any, **options: Any) -> None:
        live_settings.apply_changes()
        dry_run: bool = options["dry_run"]
        counts: dict[tuple[Reason, str], RemovedCount] = {}
        for step in prune(timezone.now(), dry_run=dry_run):
            for unit in step.units:
                counts.setdefault((step.reason, unit.camera), RemovedCount()).add(unit)
        for line in lines(counts, "would go" if dry_run else "removed"):
            self.stdout.write(line)
        left = 0 if dry_run else Garbage.objects.count()
        if left:
            self.stdout.write(f"{left} files could not be deleted yet and will be tried again.")


def lines(counts: dict[tuple[Reason, str], RemovedCount], verb: str) -> Iterator[str]:
    """One line a camera and reason, then the sum."""
    for (reason, camera), tally in sorted(counts.items(), key=lambda item: (item[0][1], item[0][0].name)):
        span = f"{tally.oldest:%Y-%m-%d %H:%M} to {tally.newest:%Y-%m-%d %H:%M}"
        yield f"{camera}: {tally.events} events, {tally.uploads} uploads, {tally.bytes} bytes, {span}: {reason.value}"
    events, uploads, size = (
        sum(getattr(tally, name) for tally in counts.values()) for name in ("events", "uploads", "bytes")
    )
    yield f"{verb}: {events} events, {uploads} uploads, {size} bytes"
