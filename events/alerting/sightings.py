"""What was seen in batches, in the form that alert rules ask about."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from django.db.models import Max

from detection.models import Detection
from events.alerting.matching import Sighting


def sightings(batches: Iterable[int]) -> dict[int, list[Sighting]]:
    """By batch, each label in each set of zones with its surest detection there, sorted by label."""
    found: defaultdict[int, list[Sighting]] = defaultdict(list)
    rows = Detection.objects.filter(batch__in=batches).values_list("batch_id", "label", "zones")
    for batch, label, zones, confidence in rows.annotate(surest=Max("confidence")).order_by("batch_id", "label"):
        found[batch].append(Sighting(label, confidence, frozenset(zones)))
    return dict(found)
