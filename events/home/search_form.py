"""What the page for people was asked to show: the parameters of the list of events, in its own address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from rest_framework.exceptions import ValidationError

from detection.detectors.labels import COCO_80
from events.filters import Conditions
from events.models import Event
from hsi.api.filters import narrowed

LEVELS = {"medium": "Medium and above", "high": "High and above", "critical": "Critical only"}
# What most people never set; shown when it is asked for.
RARELY = ("label", "after", "before")


@dataclass(frozen=True, slots=True)
class Asked:
    """`given` is what somebody wrote, by name; empty fields of the form are not in it."""

    given: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, parameters: QueryDict) -> Self:
        return cls({name: str(value) for name, value in parameters.items() if value})

    @property
    def query(self) -> str:
        """For the API, whose parameters these are."""
        return urlencode(self.given)

    @property
    def day_after(self) -> str:
        return self.given.get("after", "")[:10]

    @property
    def day_before(self) -> str:
        return self.given.get("before", "")[:10]

    @property
    def rarely(self) -> int:
        return sum(name in self.given for name in RARELY)

    @property
    def levels(self) -> Mapping[str, str]:
        return LEVELS

    @property
    def labels(self) -> tuple[str, ...]:
        """To choose from; others are taken as well."""
        return COCO_80

    def narrow(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """What does not fit is a fault to be shown, and finds nothing."""
        parameters = QueryDict(mutable=True)
        parameters.update(self.given)
        try:
            return narrowed(events, Conditions, parameters)
        except ValidationError as error:
            self.faults.extend(f"{name}: {' '.join(map(str, said))}" for name, said in error.detail.items())  # type: ignore[union-attr]
            return events.none()
