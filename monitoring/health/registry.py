"""The registry of health checks. An app adds its checks from `AppConfig.ready()`."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from cameras.access import sees_all, visible_cameras
from cameras.models import Camera
from hsi.security.roles import Person
from monitoring.health.checks import NamedCheck


@dataclass(frozen=True, slots=True)
class Scope:
    """What the reader of a report may see. `is_everything`: every camera, and figures that cover all of them."""

    cameras: QuerySet[Camera]
    is_everything: bool


Factory = Callable[[Scope], Iterable[NamedCheck]]
_factories: list[Factory] = []


def register(*factories: Factory) -> None:
    """Add checks to the report. Their order is the order of registration."""
    _factories.extend(factories)


def all_checks(reader: Person | None = None) -> list[NamedCheck]:
    """Return all checks. Checks of cameras cover the cameras that `reader` may see (None: all cameras)."""
    is_everything = reader is None or sees_all(reader)
    cameras = Camera.objects.all() if reader is None else visible_cameras(reader)
    scope = Scope(cameras, is_everything)
    return [check for factory in _factories for check in factory(scope)]
