"""Events and detections ever made, counted from the outbox.

Its numbers have no gaps and are in commit order, so each message is counted exactly once across crashes. Retention
removes events and messages; the counters stay.
"""

from __future__ import annotations

from django.db import transaction

from hsi.metrics.histogram_rows import add_tallies
from hsi.models import CounterValue, StreamMessage

EVENTS, DETECTIONS, POSITION = "events_created", "detections_processed", "outbox_position"
PAGE = 2_000


def advance() -> None:
    """Count new messages, in pages of one transaction each."""
    CounterValue.objects.get_or_create(name=POSITION, label="", bucket=0)
    while _count_page():
        pass


def _count_page() -> bool:
    """Count one page. Return True if there may be more."""
    with transaction.atomic():
        position = CounterValue.objects.select_for_update().get(name=POSITION, label="", bucket=0)
        rows = StreamMessage.objects.filter(seq__gt=int(position.value)).order_by("seq")
        page = list(rows.values_list("seq", "type", "data__count")[:PAGE])
        if not page:
            return False
        position.value = page[-1][0]
        position.save(update_fields=["value"])
        events = sum(kind == "event.created" for _, kind, _ in page)
        detections = sum(int(count or 0) for _, kind, count in page if kind == "detection.created")
        add_tallies(_rows({EVENTS: events, DETECTIONS: detections}))
    return len(page) == PAGE


def _rows(counts: dict[str, int]) -> list[tuple[str, str, int, float]]:
    return [(name, "", 0, count) for name, count in counts.items() if count]
