"""The search form of the live page. Its fields are the parameters of the API, in the address of the page."""

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
from events.severity import AT_LEAST_LABELS
from hsi.api.filters import narrowed

# Fields in the part of the form that is closed at first.
EXTRA_FIELDS = ("label", "after", "before")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """The values of the form by name, without empty fields."""

    values: Mapping[str, str]
    errors: list[str] = field(default_factory=list)

    @classmethod
    def from_parameters(cls, parameters: QueryDict) -> Self:
        return cls({name: str(value) for name, value in parameters.items() if value})

    @property
    def query(self) -> str:
        """Return the query string for the API."""
        return urlencode(self.values)

    @property
    def day_after(self) -> str:
        return self.values.get("after", "")[:10]

    @property
    def day_before(self) -> str:
        return self.values.get("before", "")[:10]

    @property
    def extra_count(self) -> int:
        """Return how many fields of the closed part are set."""
        return sum(name in self.values for name in EXTRA_FIELDS)

    @property
    def levels(self) -> Mapping[str, str]:
        return AT_LEAST_LABELS

    @property
    def labels(self) -> tuple[str, ...]:
        """Return labels to choose from. Others are accepted as well."""
        return COCO_80

    def apply(self, events: QuerySet[Event]) -> QuerySet[Event]:
        """Filter the events. Invalid values are added to `errors`, and match no event."""
        parameters = QueryDict(mutable=True)
        parameters.update(self.values)
        try:
            return narrowed(events, Conditions, parameters)
        except ValidationError as error:
            self.errors.extend(f"{name}: {' '.join(map(str, details))}" for name, details in error.detail.items())  # type: ignore[union-attr]
            return events.none()
