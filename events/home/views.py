"""The live page: the newest events and the cameras."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe

from cameras.access import only_visible, visible_cameras
from cameras.models import Upload
from detection.detectors import active_limits
from events.home.cards import cards
from events.home.search_form import SearchQuery
from events.labels import words
from events.models import Event
from hsi.api.pagination import cursor_of
from hsi.outbox import publish
from hsi.security.roles import is_admin

FIRST_EVENTS = 30


@dataclass(frozen=True, slots=True)
class UploadCounts:
    """How many files of the user's cameras were analysed, by result. Shown while there is no event."""

    empty: int
    detected: int
    waiting: int
    failed: int

    @property
    def any(self) -> bool:
        return bool(self.empty or self.detected or self.waiting or self.failed)


@require_safe
@never_cache
@ensure_csrf_cookie
def home(request: HttpRequest) -> HttpResponse:
    # Read first: every change after this number reaches the page over the socket.
    seq = publish.newest()
    user = cast(User, request.user)
    cameras = list(visible_cameras(user).with_last_upload())
    search = SearchQuery.from_parameters(request.GET)
    events = search.apply(only_visible(Event.objects.all(), user))
    newest = list(events.order_by("-started_at", "-id")[: FIRST_EVENTS + 1])
    has_more, newest = len(newest) > FIRST_EVENTS, newest[:FIRST_EVENTS]
    context = {
        "cameras": cameras,
        "cards": cards(newest, {camera.pk: camera.name for camera in cameras}),
        "search": search,
        "uploads": None if newest or search.values else upload_counts(user),
        "detector_limits": active_limits(),
        "page": {
            "query": search.query,
            "seq": seq,
            "cursor": cursor_of(newest[-1], "started_at", Event) if has_more else None,
            "first": FIRST_EVENTS,
            "words": words(),
        },
        "rejected_today": rejected_today(user),
        "camera_root": settings.CAMERA_ROOT if is_admin(user) else "",
        "demo": demo(),
    }
    return render(request, "events/home.html", context)


def upload_counts(user: User) -> UploadCounts:
    state = Upload.State
    return UploadCounts(
        **only_visible(Upload.objects.all(), user).aggregate(
            empty=Count("pk", filter=Q(state=state.EMPTY)),
            detected=Count("pk", filter=Q(state=state.DETECTED)),
            waiting=Count("pk", filter=Q(state=state.WAITING)),
            failed=Count("pk", filter=Q(state__in=(state.DEAD, state.REJECTED))),
        )
    )


def rejected_today(user: User) -> int:
    """Return how many files were rejected since midnight, in the time zone of the site."""
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    rejected = Upload.objects.filter(state=Upload.State.REJECTED, captured_at__gte=midnight)
    return only_visible(rejected, user).count()


def demo() -> str:
    if not getattr(settings, "HSI_DEMO", False):
        return ""
    return f"Demo: drawn cameras, and batches close after {settings.BATCH_WINDOW_SECONDS} s instead of 90 s."
