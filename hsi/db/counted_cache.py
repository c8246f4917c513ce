"""Django's caches with the metrics of django-prometheus (`django_cache_*`)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.cache.backends.locmem import LocMemCache
from django_prometheus.cache.metrics import (
    django_cache_get_total,
    django_cache_hits_total,
    django_cache_misses_total,
)

_MISSING = object()


class CountedReads:
    """Counts the reads of the cache that it is mixed into, and how many of them found a value.

    The classes of django-prometheus take a stored 0 or empty text for a miss.
    """

    backend: ClassVar[str]

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        django_cache_get_total.labels(self.backend).inc()
        value = super().get(key, _MISSING, version)  # type: ignore[misc]
        if value is _MISSING:
            django_cache_misses_total.labels(self.backend).inc()
            return default
        django_cache_hits_total.labels(self.backend).inc()
        return value


class CountedLocMemCache(CountedReads, LocMemCache):
    backend = "locmem"
